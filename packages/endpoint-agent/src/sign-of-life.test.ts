import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "./log.ts";
import { giveSignsOfLife } from "./sign-of-life.ts";
import type { RunningAgent } from "./start-agent.ts";
import { createManualClock } from "./testing/manual-clock.ts";

const status = {
  connected: true,
  settings: [
    {
      action: "network-isolation",
      scope: "host",
      generation: 1,
      state: "in-effect",
      reason: null,
      detail: null,
      isWished: true,
      remainingSec: 3660,
    },
  ],
} as unknown as ReturnType<RunningAgent["status"]>;

test("signs of life come three times in the time that the service manager waits, until they are stopped", () => {
  const clock = createManualClock();
  const said: string[] = [];
  const stop = giveSignsOfLife({
    agent: { status: () => status },
    manager: { well: (text) => said.push(text), stopping() {} },
    watchdogMs: 60_000,
    clock,
    log: silentLog,
  });
  assert.deepEqual(said, ["connected; network-isolation in effect for another 1 h 1 min"]);
  clock.advance(60_000);
  assert.equal(said.length, 4);
  stop();
  clock.advance(60_000);
  assert.equal(said.length, 4);
});

test("a journal that cannot be read gives no sign of life, and one that can again does", () => {
  const clock = createManualClock();
  let said = 0;
  let broken = true;
  giveSignsOfLife({
    agent: {
      status() {
        if (broken) throw new Error("disk I/O error");
        return status;
      },
    },
    manager: { well: () => (said += 1), stopping() {} },
    watchdogMs: 30_000,
    clock,
    log: silentLog,
  });
  clock.advance(30_000);
  assert.equal(said, 0);
  broken = false;
  clock.advance(10_000);
  assert.equal(said, 1);
});
