/** The Response API's common rules, as curl meets them. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { curl, untilTaskEnds } from "./external-system.ts";
import { acceptedSystem, createLab, is, isRefused, notFound, testDatabases } from "./worked-exchange-lab.ts";

for (const kind of testDatabases) {
  test(`the common rules hold on ${kind.name}`, async (t) => {
    const lab = await createLab(t, kind);
    const { host } = lab;
    const { system, soar } = await acceptedSystem(t, lab);
    const isolation = `settings?sensor_id=${host.sensorId}&settings_type=network_isolation`;
    const prevention = `settings?sensor_id=${host.sensorId}&settings_type=prevention`;
    const isolate = (rules: unknown[] | undefined, autoTurnoffTimeoutInSec: unknown = 7200) =>
      soar.post(isolation, { settings: { autoTurnoffTimeoutInSec, ...(rules && { excludedRules: rules }) } });

    await t.test(
      "aliases are taken and never sent back, the query's order is free, what is unknown is ignored",
      async () => {
        const plain = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } };
        const alias = `settings?x=1&settings_type=network_izolation&sensor_id=${host.sensorId}&y=`;
        const rule = { remoteIpv4Address: "10.0.0.1", colour: "red" };
        const made = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [], note: 1 }, also: [] };
        is(await soar.post(alias, made), 200, plain);
        is(await soar.get(isolation), 200, plain);
        is(await soar.get(alias), 200, plain);
        const defaults = { direction: "both", remoteIpv4Address: "10.0.0.1" };
        is(await isolate([rule]), 200, { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [defaults] } });
        is(await soar.delete(alias), 200, {});
        is(await soar.delete(alias), 200, {});

        const taskId = randomUUID();
        const query = `task_type=run_process&z=1&sensor_id=${host.sensorId}`;
        const task = { shedule: { startNow: false }, execCommand: "/bin/true", colour: "red" };
        const stored = await soar.post(`tasks/${taskId}?${query}`, { task });
        assert.deepEqual(
          [stored.status, stored.body.task, stored.text.includes("shedule")],
          [200, { schedule: { startNow: false }, execCommand: "/bin/true" }, false],
        );
        const { body } = await soar.get(`tasks/${taskId}`);
        assert.deepEqual([body.state, body.latestStartDateTime], ["waiting", null]);
        is(await soar.delete(`tasks/${taskId}`), 200, {});
      },
    );

    await t.test("a setting is within its ranges, or nothing changes", async () => {
      const base = { remoteIpv4Address: "10.0.0.1" };
      const port = { fromPort: 80, toPort: 90 };
      const refusals: [unknown[] | undefined, unknown, RegExp][] = [
        [[], 3599, /^settings\.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, not 3599$/],
        [[], 35_996_401, /^settings\.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400/],
        [[], 7200.5, /^settings\.autoTurnoffTimeoutInSec must be an integer/],
        [[], "7200", /^settings\.autoTurnoffTimeoutInSec must be an integer/],
        [[], undefined, /^settings\.autoTurnoffTimeoutInSec must be an integer .*it is missing$/],
        [[{}], 7200, /^settings\.excludedRules\[0\]\.remoteIpv4Address must be one dotted IPv4 address/],
        [[{ remoteIpv4Address: "10.0.0.256" }], 7200, /remoteIpv4Address must be one dotted IPv4 address/],
        [[{ remoteIpv4Address: "10.0.0.0/8" }], 7200, /remoteIpv4Address must be one dotted IPv4 address/],
        [[{ ...base, direction: "up" }], 7200, /direction must be one of "inbound", "outbound", "both", not "up"/],
        [[{ ...base, protocol: 256 }], 7200, /protocol must be an integer from 0 to 255, not 256/],
        [[{ ...base, direction: "both", protocol: 6, localPortRange: port }], 7200, /localPortRange must not be given/],
        [[{ ...base, protocol: 6, remotePortRange: port }], 7200, /remotePortRange must not be given/],
        [
          [{ ...base, direction: "inbound", localPortRange: port }],
          7200,
          /localPortRange must not be given without a pr/,
        ],
        [
          [{ ...base, direction: "inbound", protocol: 1, localPortRange: port }],
          7200,
          /localPortRange must not be given/,
        ],
        [
          [{ ...base, direction: "inbound", protocol: 6, localPortRange: { fromPort: 2, toPort: 1 } }],
          7200,
          /must not end/,
        ],
        [
          [{ ...base, direction: "inbound", protocol: 6, localPortRange: { fromPort: 0, toPort: 65536 } }],
          7200,
          /toPort must/,
        ],
        [Array(1001).fill(base), 7200, /^settings\.excludedRules must be a list of at most 1000 items/],
      ];
      for (const [rules, seconds, message] of refusals) {
        const body = { settings: { autoTurnoffTimeoutInSec: seconds, ...(rules && { excludedRules: rules }) } };
        isRefused(await soar.post(isolation, body), 400, "Bad Request", message);
      }
      is(await soar.get(isolation), 404, notFound);
      for (const seconds of [3600, 35_996_400]) assert.equal((await isolate(undefined, seconds)).status, 200);
      const wide = { ...base, direction: "inbound", protocol: 132, localPortRange: { fromPort: 0, toPort: 65535 } };
      assert.equal((await isolate([wide, ...Array(999).fill({ ...base, protocol: 255 })])).status, 200);
      is(await soar.delete(isolation), 200, {});
    });

    await t.test("isolation and tasks are for one host: all is refused", async () => {
      const all = "settings?sensor_id=all&settings_type=network_isolation";
      const body = { settings: { autoTurnoffTimeoutInSec: 7200 } };
      isRefused(await soar.post(all, body), 400, "Bad Request", /all/);
      isRefused(await soar.delete(all), 400, "Bad Request", /all/);
      const path = `tasks/${randomUUID()}?sensor_id=all&task_type=run_process`;
      isRefused(
        await soar.post(path, { task: { execCommand: "/bin/true" } }),
        400,
        "Bad Request",
        /^sensor_id must be/,
      );
      isRefused(await soar.get("settings?sensor_id=all&settings_type=x"), 400, "Bad Request", /^settings_type must be/);
      isRefused(await soar.get("settings?sensor_id=all"), 400, "Bad Request", /^settings_type must be .*missing$/);
      isRefused(
        await soar.get("settings?settings_type=prevention"),
        400,
        "Bad Request",
        /^sensor_id must be .*missing$/,
      );
    });

    await t.test("IDs are compared without case, and sent back as they are kept", async () => {
      const shouting = lab.callAs(system, system.id.toUpperCase());
      const sensor = host.sensorId.toUpperCase();
      const found = await shouting.get(`sensors?sensor_id=${sensor}`);
      assert.deepEqual([found.status, found.body.sensors[0].sensorId], [200, host.sensorId]);
      const wanted = { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [] } };
      is(await shouting.post(`settings?sensor_id=${sensor}&settings_type=network_isolation`, wanted), 200, wanted);
      is(await soar.get(isolation), 200, wanted);
      is(await soar.delete(isolation), 200, {});
      const taskId = randomUUID();
      const path = `tasks/${taskId.toUpperCase()}?sensor_id=${sensor}&task_type=run_process`;
      assert.equal((await soar.post(path, { task: { execCommand: "/bin/true" } })).body.sensorId, host.sensorId);
      const again = await soar.post(`tasks/${taskId}?sensor_id=${host.sensorId}&task_type=run_process`, {
        task: { execCommand: "/bin/true" },
      });
      assert.deepEqual([again.status, again.body.error], [409, "Conflict"]);
      await untilTaskEnds(soar, taskId);
      is(await soar.delete(`tasks/${taskId.toUpperCase()}`), 200, {});
      const mixed = `${"aB".repeat(32)}`;
      const kept = { settings: { objects: [{ file: { sha256: mixed.toLowerCase() } }] } };
      const twice = { settings: { objects: [{ file: { sha256: mixed } }, { file: { sha256: mixed.toUpperCase() } }] } };
      is(await soar.post(prevention, twice), 200, kept);
      is(await soar.delete(prevention), 200, {});
      is(await soar.delete(prevention), 200, {});
    });

    await t.test("a file is named by exactly one hash", async () => {
      const md5 = "0".repeat(32);
      const sha256 = "0".repeat(64);
      for (const file of [{}, { md5, sha256 }, { md5: "x" }, { sha256: md5 }, { sha1: "0".repeat(40) }]) {
        const answer = await soar.post(prevention, { settings: { objects: [{ file }] } });
        isRefused(answer, 400, "Bad Request", /^settings\.objects\[0\]\.file/);
      }
      isRefused(await soar.post(prevention, { settings: {} }), 400, "Bad Request", /^settings\.objects must/);
      is(await soar.get(prevention), 404, notFound);
    });

    await t.test("a body is strict JSON of its own type and at most 32 MiB", async () => {
      for (const text of ["{", "{'settings':{}}", '{"settings":{},}', "NaN", "\ufeff{}", '{"settings":{}} x']) {
        isRefused(await soar.post(isolation, text), 400, "Bad Request", /^the body is not JSON: /);
      }
      for (const text of ["[]", "null", "1", '"x"', '{"settings":[]}']) {
        isRefused(await soar.post(isolation, text), 400, "Bad Request", /must/);
      }
      isRefused(await soar.post(isolation), 400, "Bad Request", /must/);
      const good = JSON.stringify({ settings: { autoTurnoffTimeoutInSec: 3600 } });
      for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml"]) {
        const answer = await soar.post(isolation, good, ["-H", `content-type: ${type}`]);
        isRefused(answer, 415, "Unsupported Media Type", /application\/json/);
      }
      const charset = await soar.post(isolation, good, ["-H", "content-type: application/json; charset=utf-8"]);
      assert.equal(charset.status, 200);
      is(await soar.delete(isolation), 200, {});
      const limit = 32 * 1024 * 1024;
      const padded = (bytes: number) => good + " ".repeat(bytes - good.length);
      assert.equal((await soar.post(isolation, padded(limit))).status, 200);
      is(await soar.delete(isolation), 200, {});
      isRefused(await soar.post(isolation, padded(limit + 1)), 413, "Payload Too Large", /larger/);
      is(await soar.get(isolation), 404, notFound);
    });

    await t.test("a task says what to run in bounded text without control characters", async () => {
      const order = (task: unknown) =>
        soar.post(`tasks/${randomUUID()}?sensor_id=${host.sensorId}&task_type=run_process`, { task });
      const refusals: [unknown, RegExp][] = [
        [{}, /^task\.execCommand must be .*missing$/],
        [{ execCommand: "" }, /^task\.execCommand must be/],
        [{ execCommand: "x".repeat(4097) }, /^task\.execCommand must be/],
        [{ execCommand: "a\u0000b" }, /^task\.execCommand must/],
        [{ execCommand: "/bin/true", cmdLineParameters: "x".repeat(8193) }, /^task\.cmdLineParameters must be/],
        [{ execCommand: "/bin/true", cmdLineParameters: "a\u0007" }, /^task\.cmdLineParameters must/],
        [{ execCommand: "/bin/true", workingDirectory: "/".repeat(4097) }, /^task\.workingDirectory must be/],
        [
          { execCommand: "/bin/true", schedule: { startNow: "yes" } },
          /^task\.schedule\.startNow must be true or false/,
        ],
      ];
      for (const [task, message] of refusals) isRefused(await order(task), 400, "Bad Request", message);
      const malformed = await soar.post(`tasks/x?sensor_id=${host.sensorId}&task_type=run_process`, {
        task: { execCommand: "/bin/true" },
      });
      isRefused(malformed, 400, "Bad Request", /^task_id must be a UUID, not "x"$/);
    });

    await t.test(
      "a program that cannot start is failed, one that ran is completed whatever its exit code",
      async () => {
        for (const [task, state, exitCode, error] of [
          [{ execCommand: "/nowhere/program" }, "failed", null, /./],
          [{ execCommand: "/bin/true", workingDirectory: "/nowhere" }, "failed", null, /./],
          [{ execCommand: "/bin/sh", cmdLineParameters: "-c 'echo out; echo err >&2; exit 3'" }, "completed", 3, null],
        ] as const) {
          const taskId = randomUUID();
          await soar.post(`tasks/${taskId}?sensor_id=${host.sensorId}&task_type=run_process`, { task });
          const ended = await untilTaskEnds(soar, taskId);
          assert.deepEqual([ended.state, ended.exitCode], [state, exitCode], JSON.stringify(ended));
          if (error === null)
            assert.deepEqual([ended.stdout, ended.stderr, "error" in ended], ["out\n", "err\n", false]);
          else assert.match(ended.error, error);
        }
      },
    );

    await t.test("what is no call of the API is not found, in exactly these words", async () => {
      for (const path of ["", "nothing", "settings/x", "tasks", `/kata/scanner/v1/sensors/${system.id}/scans`]) {
        is(await soar.get(path), 404, notFound);
      }
      is(await soar.get(`/kata/events_api/v1/${system.id}/events`), 404, notFound);
      is(await soar.post(`/kata/events_api/v1/${system.id}`, {}), 404, notFound);
      is(await soar.get("/anywhere"), 404, notFound);
      is(await curl(lab.curlPlace, `${lab.central.api}/`), 404, notFound);
    });

    await t.test("the API describes itself, to strangers too", async () => {
      const answer = await curl(lab.curlPlace, `${lab.central.api}/kata/response_api/v1/openapi.json`);
      assert.deepEqual([answer.status, answer.body.openapi.slice(0, 4)], [200, "3.1."]);
      const calls = Object.entries(answer.body.paths).flatMap(([path, methods]) =>
        Object.keys(methods as object).map(
          (method) => `${method} ${path.replace(/^.*_id\}\/(?=sensors|settings|tasks)/, "")}`,
        ),
      );
      for (const call of ["get sensors", "get settings", "post settings", "delete settings"])
        assert.ok(calls.includes(call), `${call}: ${calls}`);
    });
  });
}
