import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Tables } from "../database/tables.ts";
import { testDatabases } from "../database/test-databases.ts";
import { everyCapability, soar } from "../test-services.ts";
import { startOrders } from "./test-orders.ts";

const at = "2026-11-24T10:00:00.000Z";
const idOf = (host: number) => `00000000-0000-4000-8000-${String(host).padStart(12, "0")}`;

/** 15,000 hosts that have been isolated at some time and follow a prevention rule, with a task each. */
async function startLargeFleet(t: TestContext) {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const orders = await startOrders(t, sqlite);
  const report = (
    sensorId: string,
    action: string,
    scope: "host" | "all",
    state: "in-effect" | "lifted" | "failed",
  ) => ({
    ...{
      sensor_id: sensorId,
      scope,
      action,
      generation: 1,
      journal_id: idOf(0),
      report_number: 1,
      state,
      reason: null,
    },
    ...{ detail: null, reported_at: at, received_at: at, refused: null, refused_count: null },
  });
  await orders.settings.set(
    { actor: soar, target: "all", action: "prevention" },
    { files: [{ algorithm: "md5", hash: "ab".repeat(16), name: null }] },
  );
  for (let first = 0; first < 15_000; first += 500) {
    const hosts = Array.from({ length: 500 }, (_, index) => first + index);
    await orders.database.write(async (tx) => {
      await tx.insertInto("hosts").values(hosts.map(hostRow)).execute();
      await tx.insertInto("settings").values(hosts.map(settingRow)).execute();
      await tx.insertInto("tasks").values(hosts.map(taskRow)).execute();
      const reports = hosts.flatMap((host) => [
        report(idOf(host), "network-isolation", "host", host % 20 === 0 ? "in-effect" : "lifted"),
        report(idOf(host), "prevention", "all", host % 50 === 0 ? "failed" : "in-effect"),
      ]);
      await tx.insertInto("setting_reports").values(reports).execute();
    });
  }
  return orders;
}

function hostRow(host: number): Tables["hosts"] {
  return {
    ...{
      sensor_id: idOf(host),
      host_name: `host-${(host * 7919) % 15_000}.example`,
      journal_id: null,
      enrolled_at: at,
    },
    ...{ ip_addresses: `["10.0.${host >> 8}.${host & 255}"]`, os_family: "linux", os_name: "Debian GNU/Linux 12" },
    ...{ agent_version: "0.1.0", capabilities: JSON.stringify(everyCapability) },
    last_access_at: new Date(Date.parse(at) - (host % 300) * 3_600_000).toISOString(),
  };
}

function settingRow(host: number): Tables["settings"] {
  const inForce = host % 20 === 0;
  return {
    ...{ target: idOf(host), action: "network-isolation", generation: 1, enabled: inForce ? 1 : 0, ordered_at: at },
    ...{ wish: '{"autoTurnoffTimeoutInSec":7200,"exclusions":[]}', ordered_by: JSON.stringify(soar) },
    ...{ ends_at: inForce ? "2026-11-25T10:00:00.000Z" : null, digest: null, deltas_since: null, forgotten_at: null },
  };
}

function taskRow(host: number): Tables["tasks"] {
  const parameters = { program: "/usr/bin/uptime", commandLine: "-s", workingDirectory: null };
  return {
    ...{ task_id: idOf(100_000 + host), sensor_id: idOf(host), action: "run-process", start_now: 1, sent_at: at },
    ...{ parameters: JSON.stringify(parameters), state: host % 30 === 0 ? "failed" : "completed", created_at: at },
    ...{ created_by: JSON.stringify(soar), expires_at: at, started_at: at, finished_at: at, cancel_requested_at: null },
    ...{ deleted_at: null, reason: null, detail: null, exit_code: 0, stdout: null, stderr: null },
    ...{ stdout_truncated: 0, stderr_truncated: 0 },
  };
}

/** Processor time, which a busy machine does not stretch as it does the clock's; the least of a few runs. */
async function costMs(work: () => Promise<unknown>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 4; run++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** A page looks at every host, but neither reads nor shapes them all. The dearest comes to about a third. */
const mostOfReadingAll = 2 / 3;

test("SQLite: with 15,000 hosts a filtered page of any list costs less than two thirds of reading them all, whichever column it is", async (t) => {
  const { call, hosts: service } = await startLargeFleet(t);
  const readingAll = await costMs(() => service.list());
  t.diagnostic(`reading all hosts: ${readingAll.toFixed(0)} ms`);
  const hosts =
    (filter: string | string[], sort = "hostName") =>
    () =>
      call("listHosts", { query: { filter, sort } });
  const pages: Record<string, () => Promise<{ total: number }>> = {
    "hosts by name": hosts("hostName:contains:99"),
    "hosts by a name that is not ASCII": hosts("hostName:contains:хост"),
    "hosts by address and OS": hosts(["ipAddresses:contains:10.0.1", "osName:not-contains:ubuntu"]),
    "hosts by activity, sorted by contact": hosts("activity:is:critical", "-lastAccessAt"),
    "hosts by isolation": hosts("isolation:is:in-effect"),
    "hosts by prevention": hosts("prevention:is:failed"),
    "hosts by failures": hosts("failuresLastDay:after:0"),
    "isolation rules by state": () => call("listIsolationRules", { query: { filter: "state:is:in-effect" } }),
    "tasks by program and host": () =>
      call("listTasks", { query: { filter: ["program:contains:UPT", "hostName:contains:9"] } }),
  };
  for (const [what, page] of Object.entries(pages)) {
    const cost = await costMs(page);
    t.diagnostic(`${what}: ${cost.toFixed(0)} ms, ${(await page()).total} in all`);
    assert.ok(cost < mostOfReadingAll * readingAll, `${what} cost ${cost} ms, reading all hosts ${readingAll}`);
  }
  t.diagnostic(`the overview: ${(await costMs(() => call("overview", {}))).toFixed(0)} ms`);
});
