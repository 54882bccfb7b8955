import assert from "node:assert/strict";
import { test } from "node:test";
import { draftFault, draftOf, type ExclusionDraft, exclusionOf, parsePorts, parseProtocol } from "./exclusion-draft.ts";

const draft = (over: Partial<ExclusionDraft>): ExclusionDraft => ({
  key: 1,
  direction: "outbound",
  protocol: "tcp",
  remoteAddress: "10.0.0.5",
  localPorts: "",
  remotePorts: "443",
  ...over,
});

test("a protocol is taken by name or number, nothing is every protocol, and the rest is no protocol", () => {
  assert.deepEqual(["TCP", " udp ", "6", "255", ""].map(parseProtocol), [6, 17, 6, 255, null]);
  assert.deepEqual(["256", "-1", "tcpp", "1e1", "constructor"].map(parseProtocol), Array(5).fill(undefined));
});

test("ports are one or a range that does not end before it starts", () => {
  assert.deepEqual(parsePorts("22"), { from: 22, to: 22 });
  assert.deepEqual(parsePorts(" 8000 - 8080 "), { from: 8000, to: 8080 });
  assert.equal(parsePorts(""), null);
  assert.deepEqual(["8080-8000", "65536", "http", "1-", "1-2-3", "-5"].map(parsePorts), Array(6).fill(undefined));
});

test("each fault is named with its field, and a draft without one has none", () => {
  const faults = [
    draft({}),
    draft({ protocol: "nonsense" }),
    draft({ remoteAddress: "10.0.0" }),
    draft({ remoteAddress: "::1" }),
    draft({ remotePorts: "x" }),
    draft({ protocol: "icmp" }),
    draft({ protocol: "" }),
  ].map(draftFault);
  assert.deepEqual(faults, [
    null,
    { field: "protocol", why: "protocol" },
    { field: "remoteAddress", why: "address" },
    { field: "remoteAddress", why: "address" },
    { field: "remotePorts", why: "ports" },
    { field: "remotePorts", why: "portsNeedProtocol" },
    { field: "remotePorts", why: "portsNeedProtocol" },
  ]);
});

test("with both directions no ports are ordered, whatever was typed before", () => {
  const both = draft({ direction: "both", remotePorts: "443", localPorts: "nonsense" });
  assert.equal(draftFault(both), null);
  assert.deepEqual(exclusionOf(both), {
    direction: "both",
    protocol: 6,
    remoteAddress: "10.0.0.5",
    localPorts: null,
    remotePorts: null,
  });
});

test("an exclusion that is edited and left as it was is ordered as it was", () => {
  for (const exclusion of [
    { direction: "inbound", protocol: null, remoteAddress: "192.0.2.1", localPorts: null, remotePorts: null },
    {
      direction: "outbound",
      protocol: 132,
      remoteAddress: "0.0.0.0",
      localPorts: { from: 0, to: 65535 },
      remotePorts: null,
    },
    { direction: "both", protocol: 99, remoteAddress: "255.255.255.255", localPorts: null, remotePorts: null },
  ] as const) {
    assert.deepEqual(exclusionOf(draftOf(exclusion, 1)), exclusion);
  }
});
