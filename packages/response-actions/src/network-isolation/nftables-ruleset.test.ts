import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { type Exclusion, networkIsolation } from "./network-isolation.ts";
import {
  compileRuleset,
  confirmedText,
  endOwnedText,
  liftText,
  ownedTable,
  parseMark,
  renewalText,
  settledText,
  tableText,
  timeoutText,
} from "./nftables-ruleset.ts";

const at = (port: number, ...addresses: string[]) => addresses.map((address) => ({ address, port }));
const centralNode = at(443, "192.0.2.10", "2001:db8::10");
const remoteAddress = "198.51.100.7";

function exclusion(parts: Partial<Exclusion>): Exclusion {
  return { direction: "outbound", protocol: 6, remoteAddress, localPorts: null, remotePorts: null, ...parts };
}

function compile(exclusions: Exclusion[], endpoints = centralNode, remainingSec = 7200) {
  const ruleset = compileRuleset({ wish: { autoTurnoffTimeoutInSec: 7200, exclusions }, centralNode: endpoints });
  const timeout = timeoutText(remainingSec);
  return { ...ruleset, text: tableText(ruleset, { timeout, confirmed: false, owned: false }) };
}

/** The rules of one chain, a line each. */
function chain(text: string, name: string): string[] {
  const body = text.split(`  chain ${name} {\n`)[1]?.split("\n  }\n")[0] ?? "";
  return body.split("\n").map((line) => line.trim());
}

function exclusionRules(text: string, name: string): string[] {
  return chain(text, name).filter((rule) => rule.includes(remoteAddress));
}

/** Why nft, or the kernel, refuses a text in a network namespace of its own; empty when it does not. */
function refusal(text: string): string {
  return spawnSync("unshare", ["-n", "nft", "-c", "-f", "-"], { input: text, encoding: "utf8" }).stderr;
}

const nftThere = process.geteuid?.() === 0 && spawnSync("nft", ["--version"]).status === 0;
const needsNft = nftThere ? {} : { skip: "needs root and nft to load rules in a network namespace" };

test("an outbound exclusion lets the host open, and the remote side only answer", () => {
  const { text } = compile([exclusion({ remotePorts: { from: 443, to: 443 } })]);
  assert.deepEqual(exclusionRules(text, "isolated_out"), [
    `ip daddr ${remoteAddress} meta l4proto 6 th dport 443 ct direction original accept`,
  ]);
  assert.deepEqual(exclusionRules(text, "isolated_in"), [
    `ip saddr ${remoteAddress} meta l4proto 6 th sport 443 ct direction reply accept`,
  ]);
});

test("an inbound exclusion lets the remote side open, and the host only answer", () => {
  const { text } = compile([exclusion({ direction: "inbound", localPorts: { from: 3389, to: 3390 } })]);
  assert.deepEqual(exclusionRules(text, "isolated_in"), [
    `ip saddr ${remoteAddress} meta l4proto 6 th dport 3389-3390 ct direction original accept`,
  ]);
  assert.deepEqual(exclusionRules(text, "isolated_out"), [
    `ip daddr ${remoteAddress} meta l4proto 6 th sport 3389-3390 ct direction reply accept`,
  ]);
});

test("an exclusion for both directions and every protocol names the address alone", () => {
  const { text } = compile([exclusion({ direction: "both", protocol: null })]);
  assert.deepEqual(exclusionRules(text, "isolated_in"), [`ip saddr ${remoteAddress} accept`]);
  assert.deepEqual(exclusionRules(text, "isolated_out"), [`ip daddr ${remoteAddress} accept`]);
});

test("TCP of a directed exclusion is looked at only after what does not begin with a bare SYN is dropped", () => {
  const { text } = compile([exclusion({})]);
  for (const name of ["isolated_in", "isolated_out"]) {
    const rules = chain(text, name);
    const guard = rules.findIndex((rule) => rule.includes("ct state != established"));
    const excluded = rules.findIndex((rule) => rule.includes(remoteAddress));
    assert.ok(guard >= 0 && guard < excluded, `${name}: guard at ${guard}, exclusion at ${excluded}`);
  }
});

test("only an isolation whose exclusions look at connection tracking waits for a flush", () => {
  assert.match(compile([]).text, /counter connections_settled/);
  assert.match(compile([exclusion({ direction: "both" })]).text, /counter connections_settled/);
  assert.doesNotMatch(compile([exclusion({})]).text, /connections_settled/);
});

test("Central Nodes stay open each on its own port", () => {
  const { text, centralNode: endpoints } = compile(
    [],
    [...at(443, "192.0.2.10"), ...at(8443, "192.0.2.11", "2001:db8::10")],
  );
  assert.deepEqual(endpoints, ["192.0.2.10:443", "192.0.2.11:8443", "[2001:db8::10]:8443"]);
  assert.match(text, /elements = \{ 192\.0\.2\.10 \. 443, 192\.0\.2\.11 \. 8443 \}/);
  assert.match(text, /elements = \{ 2001:db8::10 \. 8443 \}/);
});

test("every spelling of a Central Node's address compiles to the one that is on the wire", () => {
  const spellings = ["::ffff:192.0.2.10", "::ffff:c000:20a", "192.0.2.10", "2001:DB8:0::10", "fe80::1%eth0"];
  const { text, centralNode: endpoints } = compile([], at(8443, ...spellings));
  assert.deepEqual(endpoints, ["192.0.2.10:8443", "[2001:db8::10]:8443", "[fe80::1]:8443"]);
  assert.match(text, /elements = \{ 192\.0\.2\.10 \. 8443 \}/);
  assert.match(text, /elements = \{ 2001:db8::10 \. 8443, fe80::1 \. 8443 \}/);
});

test("the digest tells wishes and Central Nodes apart, and not their time", () => {
  const digest = compile([exclusion({})]).mark.digest;
  assert.equal(compile([exclusion({})], centralNode, 60).mark.digest, digest);
  assert.notEqual(compile([exclusion({ protocol: 17 })]).mark.digest, digest);
  assert.notEqual(compile([exclusion({})], at(8443, "192.0.2.10", "2001:db8::10")).mark.digest, digest);
  assert.notEqual(compile([exclusion({})], at(443, "192.0.2.11")).mark.digest, digest);
});

test("the mark is read back from the comment, and a comment of another form is none", () => {
  const { text, mark } = compile([exclusion({}), exclusion({ direction: "both" })]);
  const comments = [...text.matchAll(/comment "([^"]*)"/g)].map((match) => match[1] ?? "");
  assert.equal(comments.length, 3);
  for (const comment of comments) assert.deepEqual(parseMark(comment), mark);
  assert.equal(mark.exclusions, 2);
  assert.equal(parseMark((comments[0] ?? "").replace("cordon 1", "cordon 2")), null);
  assert.equal(parseMark("somebody else's rule"), null);
});

test("values that a schema would have refused are refused here too", () => {
  const hostile = "192.0.2.1 accept; add rule inet x y accept #";
  const refused: (() => unknown)[] = [
    () => compile([exclusion({ remoteAddress: hostile })]),
    () => compile([exclusion({ remoteAddress: "example.org" })]),
    () => compile([exclusion({ remoteAddress: "2001:db8::1" })]),
    () => compile([exclusion({ protocol: 256 })]),
    () => compile([exclusion({ protocol: 1.5 })]),
    () => compile([exclusion({ protocol: "6 accept" as unknown as number })]),
    () => compile([exclusion({ direction: "sideways" as unknown as "both" })]),
    () => compile([exclusion({ remotePorts: { from: 2, to: 1 } })]),
    () => compile([exclusion({ remotePorts: { from: -1, to: 1 } })]),
    () => compile([exclusion({ remotePorts: { from: 0, to: 65536 } })]),
    () => compile([exclusion({ protocol: 1, remotePorts: { from: 1, to: 1 } })]),
    () => compile([exclusion({ protocol: null, remotePorts: { from: 1, to: 1 } })]),
    () => compile([], []),
    () => compile([], at(443, hostile)),
    () => compile([], at(443, "central.example.org")),
    () => compile([], at(0, "192.0.2.10")),
    () => compile([], centralNode, 0),
    () => compile([], centralNode, Number.NaN),
    () => compile([], centralNode, Number.POSITIVE_INFINITY),
    () => renewalText(-1),
  ];
  for (const [index, attempt] of refused.entries()) assert.throws(attempt, RangeError, `case ${index}`);
});

test("whatever stands in a wish, the text holds nothing but the compiler's own words, numbers and addresses", () => {
  const anything = fc.oneof(fc.string({ unit: "binary" }), fc.anything());
  const anyExclusion = fc.record({
    direction: fc.oneof(fc.constantFrom("inbound", "outbound", "both"), anything),
    protocol: fc.oneof(fc.integer(), fc.constant(null), anything),
    remoteAddress: fc.oneof(fc.ipV4(), fc.ipV4Extended(), anything),
    localPorts: fc.oneof(fc.constant(null), fc.record({ from: fc.oneof(fc.nat(), anything), to: fc.nat() })),
    remotePorts: fc.constant(null),
  });
  // What a wish may bring into the text: rules of this form, the Central Node's addresses, and a mark.
  const brought = [
    /^ip [sd]addr [\d.]{7,15}( meta l4proto \d{1,3})?( th [sd]port \d{1,5}(-\d{1,5})?){0,2}( ct direction (original|reply))? accept$/,
    /^elements = \{ [\da-f.:]{2,39} \. 443 \}$/,
    /^meta nfproto @active (jump isolated_(in|out)|counter name blocked_forward drop) comment "cordon 1 [\da-f]{32} rules \d+ exclusions 1"$/,
  ];
  const own = new Set(compile([]).text.split("\n"));
  fc.assert(
    fc.property(anyExclusion, fc.oneof(fc.ipV4(), fc.ipV6(), anything), (hostile, address) => {
      let compiled: ReturnType<typeof compile>;
      try {
        compiled = compile([hostile as Exclusion], at(443, address as string));
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
        return;
      }
      const { text, mark } = compiled;
      assert.equal(text.split("{").length, text.split("}").length);
      for (const line of text.split("\n").filter((each) => each.trim() !== "" && !own.has(each))) {
        assert.ok(
          brought.some((form) => form.test(line.trim())),
          `a line of no known form: ${line}`,
        );
      }
      const rules = [...chain(text, "isolated_in"), ...chain(text, "isolated_out")];
      assert.equal(rules.length + 3, mark.rules);
      for (const rule of rules) assert.match(rule, /( accept| drop)$/);
    }),
  );
});

const port = fc.integer({ min: 0, max: 65535 });
const ports = fc.option(
  fc.tuple(port, port).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) })),
  { nil: null },
);
const validExclusion: fc.Arbitrary<Exclusion> = fc.oneof(
  fc.record({
    direction: fc.constantFrom("inbound" as const, "outbound" as const),
    protocol: fc.constantFrom(6, 17, 33, 132, 136),
    remoteAddress: fc.ipV4(),
    localPorts: ports,
    remotePorts: ports,
  }),
  fc.record({
    direction: fc.constantFrom("inbound" as const, "outbound" as const, "both" as const),
    protocol: fc.option(fc.integer({ min: 0, max: 255 }), { nil: null }),
    remoteAddress: fc.ipV4(),
    localPorts: fc.constant(null),
    remotePorts: fc.constant(null),
  }),
);

test("every exclusion stands once each way, and in just the direction asked", () => {
  fc.assert(
    fc.property(fc.array(validExclusion, { maxLength: 20 }), (exclusions) => {
      assert.equal(networkIsolation.findFault({ autoTurnoffTimeoutInSec: 7200, exclusions }), null);
      const { text } = compile(exclusions);
      const count = (name: string, what: string) => chain(text, name).filter((rule) => rule.includes(what)).length;
      const asked = (direction: string) => exclusions.filter((each) => each.direction === direction).length;
      assert.equal(count("isolated_in", "ct direction original"), asked("inbound"));
      assert.equal(count("isolated_in", "ct direction reply"), asked("outbound"));
      assert.equal(count("isolated_out", "ct direction original"), asked("outbound"));
      assert.equal(count("isolated_out", "ct direction reply"), asked("inbound"));
      assert.equal(count("isolated_in", "ip saddr ") - 1, exclusions.length);
      assert.equal(count("isolated_out", "ip daddr ") - 1, exclusions.length);
    }),
  );
});

test("nft and the kernel accept every protocol number in every direction", needsNft, () => {
  const exclusions = (["inbound", "outbound", "both"] as const).flatMap((direction) =>
    Array.from({ length: 256 }, (_, protocol) => exclusion({ direction, protocol })),
  );
  assert.equal(refusal(compile(exclusions).text), "");
});

test("nft and the kernel accept every compiled ruleset", needsNft, () => {
  const endpoint = fc.array(
    fc.record({ address: fc.oneof(fc.ipV4(), fc.ipV6()), port: fc.integer({ min: 1, max: 65535 }) }),
    { minLength: 1, maxLength: 4 },
  );
  const remaining = fc.double({ min: 0.001, max: 35_996_400, noNaN: true });
  fc.assert(
    fc.property(fc.array(validExclusion, { maxLength: 50 }), endpoint, remaining, (exclusions, where, remainingSec) => {
      const ruleset = compile(exclusions, where, remainingSec);
      const twin = tableText(ruleset, { timeout: timeoutText(remainingSec), confirmed: false, owned: true });
      const all = [ruleset.text, renewalText(remainingSec), settledText, confirmedText, twin];
      const text = [...all, renewalText(remainingSec, ownedTable), liftText, endOwnedText].join("");
      assert.equal(refusal(text), "");
    }),
    { numRuns: 40 },
  );
});

test("nft and the kernel accept 1,000 exclusions and the longest time", needsNft, () => {
  const exclusions = Array.from({ length: 1000 }, (_, n) => exclusion({ remoteAddress: `10.0.${n >> 8}.${n & 255}` }));
  assert.equal(refusal(compile(exclusions, centralNode, 35_996_400).text), "");
});

test("a lift loads where there is no isolation, and twice", needsNft, () => {
  assert.equal(refusal(liftText + liftText), "");
});
