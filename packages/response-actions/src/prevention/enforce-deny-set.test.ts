import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  countOf,
  digestOfDigests,
  findBanned,
  indexOfDigest,
  nothingBanned,
  packDenySet,
  sortDigests,
  unpackDenySet,
} from "./enforce-deny-set.ts";

const digests = (count: number, bytes = 32) => Array.from({ length: count }, () => randomBytes(bytes));

test("each digest that was given is found, and no other, in whatever order and however often they came", () => {
  // Few different first bytes, so that digests differ late.
  const near = fc.array(fc.uint8Array({ minLength: 16, maxLength: 16, max: 2 }), { maxLength: 40 });
  fc.assert(
    fc.property(near, fc.uint8Array({ minLength: 16, maxLength: 16, max: 2 }), (given, other) => {
      const sorted = sortDigests(Buffer.concat(given), "md5");
      assert.ok(given.every((digest) => indexOfDigest(sorted, Buffer.from(digest)) >= 0));
      const isGiven = given.some((digest) => Buffer.from(digest).equals(other));
      assert.equal(indexOfDigest(sorted, Buffer.from(other)) >= 0, isGiven);
      assert.equal(sorted.length / 16, new Set(given.map((digest) => Buffer.from(digest).toString("hex"))).size);
    }),
  );
});

test("the host's own rule is named before the one of all hosts, and a digest only by its own algorithm", () => {
  const [sha256 = Buffer.alloc(0)] = digests(1);
  const [md5 = Buffer.alloc(0)] = digests(1, 16);
  const set = { host: { sha256: Buffer.alloc(0), md5 }, all: { sha256, md5 } };
  assert.equal(findBanned(set, { sha256, md5 })?.scope, "host");
  assert.equal(findBanned(set, { sha256, md5: null })?.scope, "all");
  assert.equal(findBanned(set, { sha256: randomBytes(32), md5: null }), null);
});

test("a set arrives as it was sent, and two that differ have different digests", () => {
  const sorted = sortDigests(Buffer.concat(digests(100)), "sha256");
  const set = {
    host: { sha256: sorted, md5: Buffer.alloc(0) },
    all: { sha256: sorted.subarray(32), md5: randomBytes(16) },
  };
  const arrived = unpackDenySet(packDenySet(set));
  assert.deepEqual(arrived, set);
  assert.equal(countOf(arrived.all), 100);
  assert.equal(digestOfDigests(arrived.host), digestOfDigests(set.host));
  assert.notEqual(digestOfDigests(set.host), digestOfDigests({ ...set.host, sha256: sorted.subarray(32) }));
  assert.notEqual(digestOfDigests(nothingBanned()), digestOfDigests({ ...nothingBanned(), md5: randomBytes(16) }));
});
