import assert from "node:assert/strict";
import type { Answer, OrdersClient } from "./orders-under-fire-client.ts";
import type { Order } from "./orders-under-fire-plan.ts";

/** What came of the orders of all scripts together. */
export type Tally = {
  /** Orders that were answered 200, or are known to be there. */
  accepted: Order[];
  /** Settings sent at all, by host: one whose answer was lost may have been stored, and is sent again. */
  settingsSent: Map<string, number>;
  /** Answers that were lost with a connection, and 503s. */
  retries: number;
};

/** How long a script waits before it asks again. */
const pauseMs = 100;
const maxTries = 600;

/** One script: takes orders until none is left, and asks again until it knows that the order is there. */
export async function runScript({
  client,
  orders,
  lineOf,
  tally,
}: {
  client: OrdersClient;
  orders: Order[];
  /** What a task has the shell run. */
  lineOf(order: Order & { kind: "task" }): string;
  tally: Tally;
}): Promise<void> {
  async function persist(attempt: () => Promise<Answer>): Promise<{ answer: Answer; wasUnknown: boolean }> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await attempt();
        if (answer.status !== 503) return { answer, wasUnknown: tries > 1 };
      } catch (error) {
        if (tries === maxTries) throw error;
        // The connection was refused or broke: what came of the order is unknown, and this whole test is about that.
      }
      tally.retries += 1;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
    const { answer, wasUnknown } = await give(order);
    if (order.kind === "task" && answer.status === 409) {
      assert.ok(wasUnknown, `the first POST of task ${order.taskId} was answered 409`);
      const { taskId } = order;
      const found = await persist(() => client.task(taskId));
      assert.deepEqual([found.answer.status, found.answer.body.sensorId], [200, order.sensorId]);
    } else {
      assert.equal(answer.status, 200, JSON.stringify({ order, answer }));
    }
    tally.accepted.push(order);
  }

  function give(order: Order) {
    if (order.kind === "task") {
      return persist(() => client.runShell(order.taskId, order.sensorId, lineOf(order)));
    }
    return persist(() => {
      tally.settingsSent.set(order.sensorId, (tally.settingsSent.get(order.sensorId) ?? 0) + 1);
      return order.kind === "isolate"
        ? client.isolate(order.sensorId, order.seconds)
        : client.endIsolation(order.sensorId);
    });
  }
}
