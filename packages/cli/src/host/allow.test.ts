import assert from "node:assert/strict";
import { test } from "node:test";
import { ExcludedRule, findFault } from "@cordon/contract";
import fc from "fast-check";
import { writeExclusion } from "../wire.ts";
import { formatExclusion, parseAllow } from "./allow.ts";

test("an exclusion as typed becomes the rule that the API takes", () => {
  const cases: [string, object][] = [
    [
      "out:tcp:10.0.0.5:443",
      {
        direction: "outbound",
        protocol: 6,
        remoteIpv4Address: "10.0.0.5",
        remotePortRange: { fromPort: 443, toPort: 443 },
      },
    ],
    [
      "in:udp:10.0.0.5:5000-5010",
      {
        direction: "inbound",
        protocol: 17,
        remoteIpv4Address: "10.0.0.5",
        localPortRange: { fromPort: 5000, toPort: 5010 },
      },
    ],
    ["both:any:10.0.0.5", { direction: "both", remoteIpv4Address: "10.0.0.5" }],
    ["out:ICMP:10.0.0.5", { direction: "outbound", protocol: 1, remoteIpv4Address: "10.0.0.5" }],
    ["in:0:10.0.0.5", { direction: "inbound", protocol: 0, remoteIpv4Address: "10.0.0.5" }],
  ];
  for (const [text, rule] of cases) assert.deepEqual(writeExclusion(parseAllow(text)), rule, text);
});

test("a wrong exclusion is refused with what is wrong in it", () => {
  const cases: [string, RegExp][] = [
    ["", /direction must be in, out or both/],
    ["outbound:tcp:10.0.0.5", /direction must be in, out or both, not "outbound"/],
    ["constructor:tcp:10.0.0.5", /direction/],
    ["out:http:10.0.0.5", /no protocol "http"/],
    ["out:256:10.0.0.5", /no protocol "256"/],
    ["out:toString:10.0.0.5", /no protocol/],
    ["out:tcp", /one IPv4 address, not ""/],
    ["out:tcp:example.com:443", /one IPv4 address, not "example.com"/],
    ["out:tcp:10.0.0.0/8", /one IPv4 address/],
    ["out:tcp:fe80::1:443", /must be IPv4/],
    ["both:tcp:10.0.0.5:443", /whose would they be/],
    ["out:icmp:10.0.0.5:8", /icmp has no ports/],
    ["out:any:10.0.0.5:443", /any has no ports/],
    ["out:tcp:10.0.0.5:", /ports must be/],
    ["out:tcp:10.0.0.5:70000", /ports must be/],
    ["out:tcp:10.0.0.5:20-10", /ports must be/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseAllow(text), { failureCode: "USAGE", message }, text);
  }
});

test("whatever is typed, it is refused as wrong usage or fits the contract and reads back the same", () => {
  const part = fc.oneof(
    fc.constantFrom("in", "out", "both", "tcp", "udp", "any", "6", "10.0.0.5", "443", "1-65535", "0"),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const text = parts.join(":");
      let exclusion: ReturnType<typeof parseAllow>;
      try {
        exclusion = parseAllow(text);
      } catch (error) {
        assert.equal((error as { failureCode?: string }).failureCode, "USAGE");
        return;
      }
      assert.equal(findFault(ExcludedRule, writeExclusion(exclusion)), null);
      assert.deepEqual(parseAllow(formatExclusion(exclusion)), exclusion);
    }),
    { numRuns: 2000 },
  );
});
