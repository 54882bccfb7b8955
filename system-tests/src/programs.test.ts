import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { createNetwork, needsNamespaces, until } from "./namespaces.ts";
import { enrolHost, startCentralNode } from "./programs.ts";

const isAlive = (pid: number | undefined) => pid !== undefined && existsSync(`/proc/${pid}`);

test("a Central Node and a host on loopback: knock, accept, list, and again after kill -9", async (t) => {
  const central = await startCentralNode(t);
  const host = await enrolHost(t, central);
  const system = createExternalSystem(t);
  const soar = curlAs(system, central);
  assert.equal((await soar.get("sensors")).status, 401);
  await central.acceptSystem(system);
  const listed = await soar.get("sensors");
  assert.deepEqual([listed.status, listed.body.sensors[0].sensorId], [200, host.sensorId]);

  const firstPid = central.pid();
  await central.restart();
  assert.ok(!isAlive(firstPid));
  assert.equal((await soar.get("sensors")).status, 200, "on the same port, with the same data");
  await host.restart();
  await host.untilConnected();
});

test("a Central Node and a host in namespaces of their own find each other", needsNamespaces, async (t) => {
  const network = await createNetwork();
  t.after(() => network.close());
  const central = await startCentralNode(t, { place: network.central });
  const host = await enrolHost(t, central, { place: network.host });
  const status = await host.status();
  assert.ok(status.capabilities?.includes("network-isolation"), JSON.stringify(status));
});

test("a program that does not start is told by what it said", async (t) => {
  await assert.rejects(startCentralNode(t, { flags: ["--no-such-flag"] }), /unknown option '--no-such-flag'/);
});

test("what was started ends with the process that started it, also by kill -9", async (t) => {
  const program = `
    const { startCentralNode } = await import(${JSON.stringify(import.meta.resolve("./programs.ts"))});
    const central = await startCentralNode({ after() {} });
    process.stdout.write(JSON.stringify([central.pid(), central.dataDir]));
    process.kill(process.pid, "SIGKILL");`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  const [pid, dataDir] = JSON.parse(stdout) as [number, string];
  t.after(() => spawnSync("rm", ["-rf", dataDir]));
  await until("the Central Node is gone", () => !isAlive(pid));
});
