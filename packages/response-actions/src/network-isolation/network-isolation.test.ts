import assert from "node:assert/strict";
import { test } from "node:test";
import { Check } from "typebox/value";
import { type Exclusion, NetworkIsolationWish, networkIsolation } from "./network-isolation.ts";

const exclusion = (changes: Partial<Exclusion> = {}): Exclusion => ({
  direction: "outbound",
  protocol: 6,
  remoteAddress: "10.0.0.1",
  localPorts: null,
  remotePorts: null,
  ...changes,
});
const wish = (...exclusions: Exclusion[]) => ({ autoTurnoffTimeoutInSec: 7200, exclusions });
const ports = { from: 443, to: 443 };

test("a wish lasts 1 to 9,999 hours, and as long as it says", () => {
  for (const sec of [3600, 35_996_400]) {
    assert.ok(Check(NetworkIsolationWish, { autoTurnoffTimeoutInSec: sec, exclusions: [] }));
    assert.equal(networkIsolation.lifetimeSec({ autoTurnoffTimeoutInSec: sec, exclusions: [] }), sec);
  }
  for (const sec of [3599, 35_996_401, 3600.5]) {
    assert.ok(!Check(NetworkIsolationWish, { autoTurnoffTimeoutInSec: sec, exclusions: [] }));
  }
});

test("exclusions are whole: an address that is one, every member named", () => {
  assert.ok(Check(NetworkIsolationWish, wish(exclusion(), exclusion({ protocol: null, direction: "both" }))));
  for (const changes of [
    { remoteAddress: "::1" },
    { remoteAddress: "10.0.0.0/8" },
    { protocol: 256 },
    { localPorts: undefined },
  ]) {
    assert.ok(!Check(NetworkIsolationWish, wish({ ...exclusion(), ...changes } as Exclusion)), JSON.stringify(changes));
  }
  assert.ok(!Check(NetworkIsolationWish, wish(...Array(1001).fill(exclusion()))));
});

test("ports fit TCP, UDP, DCCP, SCTP and UDP-Lite in a direction", () => {
  for (const protocol of [6, 17, 33, 132, 136]) {
    for (const direction of ["inbound", "outbound"] as const) {
      assert.equal(
        networkIsolation.findFault(wish(exclusion({ protocol, direction, localPorts: ports, remotePorts: ports }))),
        null,
      );
    }
  }
});

test("ports without a direction, without a protocol that has some, or from high to low are faults, named where they stand", () => {
  for (const side of ["localPorts", "remotePorts"] as const) {
    const faultOf = (changes: Partial<Exclusion>) =>
      networkIsolation.findFault(wish(exclusion(), exclusion({ [side]: ports, ...changes })));
    const path = ["exclusions", 1, side];
    assert.deepEqual(faultOf({ direction: "both" })?.path, path);
    assert.match(faultOf({ direction: "both" })?.rule ?? "", /direction "both"/);
    for (const protocol of [null, 0, 1, 47, 58])
      assert.match(faultOf({ protocol })?.rule ?? "", /protocol that has ports/);
    const backwards = faultOf({ [side]: { from: 2, to: 1 } });
    assert.deepEqual(backwards, { path, rule: "must not end before it starts", value: { from: 2, to: 1 } });
  }
});
