/** Hosts in the database without agents behind them: as many as a large fleet has, for what a page must show of them. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { openDatabase } from "../../packages/central-node/src/database/database.ts";
import { hostStore } from "../../packages/central-node/src/hosts/host-store.ts";

export const hostileName = "<img src=x onerror=alert(document.domain)>";

const kinds = ["web", "db", "build", "workstation", "mail"];
const systems = ["Debian GNU/Linux 12 (bookworm)", "Ubuntu 24.04.1 LTS", "Red Hat Enterprise Linux 9.4"];
const hourMs = 3_600_000;

/**
 * Into the database of a Central Node that is stopped, until it has so many. `hostile`: the first host has a name that would
 * be a script as HTML. `from`: how many are there already.
 */
export async function fillWithHosts(dataDir: string, count: number, { hostile = true, from = 0 } = {}): Promise<void> {
  const database = await openDatabase(join(dataDir, "cordon.db"));
  const now = Date.now();
  try {
    await database.write(async (tx) => {
      for (let index = from; index < count; index++) {
        const address = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
        // Most are on; one in forty has been quiet for days.
        const quietMs = index % 40 === 7 ? 200 * hourMs : index % 25 === 3 ? 30 * hourMs : (index * 7919) % 60_000;
        await hostStore.insert(
          tx,
          {
            sensor_id: randomUUID(),
            host_name:
              hostile && index === 0
                ? hostileName
                : `${kinds[index % 5]}-${String(index).padStart(5, "0")}.example.org`,
            ip_addresses: JSON.stringify([address]),
            os_family: "linux",
            os_name: systems[index % 3] ?? "",
            agent_version: "0.1.0",
            capabilities: JSON.stringify(["network-isolation", "prevention", "run-process"]),
            journal_id: null,
            enrolled_at: new Date(now - 30 * 24 * hourMs).toISOString(),
            last_access_at: new Date(now - quietMs).toISOString(),
          },
          [address],
        );
      }
    });
  } finally {
    await database.close();
  }
}
