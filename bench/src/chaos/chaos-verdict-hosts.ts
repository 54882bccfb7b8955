import { actionOf, contentOf, type GivenOrder, type History, type HostEvent } from "./chaos-history.ts";
import { endOf, type Limits, type Violation, violation } from "./chaos-rules.ts";

type Enforced = Extract<HostEvent, { what: "enforce" }>;
type Held = Extract<HostEvent, { what: "hold" }>;

/** What happened on the hosts, whatever was told of it. */
export function judgeHosts(history: History, limits: Limits): Violation[] {
  const enforced = history.events.filter((event) => event.what === "enforce");
  return [
    ...enforced.flatMap((event) => judgeEnforced(history.orders, event, limits)),
    ...judgeGenerations(history.events.filter((event) => event.what === "hold")),
    ...history.sensorIds.flatMap((sensorId) => judgePresence(history, sensorId)),
  ];
}

function judgeEnforced(orders: GivenOrder[], event: Enforced, limits: Limits): Violation[] {
  const { ms, sensorId, action, scope, content, endsAtMs } = event;
  if (content === null) return [];
  const target = scope === "all" ? "all" : sensorId;
  const given = orders.find(
    ({ order }) => order.target === target && actionOf(order) === action && contentOf(order) === content,
  );
  if (given === undefined || given.answer === "refused") {
    return [violation("orderUnknown", `${action} ${content} was enforced on ${sensorId} for ${target}`, ms)];
  }
  const end = endOf(given, limits);
  if (end === null) return [];
  if (endsAtMs !== null && endsAtMs >= end.soonestMs && endsAtMs <= end.latestMs) return [];
  const off = endsAtMs === null ? "has no end" : `ends ${Math.round(endsAtMs - end.latestMs)} ms after the latest`;
  return [violation("outlived", `isolation ${content} on ${sensorId} ${off}`, ms)];
}

function judgeGenerations(held: Held[]): Violation[] {
  const newest = new Map<string, number>();
  const found: Violation[] = [];
  for (const { ms, sensorId, action, scope, lineage, generation } of held) {
    const key = `${sensorId} ${action} ${scope} ${lineage}`;
    const before = newest.get(key) ?? 0;
    if (generation < before) {
      found.push(violation("wentBack", `${action} (${scope}) on ${sensorId} from ${before} to ${generation}`, ms));
    }
    newest.set(key, Math.max(before, generation));
  }
  return found;
}

function judgePresence({ hosts, memory }: History, sensorId: string): Violation[] {
  const link = memory.find((host) => host.sensorId === sensorId)?.link;
  const isKnown = hosts.some((host) => host.sensorId === sensorId);
  if (isKnown && link === "connected") return [];
  return [violation("hostLost", `${sensorId} is ${isKnown ? "known" : "unknown"} to the Central Node, link ${link}`)];
}
