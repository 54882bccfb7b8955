import assert from "node:assert/strict";
import { test } from "node:test";
import { responseApiBase } from "@cordon/contract";
import Fastify from "fastify";
import { startTestConsole } from "./console-api/test-console.ts";
import { testDatabases } from "./database/test-databases.ts";
import { responseApiRoutes } from "./response-api/response-api-routes.ts";
import { sha256, soar } from "./test-services.ts";

const externalSystemId = "5d1f4d40-0000-4000-8000-00000000000a";

for (const kind of testDatabases) {
  /** A senior security officer at the console's port and an external system at the machine port, on the same services. */
  async function start(t: Parameters<typeof kind.open>[0]) {
    const console = await startTestConsole(t, await kind.open(t));
    const officer = await console.person("senior-security-officer", "olga");
    const api = Fastify();
    await api.register(
      responseApiRoutes({ ...console.services, authorise: async () => ({ actor: soar }), version: "1.2.3" }),
    );
    t.after(() => api.close());
    return {
      officer,
      host: await console.services.addHost({ hostName: "web-1" }),
      async soar(method: "GET" | "POST" | "DELETE", path: string, body?: object) {
        const url = `${responseApiBase}/${externalSystemId}/${path}`;
        const answer = await api.inject({ method, url, ...(body === undefined ? {} : { payload: body }) });
        return { status: answer.statusCode, body: answer.json() };
      },
    };
  }

  test(`${kind.name}: an isolation ordered here shows there, and is replaced and ended from there`, async (t) => {
    const { officer, host, soar: machine } = await start(t);
    const settings = `settings?sensor_id=${host}&settings_type=network_isolation`;
    const isolated = await officer.call("POST", "/isolation-rules", { sensorIds: [host], hours: 2, exclusions: [] });
    assert.deepEqual([isolated.status, isolated.body], [200, { done: 1, failed: [] }]);
    const there = await machine("GET", settings);
    assert.deepEqual(there.body, { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [] } });
    await machine("POST", settings, { settings: { autoTurnoffTimeoutInSec: 5400 } });
    const here = await officer.call("GET", `/isolation-rules/${host}`);
    assert.deepEqual([here.body.hours, here.body.orderedBy, here.headers.etag], [1.5, "external-system:soar", '"2"']);
    await machine("DELETE", settings);
    assert.equal((await officer.call("GET", `/isolation-rules/${host}`)).body.state, "disabled");
    const audit = await officer.call("GET", `/hosts/${host}/history`);
    assert.deepEqual(
      audit.body.items.map(({ who, action }) => `${who} ${action}`),
      [
        "external-system:soar network-isolation.lift",
        "external-system:soar network-isolation.set",
        "user:olga network-isolation.set",
      ],
    );
  });

  test(`${kind.name}: prevention rules of both sides stand in each other's lists, and in each other's way`, async (t) => {
    const { officer, host, soar: machine } = await start(t);
    const settings = (scope: string) => `settings?sensor_id=${scope}&settings_type=prevention`;
    const objects = (...numbers: number[]) => ({
      settings: { objects: numbers.map((number) => ({ file: { sha256: sha256(number) } })) },
    });
    const rule = { name: "miner", hash: sha256(1), scope: [host], enabled: true };
    const created = await officer.call("POST", "/prevention-rules", rule);
    assert.equal(created.status, 200);
    assert.deepEqual((await machine("GET", settings(host))).body, {
      settings: { objects: [{ file: { sha256: sha256(1) }, name: "miner" }] },
    });
    const conflict = await machine("POST", settings("all"), objects(1));
    assert.deepEqual([conflict.status, conflict.body.hosts], [400, [{ sensorId: host, host: "web-1" }]]);
    await machine("POST", settings(host), objects(2));
    const { body } = await officer.call("GET", "/prevention-rules");
    assert.deepEqual(
      body.items.map(({ hash, author }) => [hash, author]),
      [[sha256(2), "external-system:soar"]],
    );
    assert.equal((await officer.call("GET", `/prevention-rules/${created.body.ruleId}`)).status, 404);
    const refused = await officer.call("POST", "/prevention-rules", { ...rule, hash: sha256(2), scope: "all" });
    assert.deepEqual([refused.status, refused.body.code], [400, "RULE_CONFLICT"]);
  });

  test(`${kind.name}: a task ordered here is the same task there; downloads come as files`, async (t) => {
    const { officer, host, soar: machine } = await start(t);
    const order = {
      sensorIds: [host],
      program: "/usr/bin/id",
      commandLine: "-u",
      workingDirectory: null,
      startNow: false,
    };
    const key = { "idempotency-key": "run-id-once" };
    const created = await officer.call("POST", "/tasks", order, key);
    const [{ taskId = "" } = {}] = created.body.tasks as { taskId: string }[];
    assert.deepEqual((await officer.call("POST", "/tasks", order, key)).body, created.body);
    assert.equal((await officer.call("GET", "/tasks")).body.total, 1, "one order under one key is one task");
    const there = await machine("GET", `tasks/${taskId}?settings=true`);
    assert.deepEqual(
      [there.body.state, there.body.task.execCommand, there.body.task.schedule.startNow],
      ["waiting", "/usr/bin/id", false],
    );
    await machine("POST", `tasks/${taskId}/start`);
    assert.equal((await officer.call("GET", `/tasks/${taskId}`)).body.startNow, true);
    await officer.call("DELETE", `/tasks/${taskId}`);
    assert.equal((await machine("GET", `tasks/${taskId}`)).status, 404);
    const csv = await officer.call("GET", "/hosts.csv?filter=hostName:is:web-1");
    assert.match(String(csv.headers["content-disposition"]), /attachment; filename="hosts-2026-11-24\.csv"/);
    assert.match(csv.text, /^name,sensor ID,.*\r\nweb-1,/);
  });
}
