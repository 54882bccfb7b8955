import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCentralNodeAddresses } from "./central-node-addresses.ts";
import { silentLog } from "./log.ts";

function newStateDir(t: TestContext) {
  const stateDir = mkdtempSync(join(tmpdir(), "cordon-addresses-"));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  return stateDir;
}

// RFC 6761: this name never resolves.
const unresolvable = "central.invalid";

test("addresses and names are tried in the order given, IPv6 too", async (t) => {
  const servers = ["192.0.2.7:8443", "[2001:db8::1]:443", "localhost:443"];
  const addresses = createCentralNodeAddresses({ servers, stateDir: newStateDir(t), log: silentLog });
  const targets = await addresses.targets();
  assert.deepEqual(targets.slice(0, 2), [
    { address: "192.0.2.7", port: 8443 },
    { address: "2001:db8::1", port: 443 },
  ]);
  assert.ok(targets.slice(2).every(({ address }) => ["127.0.0.1", "::1"].includes(address)) && targets.length > 2);
});

test("a name that no longer resolves keeps the addresses known last, also after a restart", async (t) => {
  const stateDir = newStateDir(t);
  const servers = [`${unresolvable}:443`];
  const unknown = createCentralNodeAddresses({ servers, stateDir, log: silentLog });
  assert.deepEqual(await unknown.targets(), []);
  writeFileSync(join(stateDir, "addresses.json"), JSON.stringify([[unresolvable, ["192.0.2.1", "192.0.2.2"]]]));
  const remembering = createCentralNodeAddresses({ servers, stateDir, log: silentLog });
  assert.deepEqual(
    await remembering.targets(),
    ["192.0.2.1", "192.0.2.2"].map((address) => ({ address, port: 443 })),
  );
});

test("a damaged memory of addresses is made anew", async (t) => {
  const stateDir = newStateDir(t);
  writeFileSync(join(stateDir, "addresses.json"), "[[[");
  const addresses = createCentralNodeAddresses({ servers: ["localhost:443"], stateDir, log: silentLog });
  assert.ok((await addresses.targets()).length > 0);
  const remembering = createCentralNodeAddresses({ servers: ["localhost:443"], stateDir, log: silentLog });
  assert.ok((await remembering.targets()).length > 0);
});
