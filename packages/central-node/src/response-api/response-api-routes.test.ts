import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Problem, responseApiOpenApi } from "@cordon/contract";
import Fastify from "fastify";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, silentLog, soar } from "../test-services.ts";
import { type ResponseApiNeeds, responseApiRoutes } from "./response-api-routes.ts";

const systemId = "15301050-0490-4A41-81EA-B0391CF21EF3";
const base = `/kata/response_api/v1/${systemId}`;
const nobody = "11111111-1111-4111-8111-111111111111";
const taskId = "22222222-2222-4222-8222-222222222222";
const [sha256, md5] = [
  "830195824b742ee59390bc5b9302688c778fc95a64e7d597e28a74c03a04dd63",
  "d8e577bf078c45954f4531885478d5a9",
];
const notFound = { error: "Not Found" };

async function start(t: TestContext, changes: Partial<ResponseApiNeeds> = {}) {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const clock = createTestClock();
  const services = await createTestServices({ database: await sqlite.open(t), now: clock.now });
  const host = await services.addHost();
  const knocks: string[] = [];
  const app = Fastify({ bodyLimit: 64 * 1024, loggerInstance: silentLog, routerOptions: { maxParamLength: 512 } });
  await app.register(
    responseApiRoutes({
      ...services,
      async authorise({ externalSystemId }) {
        knocks.push(externalSystemId);
        return { actor: soar };
      },
      version: "0.1.0",
      ...changes,
    }),
  );
  t.after(() => app.close());
  return {
    clock,
    host,
    knocks,
    ...services,
    /** `settings?…` below the system's ID, or a whole path. Returns status and body. */
    async call(method: "GET" | "POST" | "DELETE" | "PUT", path: string, body?: unknown, headers: object = {}) {
      const answer = await app.inject({
        method,
        url: path.startsWith("/") ? path : `${base}/${path}`,
        headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
        ...(body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      assert.match(String(answer.headers["content-type"]), /^application\/json/);
      return [answer.statusCode, answer.json()] as const;
    },
  };
}
const isolation = (host: string) => `settings?sensor_id=${host}&settings_type=network_isolation`;
const prevention = (scope: string) => `settings?sensor_id=${scope}&settings_type=prevention`;
const task = (host: string, id = taskId) => `tasks/${id}?sensor_id=${host}&task_type=run_process`;
const uptime = { task: { execCommand: "/usr/bin/uptime" } };

test("GET sensors lists hosts with what is ordered and what is in effect", async (t) => {
  const { call, host, settings } = await start(t);
  await call("POST", isolation(host), { settings: { autoTurnoffTimeoutInSec: 7200 } });
  const sensor = {
    sensorId: host,
    hostIp: "10.16.40.243",
    host: "host4",
    lastAccessTimestamp: "2026-11-24T10:00:00.000Z",
    version: "0.1.0",
    selfDefenseState: false,
    licenseStatus: "ok",
    osFamily: "linux",
    osName: "Debian GNU/Linux 12 (bookworm)",
    capabilities: ["network_isolation", "prevention", "run_process"],
    hostIps: ["10.16.40.243"],
    settingStates: [
      {
        type: "network_isolation",
        scope: "host",
        state: "pending",
        orderedGeneration: 1,
        reportedGeneration: null,
        orderedAt: "2026-11-24T10:00:00.000Z",
        endsAt: "2026-11-24T12:00:00.000Z",
        reportedAt: null,
        reason: null,
        detail: null,
      },
    ],
  };
  const found = { server: { version: "0.1.0" }, sensors: [sensor] };
  const none = { server: { version: "0.1.0" }, sensors: [] };
  assert.deepEqual(await call("GET", "sensors"), [200, found]);
  assert.deepEqual(await call("GET", `sensors?ip=10.16.40.243&host=host4&sensor_id=${host.toUpperCase()}`), [
    200,
    found,
  ]);
  assert.deepEqual(await call("GET", "sensors?host=HOST4"), [200, none]);
  assert.deepEqual(await call("GET", "sensors?ip=10.16.40.244&more=ignored"), [200, none]);
  assert.deepEqual(await call("GET", "sensors?sensor_id=null"), [
    400,
    { error: "Bad Request", message: 'sensor_id must be a UUID, not "null"' },
  ]);
  assert.equal((await settings.listStates([{ sensorId: host, capabilities: [] }])).size, 1);
});

test("an isolation is set with its defaults filled in, read, replaced whole, and ended", async (t) => {
  const { call, host, clock } = await start(t);
  const path = isolation(host);
  assert.deepEqual(await call("GET", path), [404, notFound]);
  const plain = { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [] } };
  assert.deepEqual(await call("POST", path, { settings: { autoTurnoffTimeoutInSec: 7200 } }), [200, plain]);
  assert.deepEqual(await call("GET", path), [200, plain]);
  const rules = [
    {
      direction: "inbound",
      protocol: 6,
      remoteIpv4Address: "10.16.41.0",
      localPortRange: { fromPort: 3389, toPort: 3389 },
    },
    {
      direction: "outbound",
      protocol: 17,
      remoteIpv4Address: "10.16.41.1",
      remotePortRange: { fromPort: 53, toPort: 53 },
    },
    { direction: "both", protocol: 6, remoteIpv4Address: "10.16.41.2" },
  ];
  const withRules = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: rules } };
  assert.deepEqual(await call("POST", path.replace("isolation", "izolation"), withRules), [200, withRules]);
  assert.deepEqual(await call("GET", path), [200, withRules]);
  const bad = { ...rules[2], remotePortRange: { fromPort: 1, toPort: 2 } };
  assert.deepEqual(
    await call("POST", path, { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [rules[0], bad] } }),
    [
      400,
      {
        error: "Bad Request",
        message:
          'settings.excludedRules[1].remotePortRange must not be given with direction "both": ports need a direction, inbound or outbound (it is {"from":1,"to":2})',
      },
    ],
  );
  assert.deepEqual(await call("GET", path), [200, withRules]);
  clock.pass(3_600_000);
  assert.deepEqual(await call("GET", path), [404, notFound]);
  await call("POST", path, {
    settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [{ remoteIpv4Address: "10.0.0.1" }] },
  });
  assert.deepEqual((await call("GET", path))[1].settings.excludedRules, [
    { direction: "both", remoteIpv4Address: "10.0.0.1" },
  ]);
  assert.deepEqual(await call("DELETE", path), [200, {}]);
  assert.deepEqual(await call("DELETE", path), [200, {}]);
  assert.deepEqual(await call("GET", path), [404, notFound]);
});

test("scripts and killRunning are ours: kept when given, absent when not, so that KATA's rules look as they did", async (t) => {
  const { call } = await start(t);
  const objects = [{ file: { md5 } }];
  const modes = { scripts: true, killRunning: true };
  assert.deepEqual(await call("POST", prevention("all"), { settings: { objects, ...modes } }), [
    200,
    { settings: { objects, ...modes } },
  ]);
  assert.deepEqual(await call("GET", prevention("all")), [200, { settings: { objects, ...modes } }]);
  const off = { settings: { objects, scripts: false } };
  assert.deepEqual(await call("POST", prevention("all"), off), [200, { settings: { objects } }]);
  assert.deepEqual(await call("GET", prevention("all")), [200, { settings: { objects } }]);
  const [status, { message }] = await call("POST", prevention("all"), { settings: { objects, scripts: "yes" } });
  assert.deepEqual([status, message], [400, 'settings.scripts must be true or false, not "yes"']);
});

test("what a host refuses of a rule, and how often it blocked, is told beside the state of the rule alone", async (t) => {
  const { call, host, settings, blocks, lineage } = await start(t);
  await call("POST", prevention("all"), { settings: { objects: [{ file: { sha256 } }, { file: { md5 } }] } });
  await call("POST", isolation(host), { settings: { autoTurnoffTimeoutInSec: 7200 } });
  const refused = [{ part: sha256, reason: "HOST_NEEDS_IT", detail: "/usr/lib/systemd/systemd\u001b[31m" }];
  const journalId = "99999999-9999-4999-8999-999999999999";
  await settings.recordReport(
    host,
    {
      type: "setting-report",
      reportId: journalId,
      action: "prevention",
      scope: "all",
      lineage,
      generation: 1,
      state: "in-effect",
      refused,
      refusedCount: 120,
      at: "2026-11-24T10:00:00.000Z",
    },
    journalId,
  );
  const block = { eventId: journalId, at: "", kind: "denied", path: "/x", hash: md5, algorithm: "md5", scope: "all" };
  const rest = { ruleName: null, fileSha256: null, userId: null, userName: null, processes: [], count: 7 };
  await blocks.record(host, { blocks: [{ ...block, ...rest }], lostInAll: 0 }, journalId);
  const [, { sensors }] = await call("GET", "sensors");
  const states = new Map(sensors[0].settingStates.map((state: { type: string }) => [state.type, state]));
  const { refused: told, refusedCount, blocks24h } = states.get("prevention") as Record<string, unknown>;
  assert.deepEqual(told, [{ hash: sha256, reason: "HOST_NEEDS_IT", detail: "/usr/lib/systemd/systemd\ufffd[31m" }]);
  assert.deepEqual([refusedCount, blocks24h], [120, 7]);
  assert.equal("blocks24h" in (states.get("network_isolation") as object), false);
});

test("a prevention rule is stored with hashes in lower case and without doubles, and an empty list deletes it", async (t) => {
  const { call, host } = await start(t);
  const objects = [
    { file: { sha256: sha256.toUpperCase() }, name: "dropper" },
    { file: { md5, name: "tool" } },
    { file: { sha256 }, name: "again" },
  ];
  const stored = {
    settings: {
      objects: [
        { file: { sha256 }, name: "dropper" },
        { file: { md5 }, name: "tool" },
      ],
    },
  };
  for (const scope of ["all", host]) {
    assert.deepEqual(await call("POST", prevention(scope), { settings: { objects } }), [200, stored]);
    assert.deepEqual(await call("GET", prevention(scope)), [200, stored]);
    assert.deepEqual(await call("POST", prevention(scope), { settings: { objects: [] } }), [
      200,
      { settings: { objects: [] } },
    ]);
    assert.deepEqual(await call("GET", prevention(scope)), [404, notFound]);
    assert.deepEqual(await call("DELETE", prevention(scope)), [200, {}]);
  }
});

test("a file with both hashes or none is refused by name", async (t) => {
  const { call } = await start(t);
  for (const file of [{ sha256, md5 }, {}]) {
    const [status, { error, message }] = await call("POST", prevention("all"), { settings: { objects: [{ file }] } });
    assert.deepEqual([status, error], [400, "Bad Request"]);
    assert.match(message, /^settings\.objects\[0\]\.file must have exactly one of sha256 and md5/);
  }
});

test("a conflict names the first file and who has it, in both directions", async (t) => {
  const { call, host } = await start(t);
  await call("POST", prevention("all"), { settings: { objects: [{ file: { md5 } }] } });
  assert.deepEqual(
    await call("POST", prevention(host), { settings: { objects: [{ file: { sha256 } }, { file: { md5 } }] } }),
    [
      400,
      {
        error: "Prevention rule already exists",
        message: `${md5} is in the rule of all hosts already, which this host follows`,
        file: { md5 },
        hosts: "all",
      },
    ],
  );
  await call("POST", prevention(host), { settings: { objects: [{ file: { sha256 } }] } });
  assert.deepEqual(await call("POST", prevention("all"), { settings: { objects: [{ file: { sha256 } }] } }), [
    400,
    {
      error: "Prevention rule already exists",
      message: `${sha256} is in the rule of single hosts: take it out there first, or leave it out here`,
      file: { sha256 },
      hosts: [{ sensorId: host, host: "host4" }],
    },
  ]);
});

test("a task is created once, read with and without what it runs, and deleted for good", async (t) => {
  const { call, host, tasks } = await start(t);
  const body = {
    task: { shedule: { startNow: true }, execCommand: "/bin/ls", cmdLineParameters: "-l", workingDirectory: "/tmp" },
  };
  const waiting = {
    state: "waiting",
    latestStartDateTime: null,
    createdDateTime: "2026-11-24T10:00:00.000Z",
    sensorId: host,
  };
  const settings = {
    task: { schedule: { startNow: true }, execCommand: "/bin/ls", cmdLineParameters: "-l", workingDirectory: "/tmp" },
  };
  assert.deepEqual(await call("POST", task(host), body), [200, { ...waiting, ...settings }]);
  const [status, conflict] = await call("POST", task(host, taskId.toUpperCase()), body);
  assert.deepEqual([status, conflict], [409, { error: "Conflict" }]);
  assert.deepEqual(await call("GET", `tasks/${taskId}`), [200, waiting]);
  assert.deepEqual(await call("GET", `tasks/${taskId}?settings=false`), [200, waiting]);
  assert.deepEqual(await call("GET", `tasks/${taskId}?settings=true`), [200, { ...waiting, ...settings }]);

  await tasks.takeForDelivery(host, [], 16);
  await tasks.recordReport(host, {
    type: "task-report",
    reportId: nobody,
    taskId,
    state: "completed",
    startedAt: "2026-11-24T10:00:01.000Z",
    finishedAt: "2026-11-24T10:00:02.000Z",
    exitCode: 3,
    stdout: "out",
    stderr: "",
    stdoutTruncated: true,
  });
  const ended = {
    ...waiting,
    state: "completed",
    latestStartDateTime: "2026-11-24T10:00:01.000Z",
    finishedDateTime: "2026-11-24T10:00:02.000Z",
    exitCode: 3,
  };
  assert.deepEqual(await call("GET", `tasks/${taskId}`), [200, ended]);
  assert.deepEqual(await call("GET", `tasks/${taskId}?settings=true`), [
    200,
    { ...ended, ...settings, stdout: "out", stderr: "", stdoutTruncated: true, stderrTruncated: false },
  ]);
  assert.deepEqual((await call("POST", `tasks/${taskId}/cancel`))[1].state, "completed", "it stays as it ended");
  assert.deepEqual(await call("DELETE", `tasks/${taskId}`), [200, {}]);
  assert.deepEqual(await call("GET", `tasks/${taskId}`), [404, notFound]);
  assert.deepEqual(await call("DELETE", `tasks/${taskId}`), [404, notFound]);
  assert.equal((await call("POST", task(host), body))[0], 409);
});

test("a task that failed says why", async (t) => {
  const { call, host, tasks } = await start(t);
  await call("POST", task(host), uptime);
  await tasks.takeForDelivery(host, [], 16);
  const report = { type: "task-report", reportId: nobody, taskId, state: "failed" } as const;
  await tasks.recordReport(host, { ...report, reason: "PROGRAM_NOT_FOUND", detail: "ENOENT" });
  const [, { state, error, exitCode }] = await call("GET", `tasks/${taskId}`);
  assert.deepEqual([state, error, exitCode], ["failed", "PROGRAM_NOT_FOUND: ENOENT", null]);
});

test("a task for later is started by name, and cancelling keeps it readable", async (t) => {
  const { call, host } = await start(t);
  await call("POST", task(host), { task: { ...uptime.task, schedule: { startNow: false } } });
  const [status, started] = await call("POST", `tasks/${taskId}/start`);
  assert.deepEqual([status, started.task.schedule.startNow], [200, true]);
  assert.deepEqual((await call("POST", `tasks/${taskId}/cancel`))[1].state, "cancelled");
  assert.deepEqual((await call("GET", `tasks/${taskId}`))[1].state, "cancelled");
  assert.equal((await call("POST", `tasks/${taskId}/start`))[0], 400);
});

test("an unknown host is 404 and malformed parameters are 400, for every call", async (t) => {
  const { call, host } = await start(t);
  const wish = { settings: { autoTurnoffTimeoutInSec: 7200 } };
  const files = { settings: { objects: [{ file: { md5 } }] } };
  for (const [method, path, body] of [
    ["GET", isolation(nobody)],
    ["POST", isolation(nobody), wish],
    ["DELETE", isolation(nobody)],
    ["GET", prevention(nobody)],
    ["POST", prevention(nobody), files],
    ["POST", prevention(nobody), { settings: { objects: [] } }],
    ["DELETE", prevention(nobody)],
    ["POST", task(nobody), uptime],
    ["GET", `tasks/${nobody}`],
    ["DELETE", `tasks/${nobody}`],
    ["POST", `tasks/${nobody}/start`],
    ["POST", `tasks/${nobody}/cancel`],
    ["GET", ""],
    ["GET", "alerts"],
    ["PUT", isolation(host), wish],
  ] as const) {
    assert.deepEqual(await call(method, path, body), [404, notFound], `${method} ${path}`);
  }
  for (const [method, path, body] of [
    ["GET", isolation("null")],
    ["GET", "settings?settings_type=prevention"],
    ["GET", `settings?sensor_id=${host}`],
    ["GET", `settings?sensor_id=${host}&sensor_id=${host}&settings_type=prevention`],
    ["POST", isolation("all"), wish],
    ["DELETE", isolation("all")],
    ["POST", isolation(host)],
    ["POST", isolation(host), "null"],
    ["POST", isolation(host), files],
    ["POST", prevention(host), wish],
    ["POST", task("all"), uptime],
    ["POST", task(host, "1"), uptime],
    ["POST", task(host), { task: { execCommand: "a\u0000b" } }],
    ["POST", `tasks/${taskId}?sensor_id=${host}&task_type=x`, uptime],
    ["GET", `tasks/${taskId}?settings=yes`],
    ["GET", "/kata/response_api/v1/bad id/sensors"],
  ] as const) {
    const [status, answer] = await call(method, path, body);
    assert.deepEqual([status, answer.error], [400, "Bad Request"], `${method} ${path}`);
    assert.equal(typeof answer.message, "string");
  }
});

test("bodies that are too large, of another type, or not JSON are refused as such; none at all is no fault", async (t) => {
  const { call, host } = await start(t);
  const large = JSON.stringify({ settings: { objects: [], more: "x".repeat(70_000) } });
  assert.deepEqual((await call("POST", prevention("all"), large))[0], 413);
  assert.deepEqual(
    await call("POST", prevention("all"), "x=1", { "content-type": "application/x-www-form-urlencoded" }),
    [415, { error: "Unsupported Media Type", message: "the body must be application/json" }],
  );
  for (const text of ["{", "{'a':1}", "{}{}", "\ufeff{}", "NaN", "\0"]) {
    const [status, { message }] = await call("POST", prevention("all"), text);
    assert.equal(status, 400, text);
    assert.match(message, /^the body is not JSON: /);
  }
  assert.deepEqual(await call("DELETE", isolation(host), "", { "content-type": "application/json" }), [200, {}]);
});

test("whoever is not accepted gets nothing but that, before the body is read, on every path with an ID", async (t) => {
  const { call, audited } = await start(t, { authorise: () => Promise.reject(new Problem("UNAUTHORIZED")) });
  const refused = [401, { error: "Unauthorized" }];
  for (const path of [
    `${base}/sensors`,
    base,
    `${base}/no/such/path`,
    `/kata/scanner/v1/sensors/${systemId}/scans`,
    `/kata/events_api/v1/${systemId}/events`,
  ]) {
    assert.deepEqual(await call("GET", path), refused, path);
  }
  assert.deepEqual(await call("POST", prevention("all"), "{ not json"), refused);
  assert.deepEqual(await call("POST", prevention("all"), "x".repeat(100_000)), refused);
  assert.deepEqual(await audited(), [], "strangers cannot fill the audit log");
});

test("an accepted system gets 404 on the paths of KATA's other interfaces", async (t) => {
  const { call, knocks } = await start(t);
  assert.deepEqual(await call("POST", `/kata/scanner/v1/sensors/${systemId}/scans`), [404, notFound]);
  assert.deepEqual(await call("GET", `/kata/events_api/v1/${systemId}/events`), [404, notFound]);
  assert.deepEqual(knocks, [systemId, systemId]);
});

test("too many pending systems is 429, a fault is 500 with the request's ID and no more, a database away is 503", async (t) => {
  const many = await start(t, { authorise: () => Promise.reject(new Problem("TOO_MANY_PENDING")) });
  assert.equal((await many.call("GET", "sensors"))[0], 429);
  const broken = await start(t, { hosts: { list: () => Promise.reject(new Error("secret inner words")) } });
  const [status, { error, message }] = await broken.call("GET", "sensors");
  assert.deepEqual([status, error], [500, "Internal Server Error"]);
  assert.match(message, /^a fault of the Central Node; its log has it under request req-/);
  const away = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const down = await start(t, { hosts: { list: () => Promise.reject(away) } });
  assert.deepEqual((await down.call("GET", "sensors"))[0], 503);
});

test("every order and every refusal of a known system is in the audit log; reading is not", async (t) => {
  const { call, host, audited } = await start(t);
  await call("GET", "sensors");
  await call("GET", isolation(host));
  await call("POST", isolation(host), { settings: { autoTurnoffTimeoutInSec: 60 } });
  await call("POST", isolation(host), '{"settings":{"autoTurnoffTimeoutInSec":7200}}');
  await call("DELETE", `tasks/${taskId}`);
  await call("GET", "sensors?sensor_id=x");
  const entries = await audited();
  assert.deepEqual(
    entries.map(({ action, object, result }) => [action, object, result]),
    [
      ["response-api.post", `${base}/${isolation(host)}`, "BAD_REQUEST"],
      ["network-isolation.set", host, "done"],
      ["response-api.delete", `${base}/tasks/${taskId}`, "NOT_FOUND"],
      ["response-api.get", `${base}/sensors?sensor_id=x`, "BAD_REQUEST"],
    ],
  );
  // SHA-256 of the body's very bytes, so that the caller can prove what it sent.
  assert.equal(entries[1]?.detail.requestDigest, "15e37654c8d9029ef681164d9747a5caab10c751b7c299a024684a3982103f1b");
});

test("the API's document is served to anybody, and is the contract's", async (t) => {
  const { call } = await start(t, { authorise: () => Promise.reject(new Problem("UNAUTHORIZED")) });
  const [status, document] = await call("GET", "/kata/response_api/v1/openapi.json");
  assert.equal(status, 200);
  assert.deepEqual(document, JSON.parse(JSON.stringify(responseApiOpenApi("0.1.0"))));
});
