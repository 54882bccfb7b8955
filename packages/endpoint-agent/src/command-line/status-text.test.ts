import assert from "node:assert/strict";
import { test } from "node:test";
import type { SettingSummary } from "../journal/setting-summary.ts";
import { describePlan } from "./service-uninstall.ts";
import { describeStatus, type Status } from "./status-text.ts";

const nowMs = Date.UTC(2026, 10, 24, 12);
const isolation: SettingSummary = {
  action: "network-isolation",
  scope: "host",
  generation: 4,
  state: "in-effect",
  reason: null,
  detail: "0 exclusions, Central Node 192.0.2.10:443",
  refusedCount: 0,
  refusedPart: null,
  isWished: true,
  remainingSec: 5400,
};
const status: Status = {
  running: true,
  sensorId: "5e1f",
  version: "0.1.0",
  link: "connected",
  contact: { target: "192.0.2.10:443", since: new Date(nowMs - 3_720_000).toISOString(), why: null },
  capabilities: ["network-isolation"],
  tasks: { running: 1, waiting: 0 },
  reportsWaiting: 0,
  settings: [isolation],
};

test("status tells who, since when it is connected, and what is in force for how long", () => {
  const text = describeStatus(status, { state: "active", enabled: true, restarts: 2 }, nowMs);
  assert.match(text, /^Agent: +running, version 0\.1\.0$/m);
  assert.match(text, /^Service: +active, starts with the host, started again 2 times$/m);
  assert.match(text, /^Central Node: +connected to 192\.0\.2\.10:443 for 1 h 2 min$/m);
  assert.match(text, /^network-isolation +in effect +1 h 30 min +4$/m);
  assert.match(text, /^network-isolation: +0 exclusions, Central Node/m);
});

test("status shouts what is wrong: no contact and why, a failure and its reason, an agent that does not run", () => {
  const contact = { target: "[2001:db8::1]:443", since: new Date(nowMs - 90_000).toISOString(), why: "ECONNREFUSED" };
  const failed: SettingSummary = { ...isolation, state: "failed", reason: "NFT_MISSING", detail: "there is no nft" };
  const text = describeStatus({ ...status, link: "waiting", contact, settings: [failed] }, null, nowMs);
  assert.match(text, /NOT CONNECTED for 1 min 30 s, tried \[2001:db8::1\]:443: ECONNREFUSED/);
  assert.match(text, /FAILED: NFT_MISSING/);
  assert.match(text, /there is no nft/);
  const released: SettingSummary = { ...failed, reason: "RELEASED_LOCALLY", isWished: false, remainingSec: null };
  assert.match(describeStatus({ ...status, settings: [released] }, null, nowMs), /RELEASED_LOCALLY, not in force/);
  assert.match(describeStatus({ running: false, sensorId: "5e1f", settings: [] }, null, nowMs), /NOT RUNNING/);
  assert.match(describeStatus({ ...status, link: "removed" }, null, nowMs), /REMOVED this host/);
});

test("status names what the host refuses of an order", () => {
  const refusedPart = { part: "ab12", reason: "HOST_NEEDS_IT" };
  const refusing = { ...isolation, action: "prevention", detail: "2 files banned", refusedCount: 3, refusedPart };
  const text = describeStatus({ ...status, settings: [refusing] }, null, nowMs);
  assert.match(text, /^prevention, refused: +3 parts, such as ab12: HOST_NEEDS_IT$/m);
});

test("uninstalling says what becomes of an isolation, of prevention and of what is kept", () => {
  const prevention: SettingSummary = { ...isolation, action: "prevention", scope: "all", remainingSec: null };
  const plan = (isolationChoice: "lift" | "keep" | null, purge = false) =>
    describePlan({ inForce: [isolation, prevention], isolation: isolationChoice, purge, prefix: "/opt/x" }).join("\n");
  assert.match(plan(null), /isolated for another 1 h 30 min, and nobody could release it from afar/);
  assert.match(plan("lift"), /the host is back on the network/);
  assert.match(plan("keep"), /stays isolated for another 1 h 30 min.*nft delete table inet cordon_isolation/s);
  assert.match(plan("lift"), /prevention \(all\) is no longer enforced/);
  assert.match(plan("lift"), /cordon-agent is kept/);
  assert.match(plan("lift", true), /is removed: identity, journal/);
});
