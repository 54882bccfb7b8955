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

/**
 * One script: takes orders until none is left, and asks again, at the next Central Node, until it knows that the order is
 * there. `node`: where it starts.
 */
export async function runScript({
  client,
  orders,
  nodes,
  node: first,
  lineOf,
  tally,
}: {
  client: OrdersClient;
  orders: Order[];
  nodes: number;
  node: number;
  /** What a task has the shell run. */
  lineOf(order: Order & { kind: "task" }): string;
  tally: Tally;
}): Promise<void> {
  let node = first;

  async function persist(attempt: (node: number) => Promise<Answer>): Promise<{ answer: Answer; wasUnknown: boolean }> {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await attempt(node);
        if (answer.status !== 503) return { answer, wasUnknown: tries > 1 };
      } catch (error) {
        if (tries === maxTries) throw error;
        // The connection was refused or broke: what came of the order is unknown, and this whole test is about that.
      }
      tally.retries += 1;
      node = (node + 1) % nodes;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  for (let order = orders.shift(); order !== undefined; order = orders.shift()) {
    const { answer, wasUnknown } = await give(order);
    if (order.kind === "task" && answer.status === 409) {
      assert.ok(wasUnknown, `the first POST of task ${order.taskId} was answered 409`);
      const { taskId } = order;
      const found = await persist((at) => client.task(taskId, at));
      assert.deepEqual([found.answer.status, found.answer.body.sensorId], [200, order.sensorId]);
    } else {
      assert.equal(answer.status, 200, JSON.stringify({ order, answer }));
    }
    tally.accepted.push(order);
  }

  function give(order: Order) {
    if (order.kind === "task") {
      return persist((at) => client.runShell(order.taskId, order.sensorId, lineOf(order), at));
    }
    return persist((at) => {
      tally.settingsSent.set(order.sensorId, (tally.settingsSent.get(order.sensorId) ?? 0) + 1);
      return order.kind === "isolate"
        ? client.isolate(order.sensorId, order.seconds, at)
        : client.endIsolation(order.sensorId, at);
    });
  }
}
