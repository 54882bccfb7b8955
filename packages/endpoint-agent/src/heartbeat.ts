import type { WebSocket } from "ws";
import type { Clock } from "./host/clock.ts";
import type { Logger } from "./log.ts";

/** Pings, and takes the link for dead when two in a row were not answered. Returns how to stop. */
export function startHeartbeat({
  socket,
  everyMs,
  clock,
  log,
}: {
  socket: WebSocket;
  everyMs: number;
  clock: Pick<Clock, "after">;
  log: Pick<Logger, "warn">;
}): () => void {
  let unanswered = 0;
  const answered = () => {
    unanswered = 0;
  };
  const tick = () => {
    if (unanswered >= 2) {
      log.warn({}, "the Central Node is silent: the link is dead");
      socket.terminate();
      return;
    }
    unanswered += 1;
    socket.ping();
    stop = clock.after(everyMs, tick);
  };
  let stop = clock.after(everyMs, tick);
  socket.on("pong", answered);
  return () => {
    stop();
    socket.off("pong", answered);
  };
}
