import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "@cordon/contract";
import fc from "fast-check";
import { sha256 } from "../test-services.ts";
import { readHashList } from "./hash-list.ts";

const md5 = "d41d8cd98f00b204e9800998ecf8427e";
const read = async (text: string) => {
  const { format, entries } = await readHashList(text);
  return [
    format,
    ...entries.map(({ line, hash, name, fault }) => (fault === null ? [line, hash, name] : [line, fault])),
  ];
};

test("a list of one hash a line may have names as sha256sum prints them, comments, blank lines and a byte order mark", async () => {
  const text = `\uFEFF# from the feed\n${sha256(10).toUpperCase()}\n\n${md5}  *miner.elf\r\n${sha256(2)}  a b.sh\n`;
  assert.deepEqual(await read(text), ["lines", [2, sha256(10), null], [4, md5, "miner.elf"], [5, sha256(2), "a b.sh"]]);
});

test("CSV is read by its header, or as hash and name, with commas, semicolons or tabs", async () => {
  assert.deepEqual(await read(`${sha256(1)},"a, ""b"""\n${md5},\n`), ["csv", [1, sha256(1), 'a, "b"'], [2, md5, null]]);
  assert.deepEqual(await read(`Name;Size;SHA-256\nminer;12;${sha256(1)}\n`), ["csv", [2, sha256(1), "miner"]]);
  assert.deepEqual(await read(`miner\t${md5}\n`), ["csv", [1, md5, "miner"]]);
});

test("what is no hash is named with its line, and SHA-1 by name", async () => {
  assert.deepEqual(await read(`${"a".repeat(40)}\nxyz\n`), [
    "lines",
    [1, "SHA-1, SHA-384 and SHA-512 cannot be banned: give SHA-256 or MD5"],
    [2, "it is neither 64 hex digits of SHA-256 nor 32 of MD5"],
  ]);
});

test("of a STIX 2.1 bundle the hashes that indicators look for and files have are read, and nothing that they exclude", async () => {
  const indicator = (pattern: string, more = {}) => ({ type: "indicator", name: "APT", pattern, ...more });
  const bundle = {
    type: "bundle",
    objects: [
      indicator(`[file:hashes.'SHA-256' = '${sha256(1)}' OR file:hashes.MD5='${md5}']`),
      indicator(`[file:hashes."SHA-256" IN ('${sha256(2)}', '${sha256(3)}')]`),
      indicator(
        `[file:hashes.'SHA-256' != '${sha256(4)}'] AND [NOT file:hashes.MD5 = '${md5}'] AND [ipv4-addr:value = '192.0.2.1']`,
      ),
      indicator(`[file:hashes.'SHA-1' = '${"b".repeat(40)}']`),
      indicator(`[file:hashes.MD5 = '${md5}']`, { revoked: true }),
      { type: "file", name: "evil.elf", hashes: { MD5: md5, "SHA-256": sha256(5) } },
      { type: "file", hashes: { "SHA-1": "c".repeat(40) } },
      { type: "malware", name: "none of ours" },
      null,
    ],
  };
  assert.deepEqual(await read(JSON.stringify(bundle)), [
    "stix",
    [1, sha256(1), "APT"],
    [1, md5, "APT"],
    [2, sha256(2), "APT"],
    [2, sha256(3), "APT"],
    [5, "the indicator was revoked"],
    [6, sha256(5), "evil.elf"],
    [7, "it has neither SHA-256 nor MD5"],
  ]);
});

test("JSON that is no bundle is refused, in words", async () => {
  await assert.rejects(readHashList("{ broken"), { code: "BAD_REQUEST", message: /begins as JSON and is none/ });
  await assert.rejects(readHashList('{"type":"bundle"}'), {
    code: "BAD_REQUEST",
    message: /must be a STIX 2.1 bundle/,
  });
});

test("whatever the text, it is read or refused, and every hash that comes out is one", async () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom(
      '"',
      ",",
      ";",
      "\n",
      "\r\n",
      "\0",
      "\uD800",
      md5,
      sha256(1),
      "hash,name",
      '{"type":"bundle","objects":[',
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      try {
        for (const { hash, name, fault } of (await readHashList(pieces.join(""))).entries) {
          if (fault === null) assert.match(hash ?? "", /^([0-9a-f]{32}|[0-9a-f]{64})$/);
          assert.ok(name === null || (name.isWellFormed() && !name.includes("\0") && name.length <= 1024));
        }
      } catch (error) {
        assert.ok(error instanceof Problem, String(error));
      }
    }),
    { numRuns: 200 },
  );
});
