import assert from "node:assert/strict";
import { test } from "node:test";
import type { TFunction } from "i18next";
import { durationText, localTimeText, utcTimeText } from "./time-text.ts";

const t = ((key: string, { count }: { count: number }) => `${count} ${key.split(".")[1]}`) as unknown as TFunction;

test("a time that lasts is said in the two largest units that say something, or coarsely in one", () => {
  const said = [0, 999, 8_000, 65_000, 3_600_000, 90_000_000, -5000].map((ms) => durationText(ms, t));
  assert.deepEqual(said, [
    "0 seconds",
    "0 seconds",
    "8 seconds",
    "1 minutes 5 seconds",
    "1 hours",
    "1 days 1 hours",
    "0 seconds",
  ]);
  assert.equal(durationText(65_000, t, true), "1 minutes");
});

test("what is no time is shown as none, in whatever zone", () => {
  assert.equal(localTimeText("yesterday", "en"), null);
  assert.match(utcTimeText("2026-11-24T06:40:00Z", "en") ?? "", /2026.*06:40:00/);
});
