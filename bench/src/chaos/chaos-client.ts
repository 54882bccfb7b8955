/** Gives the orders of a plan as a SOAR does: through the balancer, and again where no answer came. */
import { setTimeout as wait } from "node:timers/promises";
import type { OrdersClient } from "../../../system-tests/src/orders-under-fire-client.ts";
import { monotonicMs } from "../fleet/fleet-messages.ts";
import { type Attempt, actionOf, bodyOf, type GivenOrder, type Order } from "./chaos-history.ts";
import type { PlannedOrder } from "./chaos-plan.ts";

/** Before it asks again; twice as long each time. */
const [shortestPauseMs, longestPauseMs] = [250, 2000];
/** So many orders are under way at a time; the others wait, or those who ask again would be what keeps nodes from answering. */
const scripts = 16;
const probeEveryMs = 500;
/** A client that waits longer calls it an outage. */
const slowMs = 2000;

export type Soar = ReturnType<typeof createSoar>;

export function createSoar(client: OrdersClient) {
  const given: GivenOrder[] = [];
  /** Of each target and action the one order that is under way. */
  const turns = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  let idle = scripts;
  let open = 0;

  return {
    given,
    open: () => open,
    /** At its time, or as soon as the one before it of the same setting was answered. Resolves once all are answered. */
    async giveAll(orders: readonly PlannedOrder[], startMs: number, signal: AbortSignal) {
      for (const { atMs, order, gaveUp } of orders) {
        await wait(Math.max(0, startMs + atMs - monotonicMs()), null, { signal }).catch(() => {});
        if (signal.aborted) break;
        const key = order.kind === "run" ? order.taskId : `${actionOf(order)} ${order.target}`;
        const before = turns.get(key) ?? Promise.resolve();
        const record: GivenOrder = { order, attempts: [], answer: "lost" };
        given.push(record);
        open += 1;
        const turn = before.then(() => byScript(() => persist(record, gaveUp, signal))).finally(() => (open -= 1));
        turns.set(key, turn);
      }
      await Promise.all(turns.values());
    },
    /** Milliseconds in which somebody who asked would have waited in vain, until `signal`. */
    async probe(sensorId: string, signal: AbortSignal): Promise<number> {
      const asked: Promise<boolean>[] = [];
      while (!signal.aborted) {
        const sentMs = monotonicMs();
        const answer = client.send("GET", `/sensors?sensor_id=${sensorId}`).then(
          ({ status }) => status === 200 && monotonicMs() - sentMs < slowMs,
          () => false,
        );
        asked.push(answer);
        await wait(probeEveryMs, null, { signal }).catch(() => {});
      }
      const answers = await Promise.all(asked);
      return answers.filter((isThere) => !isThere).length * probeEveryMs;
    },
  };

  async function byScript(work: () => Promise<void>) {
    if (idle === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else idle -= 1;
    try {
      await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) idle += 1;
      else next();
    }
  }

  async function persist(record: GivenOrder, gaveUp: boolean, signal: AbortSignal) {
    while (!signal.aborted) {
      const attempt = await give(record.order);
      const wasLost = record.attempts.some(({ status }) => status === null || status >= 500);
      record.attempts.push(attempt);
      const { status } = attempt;
      if (status === 200 || (status === 409 && record.order.kind === "run" && wasLost)) {
        record.answer = "accepted";
        return;
      }
      if (status !== null && status < 500 && status !== 429) {
        record.answer = "refused";
        return;
      }
      if (gaveUp) return;
      const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** (record.attempts.length - 1));
      await wait(pauseMs, null, { signal }).catch(() => {});
    }
  }

  async function give(order: Order): Promise<Attempt> {
    const sentMs = monotonicMs();
    const body = bodyOf(order);
    const path =
      order.kind === "run"
        ? `/tasks/${order.taskId}?sensor_id=${order.target}&task_type=run_process`
        : `/settings?sensor_id=${order.target}&settings_type=${actionOf(order).replace("-", "_")}`;
    try {
      const answer = await client.send(body === null ? "DELETE" : "POST", path, body === null ? {} : { body });
      const why = answer.status === 200 ? "" : JSON.stringify(answer.body);
      return { sentMs, endedMs: monotonicMs(), status: answer.status, why };
    } catch (error) {
      return { sentMs, endedMs: monotonicMs(), status: null, why: String(error) };
    }
  }
}
