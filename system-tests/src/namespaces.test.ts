import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { createNetwork, needsNamespaces, until } from "./namespaces.ts";

const listed = () => spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout;

test(
  "the nodes of a network reach each other on IPv4 and IPv6, the container through the host",
  needsNamespaces,
  async () => {
    const network = await createNetwork({ container: true });
    try {
      const { central, host, stranger, container } = network;
      assert.ok(container !== null);
      for (const [from, to] of [
        [stranger, host],
        [host, central],
        [container, stranger],
        [central, container],
      ] as const) {
        for (const address of [to.ipv4, to.ipv6]) {
          const ping = await from.run("ping", ["-c", "1", "-W", "2", address]);
          assert.equal(ping.exitCode, 0, `${from.namespace} to ${address}: ${ping.stdout}${ping.stderr}`);
        }
      }
    } finally {
      await network.close();
    }
  },
);

test("closing a network leaves no namespace, and kills what runs inside", needsNamespaces, async () => {
  const network = await createNetwork();
  const { namespace } = network.host;
  assert.match(listed(), new RegExp(`^${namespace}\\b`, "m"));
  const sleeper = network.host.spawn("sleep", ["600"]);
  const exited = once(sleeper, "exit");
  await network.close();
  assert.deepEqual(await exited, [null, "SIGKILL"]);
  assert.doesNotMatch(listed(), new RegExp(`^${namespace}\\b`, "m"));
});

/** A process that makes a network, says so, and stays. */
async function startOwner() {
  const program = `
    const { createNetwork } = await import(${JSON.stringify(import.meta.resolve("./namespaces.ts"))});
    const network = await createNetwork();
    network.host.spawn("sleep", ["600"]);
    process.stdout.write(network.host.namespace + "\\n");
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(owner.stdout, "data");
  return { owner, namespace: String(said).trim() };
}

test("a process that is told to end takes its networks along", needsNamespaces, async () => {
  const { owner, namespace } = await startOwner();
  assert.match(listed(), new RegExp(`^${namespace}\\b`, "m"));
  const exited = once(owner, "exit");
  owner.kill("SIGTERM");
  assert.deepEqual(await exited, [null, "SIGTERM"]);
  assert.doesNotMatch(listed(), new RegExp(`^${namespace}\\b`, "m"));
});

test("what a killed process left behind is removed by the next network, and only that", needsNamespaces, async () => {
  const dead = await startOwner();
  const living = await startOwner();
  try {
    const exited = once(dead.owner, "exit");
    dead.owner.kill("SIGKILL");
    await exited;
    const network = await createNetwork();
    await network.close();
    assert.doesNotMatch(listed(), new RegExp(`^${dead.namespace}\\b`, "m"));
    assert.match(listed(), new RegExp(`^${living.namespace}\\b`, "m"));
  } finally {
    const exited = once(living.owner, "exit");
    living.owner.kill("SIGTERM");
    await exited;
  }
});

test("waiting for what never comes true ends, and says what it was", async () => {
  await assert.rejects(
    until("pigs fly", () => false, 30),
    /not within 30 ms: pigs fly/,
  );
});
