/** From an order over the Response API to a denial on a host, and back to whoever ordered it. All of it real. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";
import { createExternalSystem, curlAs, settingStateOf, untilTaskEnds } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { needsGuardedHost, ownNamespaces } from "./prevention-lab.ts";
import { enrolHost, type Place, startCentralNode, thisMachine } from "./programs.ts";

const content = "#!/bin/sh\necho ran\n";
const bad = "/mnt/bad";

/** Namespaces of its own with a filesystem in memory at /mnt, and a file there that can be run. It cannot isolate itself. */
const guardedPlace: Place = {
  ...thisMachine,
  spawn(program, args = [], options = {}) {
    const prepare = `mount -t tmpfs none /mnt && printf '%s' "$CONTENT" > ${bad} && chmod 755 ${bad} && exec "$@"`;
    const [wrapper = "", ...wrapperArgs] = [...ownNamespaces, "sh", "-c", prepare, "sh"];
    const poorer = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"];
    const env = { ...process.env, CONTENT: content };
    return spawn(wrapper, [...wrapperArgs, ...poorer, program, ...args], { ...options, env });
  },
};

test(
  "a file that an external system bans does not run on the host, which tells what it denied",
  needsGuardedHost,
  async (t) => {
    const central = await startCentralNode(t);
    const system = createExternalSystem(t);
    const soar = curlAs(system, central);
    await soar.get("sensors");
    await central.acceptSystem(system);
    const host = await enrolHost(t, central, { place: guardedPlace, guard: ["/mnt"] });
    const { body } = await soar.get(`sensors?sensor_id=${host.sensorId}`);
    assert.ok(body.sensors[0].capabilities.includes("prevention"), JSON.stringify(body));

    const run = async () => {
      const taskId = randomUUID();
      const task = { schedule: { startNow: true }, execCommand: bad };
      const made = await soar.post(`tasks/${taskId}?sensor_id=${host.sensorId}&task_type=run_process`, { task });
      assert.equal(made.status, 200, made.text);
      return (await untilTaskEnds(soar, taskId)).state as string;
    };
    assert.equal(await run(), "completed");

    const sha256 = createHash("sha256").update(content).digest("hex");
    const rule = `settings?sensor_id=${host.sensorId}&settings_type=prevention`;
    assert.equal((await soar.post(rule, { settings: { objects: [{ file: { sha256 } }] } })).status, 200);
    const state = await until("it is in effect", async () => {
      const now = await settingStateOf(soar, host, "prevention");
      return now?.state === "in_effect" || now?.state === "in-effect" ? now : null;
    });
    assert.match(JSON.stringify(state), /1 file banned on 1 filesystem \(tmpfs \/mnt\)/);
    assert.equal(await run(), "failed");

    const { events } = await until("the block is told", async () => {
      const blocks = await central.admin<{ events: { path: string; hash: string; sensorId: string }[] }>(
        "prevention",
        "blocks",
      );
      return blocks.events.length > 0 ? blocks : null;
    });
    assert.deepEqual(
      events.map(({ path, hash, sensorId }) => ({ path, hash, sensorId })),
      [{ path: bad, hash: sha256, sensorId: host.sensorId }],
    );

    assert.equal((await soar.delete(rule)).status, 200);
    await until("it is lifted", async () => (await run()) === "completed");
  },
);
