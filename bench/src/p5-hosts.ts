/** Hosts as a fleet leaves them in the database: each with an address, an isolation that was ordered, and its report. */
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

const at = new Date().toISOString();
const capabilities = JSON.stringify(["network-isolation", "prevention", "run-process"]);

export const sensorIdOf = (host: number) => `00000000-0000-4000-8000-${String(host).padStart(12, "0")}`;

/** Written beside the Central Node that runs on this folder, in one transaction. */
export function fillWithHosts(dataDir: string, hosts: number): void {
  const database = new DatabaseSync(join(dataDir, "cordon.db"));
  database.exec("pragma busy_timeout = 10000; begin immediate");
  const inserters = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  const insert = (table: string, row: Record<string, SQLInputValue>) => {
    const names = Object.keys(row);
    const statement =
      inserters.get(table) ??
      database.prepare(`insert into ${table} (${names.join(", ")}) values (${names.map(() => "?").join(", ")})`);
    inserters.set(table, statement);
    statement.run(...Object.values(row));
  };
  for (let host = 0; host < hosts; host++) {
    const sensor_id = sensorIdOf(host);
    const address = `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`;
    insert("hosts", {
      ...{ sensor_id, host_name: `host-${host}.example`, ip_addresses: JSON.stringify([address]) },
      ...{ os_family: "linux", os_name: "Debian GNU/Linux 12", agent_version: "0.1.0", capabilities },
      ...{ journal_id: null, enrolled_at: at, last_access_at: at },
    });
    insert("host_addresses", { sensor_id, address });
    insert("settings", {
      ...{ target: sensor_id, action: "network-isolation", generation: 1, enabled: 1, ordered_at: at },
      ...{ wish: '{"autoTurnoffTimeoutInSec":7200,"exclusions":[]}', ordered_by: "{}" },
      ...{ ends_at: new Date(Date.now() + 7_200_000).toISOString(), digest: null, deltas_since: null },
    });
    insert("setting_reports", {
      ...{ sensor_id, action: "network-isolation", scope: "host", generation: 1, journal_id: sensor_id },
      ...{ report_number: 1, state: "in-effect", reason: null, detail: null, reported_at: at, received_at: at },
    });
  }
  database.exec("commit");
  database.close();
}
