import type { Clock } from "./host/clock.ts";
import type { ServiceManager } from "./host/sd-notify.ts";
import { describeInForce } from "./in-force.ts";
import type { Logger } from "./log.ts";
import type { RunningAgent } from "./start-agent.ts";

/** Where nobody waits for a sign of life, people still read the line. */
const unwatchedMs = 30_000;

/**
 * Tells the service manager again and again that the agent is well, which is: its event loop turns, and its journal can be
 * read. Without that for `watchdogMs` it is killed and started anew. A disk that is full is no such fault: a new process
 * would not empty it. Returns how to stop.
 */
export function giveSignsOfLife({
  agent,
  manager,
  watchdogMs,
  clock,
  log,
}: {
  agent: Pick<RunningAgent, "status">;
  manager: ServiceManager;
  watchdogMs: number | null;
  clock: Clock;
  log: Logger;
}): () => void {
  let callOff = () => {};
  const beat = () => {
    try {
      // Reads the journal.
      const { connected, settings } = agent.status();
      manager.well(`${connected ? "connected" : "not connected"}; ${describeInForce(settings)}`);
    } catch (error) {
      log.error({ error }, "the journal cannot be read: no sign of life is given");
    }
    // Three in the time: one may be late.
    callOff = clock.after(watchdogMs === null ? unwatchedMs : watchdogMs / 3, beat);
  };
  beat();
  return () => callOff();
}
