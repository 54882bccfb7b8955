import assert from "node:assert/strict";
import { test } from "node:test";
import { p5 } from "./p5-response-api.ts";

test("P5 measures reads, orders and the whole list beside their floors", async () => {
  const rows = await p5({ hosts: 50, rounds: 1, seconds: 0.3 });
  assert.deepEqual(
    rows.map(({ figure }) => figure),
    [
      "GET sensors of one host, requests/s",
      "GET settings, requests/s",
      "POST isolation, orders/s",
      "GET sensors of 50 hosts",
    ],
  );
  for (const { value, floor } of rows) assert.ok(value > 0 && floor > 0);
});
