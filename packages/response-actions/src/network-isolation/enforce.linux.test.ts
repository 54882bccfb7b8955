import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createNetworkIsolationEnforcer } from "./enforce.linux.ts";
import { releaseIsolation } from "./enforce-release.linux.ts";

// What the enforcer does in a kernel is tested in a network namespace of its own: system-tests/src/network-isolation.test.ts

test("on a host without nft every order fails for that reason, and says where it was looked for", async (t) => {
  const empty = await mkdtemp(join(tmpdir(), "cordon-"));
  t.after(() => rm(empty, { recursive: true }));
  const options = { programDirectories: [empty] };
  const enforcer = createNetworkIsolationEnforcer(options);
  const reached = async () => "reached" as const;
  const order = {
    scope: "host",
    centralNode: [{ address: "192.0.2.10", port: 443 }],
    proveReachable: reached,
  } as const;
  const wish = { autoTurnoffTimeoutInSec: 3600, exclusions: [] };
  const missing = { state: "failed", reason: "NFT_MISSING", detail: `there is no nft in ${empty}` };
  assert.deepEqual(await enforcer.enforce({ ...order, wish, remainingSec: 3600 }), missing);
  assert.deepEqual(await enforcer.enforce({ ...order, wish: null, remainingSec: null }), missing);
  assert.deepEqual(await enforcer.readBack("host"), missing);
  assert.deepEqual(await releaseIsolation(options), missing);
  const ability = await enforcer.ability();
  assert.match(ability.able ? "" : ability.why, /there is no nft|does not run as root/);
});
