import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { packRuleNames } from "./enforce-rule-names.ts";

test("a digest's label is found among others, with or without labels and in any script", () => {
  const named = (name: string | null, bytes = 32) => ({ hash: randomBytes(bytes).toString("hex"), name });
  const files = [named("first"), named(null), named("Правило № 2", 16), named("")];
  const names = packRuleNames(files);
  assert.deepEqual(
    files.map(({ hash }) => names.find(hash)),
    ["first", null, "Правило № 2", ""],
  );
  assert.equal(names.find(randomBytes(32).toString("hex")), null);
});
