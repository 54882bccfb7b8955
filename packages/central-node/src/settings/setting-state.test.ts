import assert from "node:assert/strict";
import { test } from "node:test";
import type { SettingReportRow } from "../database/tables.ts";
import { isInForce, type SettingHead, stateOf } from "./setting-state.ts";

const at = new Date("2026-11-24T10:00:00.000Z");
const [before, after] = ["2026-11-24T09:59:59.999Z", "2026-11-24T10:00:00.001Z"];

const head = (changes: Partial<SettingHead> = {}): SettingHead => ({
  target: "host",
  action: "network-isolation",
  generation: 2,
  enabled: 1,
  ordered_at: before,
  ends_at: after,
  ...changes,
});
const report = (changes: Partial<SettingReportRow> = {}): SettingReportRow => ({
  sensor_id: "host",
  scope: "host",
  action: "network-isolation",
  generation: 2,
  journal_id: "journal",
  report_number: 1,
  state: "in-effect",
  reason: null,
  detail: "read back",
  reported_at: before,
  received_at: before,
  ...changes,
});

const able = ["network-isolation"];
const rows: [string, SettingHead, SettingReportRow | undefined, string[], string][] = [
  ["nothing reported, the host can do it", head(), undefined, able, "pending"],
  ["nothing reported, the host cannot do it", head(), undefined, [], "not-supported"],
  ["an older generation reported, the host can do it", head(), report({ generation: 1 }), able, "pending"],
  [
    "an older generation reported, the host cannot do it any more",
    head(),
    report({ generation: 1 }),
    [],
    "not-supported",
  ],
  ["in effect, as ordered", head(), report(), able, "in-effect"],
  ["in effect, without an end", head({ ends_at: null }), report(), able, "in-effect"],
  ["in effect, reported by a host that cannot do it any more", head(), report(), [], "in-effect"],
  ["reported in effect, but its time has run out here", head({ ends_at: before }), report(), able, "pending"],
  ["reported in effect, ending this very instant", head({ ends_at: at.toISOString() }), report(), able, "pending"],
  ["reported lifted after its time ran out", head({ ends_at: before }), report({ state: "lifted" }), able, "lifted"],
  ["reported lifted, as ordered", head({ enabled: 0, ends_at: null }), report({ state: "lifted" }), able, "lifted"],
  ["lifted here, still in effect there", head({ enabled: 0, ends_at: null, generation: 3 }), report(), able, "pending"],
  ["failed", head(), report({ state: "failed", reason: "NFT_MISSING" }), able, "failed"],
];

for (const [what, ordered, reported, capabilities, expected] of rows) {
  test(`state of a setting: ${what} is ${expected}`, () => {
    const state = stateOf(ordered, reported, capabilities, at);
    assert.equal(state.state, expected);
    assert.equal(state.orderedGeneration, ordered.generation);
    assert.equal(state.reportedGeneration, reported?.generation ?? null);
    // Why an older order failed says nothing about the newer one.
    const speaksOfThis = reported !== undefined && reported.generation === ordered.generation;
    assert.equal(state.reason, speaksOfThis ? reported.reason : null);
    assert.equal(state.detail, speaksOfThis ? reported.detail : null);
  });
}

test("a wish is in force until its very end, and never while it is disabled", () => {
  assert.equal(isInForce({ enabled: 1, ends_at: null }, at), true);
  assert.equal(isInForce({ enabled: 1, ends_at: after }, at), true);
  assert.equal(isInForce({ enabled: 1, ends_at: at.toISOString() }, at), false);
  assert.equal(isInForce({ enabled: 1, ends_at: before }, at), false);
  assert.equal(isInForce({ enabled: 0, ends_at: null }, at), false);
  assert.equal(isInForce({ enabled: 0, ends_at: after }, at), false);
});
