/**
 * Decides in the supervisor's thread while there is no guard. Nothing may be opened or started from this thread meanwhile,
 * but a new guard, whose program is not asked about: this thread would wait for itself.
 */
import { createDeadMan } from "./enforce-dead-man.ts";
import { createGuard } from "./enforce-guard.ts";

export type StandIn = ReturnType<typeof createStandIn>;

/** A pass waits no longer, so that the thread's other work goes on as well. */
const longestPassMs = 5;
/** The agent dies, and with it the last holder of the group, before a host stands still for longer. */
const diesAfterSec = 10;

export function createStandIn(parts: Parameters<typeof createGuard>[0]) {
  const guard = createGuard(parts);
  const deadMan = createDeadMan({ afterSec: diesAfterSec });
  let isOver = false;

  function turn() {
    if (isOver) return;
    deadMan.putOff();
    guard.pass(longestPassMs, []);
    guard.keep();
    setImmediate(turn);
  }

  return {
    decisions: guard.decisions,
    setRules: guard.setRules,
    state: guard.state,
    start: turn,
    /** What was taken is answered when it returns. */
    end() {
      isOver = true;
      guard.retire();
      deadMan.disarm();
    },
  };
}
