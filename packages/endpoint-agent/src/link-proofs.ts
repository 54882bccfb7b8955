import { randomUUID } from "node:crypto";
import type WebSocket from "ws";
import type { Clock } from "./host/clock.ts";

/** Asked whether it still answers, a connection that is silent for this long is given up: another address may answer. */
const silentMs = 10_000;

/** Proofs that the Central Node can be reached now. `connection`: the one that was welcomed, null where there is none. */
export function createLinkProofs({ clock, connection }: { clock: Clock; connection(): WebSocket | null }) {
  const waiting = new Set<() => void>();

  return {
    /** A connection was welcomed: whoever waits asks on it. */
    connected() {
      for (const ask of waiting) ask();
    },
    /**
     * Whether the Central Node answers, on a round trip that begins after the call; on the next connection where none
     * stands.
     */
    prove(withinMs: number): Promise<boolean> {
      return new Promise((resolve) => {
        const ends: (() => void)[] = [];
        const settle = (reached: boolean) => {
          waiting.delete(ask);
          for (const end of ends) end();
          resolve(reached);
        };
        const ask = () => {
          const ws = connection();
          if (ws === null) return;
          const question = randomUUID();
          const answered = (answer: Buffer) => {
            if (answer.toString() === question) settle(true);
          };
          ws.on("pong", answered);
          ends.push(() => ws.off("pong", answered));
          ends.push(clock.after(silentMs, () => ws.terminate()));
          ws.ping(question);
        };
        ends.push(clock.after(withinMs, () => settle(false)));
        waiting.add(ask);
        ask();
      });
    },
  };
}
