/** The worked exchange: an integrator's first day, call by call, with curl. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createExternalSystem, settingStateOf, untilTaskEnds } from "./external-system.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import {
  createLab,
  is,
  isRefused,
  listSystems,
  notFound,
  testDatabases,
  unauthorized,
  unknownId,
} from "./worked-exchange-lab.ts";

const systemId = "15301050-0490-4A41-81EA-B0391CF21EF3";
const sha256 = "830195824b742ee59390bc5b9302688c778fc95a64e7d597e28a74c03a04dd63";
const md5 = "d8e577bf078c45954f4531885478d5a9";
const exclusions = [
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

for (const kind of testDatabases) {
  test(`the worked exchange passes on ${kind.name}`, async (t) => {
    const lab = await createLab(t, kind);
    const { central, host } = lab;
    const system = createExternalSystem(t, { id: systemId, keys: "rsa" });
    const soar = lab.callAs(system);
    const isolation = `settings?sensor_id=${host.sensorId}&settings_type=network_isolation`;

    await t.test("1: before acceptance 401 and one pending row, however often it knocks", async () => {
      is(await soar.get("sensors"), 401, unauthorized);
      is(await soar.get("sensors"), 401, unauthorized);
      const [row, ...others] = await listSystems(central);
      assert.deepEqual(
        [row?.externalSystemId, row?.fingerprint, row?.state, others],
        [systemId, system.fingerprint, "pending", []],
      );
    });

    await t.test(
      "2: accepted, it finds the host by address, name and ID at once, and by no name in another case",
      async () => {
        await central.admin("external-system", "accept", systemId);
        const all = await soar.get("sensors");
        const [sensor] = all.body.sensors;
        is(all, 200, { server: { version: all.body.server.version }, sensors: [sensor] });
        assert.deepEqual(
          [sensor.sensorId, sensor.osFamily, sensor.licenseStatus, sensor.settingStates],
          [host.sensorId, "linux", "ok", []],
        );
        if (lab.network !== null) assert.equal(sensor.hostIp, lab.network.host.ipv4);
        assert.equal(new Date(sensor.lastAccessTimestamp).toISOString(), sensor.lastAccessTimestamp);
        const found = await soar.get(`sensors?ip=${sensor.hostIp}&host=${sensor.host}&sensor_id=${host.sensorId}`);
        assert.deepEqual([found.status, found.body.sensors.length, found.body.sensors[0].host], [200, 1, sensor.host]);
        const otherCase = [...sensor.host]
          .map((c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase()))
          .join("");
        assert.notEqual(otherCase, sensor.host, "this machine's name has letters");
        is(await soar.get(`sensors?host=${otherCase}`), 200, { server: all.body.server, sensors: [] });
      },
    );

    await t.test("3: isolation is set, read, replaced, refused without a change, and ended", async () => {
      is(await soar.get(isolation), 404, notFound);
      const plain = { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: [] } };
      is(await soar.post(isolation, { settings: { autoTurnoffTimeoutInSec: 7200 } }), 200, plain);
      is(await soar.get(isolation), 200, plain);
      const excluding = { settings: { autoTurnoffTimeoutInSec: 7200, excludedRules: exclusions } };
      is(await soar.post(isolation, excluding), 200, excluding);
      is(await soar.get(isolation), 200, excluding);
      const wrong = { ...exclusions[2], remotePortRange: { fromPort: 1, toPort: 2 } };
      isRefused(
        await soar.post(isolation, { settings: { autoTurnoffTimeoutInSec: 3600, excludedRules: [wrong] } }),
        400,
        "Bad Request",
        /^settings\.excludedRules\[0\]\.remotePortRange must not be given with direction "both"/,
      );
      is(await soar.get(isolation), 200, excluding);
    });

    await t.test(
      "3: the host itself says that it is isolated, with the three exclusions",
      needsNamespaces,
      async () => {
        const state = await until("in effect", async () => {
          const found = await settingStateOf(soar, host);
          return found.state === "in_effect" && found.orderedGeneration === 2 ? found : null;
        });
        assert.match(state.detail, /^3 exclusions, Central Node 192\.0\.2\.10:443, IPv4 and IPv6 cut/);
      },
    );

    await t.test("3: ended, it is not found any more", async () => {
      is(await soar.delete(isolation), 200, {});
      is(await soar.get(isolation), 404, notFound);
    });

    await t.test("4: a hash is banned for all or for single hosts, never for both", async () => {
      const ofAll = "settings?sensor_id=all&settings_type=prevention";
      const ofHost = `settings?sensor_id=${host.sensorId}&settings_type=prevention`;
      const both = { settings: { objects: [{ file: { sha256 } }, { file: { md5 } }] } };
      const one = { settings: { objects: [{ file: { sha256 } }] } };
      is(await soar.post(ofAll, both), 200, both);
      is(await soar.get(ofAll), 200, both);
      const refused = await soar.post(ofHost, one);
      const { message } = refused.body;
      is(refused, 400, { error: "Prevention rule already exists", message, file: { sha256 }, hosts: "all" });
      assert.equal(typeof message, "string");
      is(await soar.get(ofHost), 404, notFound);
      is(await soar.post(ofAll, { settings: { objects: [] } }), 200, { settings: { objects: [] } });
      is(await soar.get(ofAll), 404, notFound);
      is(await soar.delete(ofAll), 200, {});
      // The other way round.
      is(await soar.post(ofHost, one), 200, one);
      const refusedForAll = await soar.post(ofAll, both);
      const [{ host: name }] = (await soar.get("sensors")).body.sensors;
      is(refusedForAll, 400, {
        error: "Prevention rule already exists",
        message: refusedForAll.body.message,
        file: { sha256 },
        hosts: [{ sensorId: host.sensorId, host: name }],
      });
      is(await soar.get(ofAll), 404, notFound);
      is(await soar.delete(ofHost), 200, {});
    });

    await t.test("5: a program runs under the client's own task ID, once", async () => {
      const taskId = randomUUID();
      const task = {
        schedule: { startNow: true },
        execCommand: "/bin/echo",
        cmdLineParameters: "'a b' c",
        workingDirectory: "/tmp",
      };
      const path = `tasks/${taskId}?sensor_id=${host.sensorId}&task_type=run_process`;
      const made = await soar.post(path, { task });
      const { createdDateTime } = made.body;
      const waiting = { state: "waiting", latestStartDateTime: null, createdDateTime, sensorId: host.sensorId };
      is(made, 200, { ...waiting, task });
      const again = await soar.post(path, { task });
      assert.deepEqual([again.status, again.body], [409, { error: "Conflict" }]);
      const ended = await untilTaskEnds(soar, taskId);
      const { latestStartDateTime, finishedDateTime } = ended;
      const times = { createdDateTime, latestStartDateTime, finishedDateTime };
      for (const time of Object.values(times)) assert.equal(new Date(time).toISOString(), time);
      const known = { state: "completed", ...times, sensorId: host.sensorId, exitCode: 0 };
      const output = { stdout: "a b c\n", stderr: "", stdoutTruncated: false, stderrTruncated: false };
      assert.deepEqual(ended, { ...known, task, ...output });
      is(await soar.get(`tasks/${taskId}?settings=false`), 200, known);
      is(await soar.get(`tasks/${taskId}`), 200, known);
      is(await soar.delete(`tasks/${taskId}`), 200, {});
      is(await soar.get(`tasks/${taskId}`), 404, notFound);
    });

    await t.test("6: an unknown host is not found by any call, and null is no ID", async () => {
      const body = { settings: { autoTurnoffTimeoutInSec: 7200 } };
      const objects = { settings: { objects: [{ file: { md5 } }] } };
      for (const [type, wish] of [
        ["network_isolation", body],
        ["prevention", objects],
      ] as const) {
        const path = `settings?sensor_id=${unknownId}&settings_type=${type}`;
        for (const answer of [await soar.get(path), await soar.post(path, wish), await soar.delete(path)]) {
          is(answer, 404, notFound);
        }
        const nobody = `settings?sensor_id=null&settings_type=${type}`;
        for (const answer of [await soar.get(nobody), await soar.post(nobody, wish), await soar.delete(nobody)]) {
          isRefused(answer, 400, "Bad Request", /^sensor_id must be a UUID or "all", not "null"$/);
        }
      }
      const task = { task: { execCommand: "/bin/true" } };
      is(await soar.post(`tasks/${randomUUID()}?sensor_id=${unknownId}&task_type=run_process`, task), 404, notFound);
      const noHost = await soar.post(`tasks/${randomUUID()}?sensor_id=null&task_type=run_process`, task);
      isRefused(noHost, 400, "Bad Request", /^sensor_id must be a UUID, not "null"$/);
      is(await soar.get(`tasks/${unknownId}`), 404, notFound);
      is(await soar.delete(`tasks/${unknownId}`), 404, notFound);
      isRefused(await soar.get("sensors?sensor_id=null"), 400, "Bad Request", /^sensor_id must be a UUID/);
      assert.deepEqual((await soar.get(`sensors?sensor_id=${unknownId}`)).body.sensors, []);
    });

    await t.test(
      "7: another certificate under the same ID waits for itself, and the first goes on working",
      async () => {
        const other = createExternalSystem(t, { id: systemId, keys: "ecdsa", inOneFile: true });
        is(await lab.callAs(other).get("sensors"), 401, unauthorized);
        const states = (await listSystems(central)).map(({ fingerprint, state }) => [fingerprint, state]);
        assert.deepEqual(
          new Map(states as [string, string][]),
          new Map([
            [system.fingerprint, "accepted"],
            [other.fingerprint, "pending"],
          ]),
        );
        assert.equal((await soar.get("sensors")).status, 200);
        await central.acceptSystem(other);
        assert.equal((await lab.callAs(other).get("sensors")).status, 200, "ECDSA, key and certificate in one PEM");
        assert.equal((await soar.get("sensors")).status, 200);
      },
    );
  });
}
