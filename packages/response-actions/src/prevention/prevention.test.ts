import assert from "node:assert/strict";
import { test } from "node:test";
import { Check } from "typebox/value";
import { PreventionWish, prevention } from "./prevention.ts";

const [sha256, md5] = ["ab".repeat(32), "ab".repeat(16)];
const file = (changes: object = {}) => ({ algorithm: "sha256", hash: sha256, name: null, ...changes });
const fits = (...files: object[]) => Check(PreventionWish, { files });

test("a wish is a list of digests, each with its algorithm and perhaps a label", () => {
  assert.ok(fits(file(), file({ algorithm: "md5", hash: md5, name: "dropper.exe" })));
  assert.ok(!fits(), "nothing banned is a lifted wish, not an empty one");
  for (const changes of [
    { hash: sha256.toUpperCase() },
    { hash: sha256.slice(1) },
    { hash: `${sha256}\n` },
    { algorithm: "sha1" },
    { name: "x".repeat(1025) },
    { name: undefined },
  ]) {
    assert.ok(!fits(file(changes)), JSON.stringify(changes));
  }
});

test("a digest must have the length of its algorithm, and the first that has not is named", () => {
  assert.equal(prevention.findFault({ files: [file(), file({ algorithm: "md5", hash: md5 })] as never }), null);
  assert.deepEqual(
    prevention.findFault({ files: [file(), file({ hash: md5 }), file({ algorithm: "md5" })] as never }),
    { path: ["files", 1, "hash"], rule: "must be 64 hex digits for sha256", value: md5 },
  );
  assert.equal(
    prevention.findFault({ files: [file({ algorithm: "md5" })] as never })?.rule,
    "must be 32 hex digits for md5",
  );
});

test("it is for one host or for all, and has no end", () => {
  assert.deepEqual(prevention.scopes, ["host", "all"]);
  assert.equal(prevention.lifetimeSec({ files: [] }), null);
});
