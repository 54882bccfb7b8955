/** Holds what happened against what was promised. */

import type { History } from "./chaos-history.ts";
import { type Limits, type Violation, violation } from "./chaos-rules.ts";
import { judgeHosts } from "./chaos-verdict-hosts.ts";
import { judgeSettings } from "./chaos-verdict-settings.ts";
import { judgeTasks } from "./chaos-verdict-tasks.ts";

export function judge(history: History, limits: Limits): Violation[] {
  const { audit } = history;
  return [
    ...(audit.intact ? [] : [violation("auditBroken", audit.why ?? "no reason was given")]),
    ...refusals(history),
    ...judgeTasks(history),
    ...judgeSettings(history, limits),
    ...judgeHosts(history, limits),
  ];
}

function refusals({ orders }: History): Violation[] {
  return orders
    .filter(({ answer }) => answer === "refused")
    .map(({ order, attempts }) => {
      const last = attempts.at(-1);
      return violation("refused", `order ${order.number} (${order.kind}): ${last?.status} ${last?.why}`, last?.endedMs);
    });
}
