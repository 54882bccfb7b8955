/** What a chaos run has to tell, for people and for programs. */
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyValues } from "@cordon/terminal";
import { quantile } from "../distribution.ts";
import { actionOf, contentOf, type GivenOrder, type History } from "./chaos-history.ts";
import { rules, type Violation } from "./chaos-rules.ts";
import type { ChaosOptions, ChaosRun } from "./chaos-run.ts";

export type Summary = ReturnType<typeof summarise>;

const shownViolations = 20;
const around = { beforeMs: 15_000, afterMs: 5000, events: 30 };

export function summarise(run: ChaosRun, { seed, durationMs, hosts, nodes }: ChaosOptions) {
  const { history } = run;
  const effectMs = history.orders.flatMap((given) => toEffectMs(history, given) ?? []);
  const at = (share: number) => (effectMs.length === 0 ? null : Math.round(quantile(effectMs, share)));
  return {
    seed,
    hosts,
    nodes,
    durationMs,
    faults: countBy(history.faults, ({ what, kind }) => `${what}: ${kind}`),
    orders: countBy(history.orders, ({ order, answer }) => `${order.kind}: ${answer}`),
    attempts: history.orders.reduce((sum, { attempts }) => sum + attempts.length, 0),
    tasks: countBy(history.tasks, ({ state }) => state ?? "not stored"),
    /** From the first attempt on: to the first host on which it is carried out. */
    toEffectMs: { p50: at(0.5), longest: at(1) },
    unavailableMs: run.unavailableMs,
    settledMs: Math.round(run.settledMs),
    auditEntries: history.audit.entries.length,
    violations: run.violations,
  };
}

function countBy<T>(list: readonly T[], nameOf: (each: T) => string): Record<string, number> {
  const groups = Map.groupBy(list, nameOf);
  return Object.fromEntries([...groups].map(([name, group]): [string, number] => [name, group.length]).sort());
}

/** Null: it was never carried out, as one that a newer order has overtaken. */
function toEffectMs({ events }: History, { order, attempts }: GivenOrder): number | null {
  const content = contentOf(order);
  const action = actionOf(order);
  const isEffect = (event: History["events"][number]) =>
    order.kind === "run"
      ? event.what === "start" && event.taskId === order.taskId
      : event.what === "enforce" && content !== null && event.action === action && event.content === content;
  const effect = events.find(isEffect);
  const [first] = attempts;
  return effect === undefined || first === undefined ? null : effect.ms - first.sentMs;
}

export function describe(summary: Summary): string {
  const list = (counts: Record<string, number>) =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  const seconds = (ms: number | null) => (ms === null ? null : `${(ms / 1000).toFixed(1)} s`);
  const { violations, toEffectMs: effect } = summary;
  return keyValues([
    ["seed", summary.seed],
    ["run", `${summary.hosts} hosts, ${summary.nodes} Central Nodes, ${Math.round(summary.durationMs / 1000)} s`],
    ["faults", list(summary.faults)],
    ["orders", `${list(summary.orders)}; ${summary.attempts} attempts`],
    ["tasks", list(summary.tasks)],
    ["order to effect", `median ${seconds(effect.p50)}, longest ${seconds(effect.longest)}`],
    ["unavailable to clients", seconds(summary.unavailableMs)],
    ["nothing pending after", seconds(summary.settledMs)],
    ["audit entries", summary.auditEntries],
    ["broken rules", violations.length === 0 ? "none" : String(violations.length)],
  ]);
}

/** The rules that were broken, each with what happened around the first time. */
export function describeViolations({ history, violations, startMs }: ChaosRun): string {
  const time = (ms: number) => `${((ms - startMs) / 1000).toFixed(1)} s`;
  const lines = violations
    .slice(0, shownViolations)
    .map(({ rule, what, atMs }) => `BROKEN: ${rules[rule]}\n  ${atMs === null ? "" : `${time(atMs)} `}${what}`);
  if (violations.length > shownViolations) lines.push(`and ${violations.length - shownViolations} more`);
  const first = violations.find((each): each is Violation & { atMs: number } => each.atMs !== null);
  if (first === undefined) return lines.join("\n");
  const [from, to] = [first.atMs - around.beforeMs, first.atMs + around.afterMs];
  const timeline = [
    ...history.faults.map(({ what, which, kind, beganMs, healedMs }) => ({
      ms: beganMs,
      endMs: healedMs,
      text: `${what} ${which}: ${kind}, healed at ${time(healedMs)}`,
    })),
    ...history.orders.flatMap(({ order, attempts }) =>
      attempts.map(({ sentMs, endedMs, status, why }) => ({
        ms: sentMs,
        endMs: endedMs,
        text: `order ${order.number} ${order.kind} ${order.target}: ${status ?? why}`,
      })),
    ),
    ...history.events.map((event) => ({ ms: event.ms, endMs: event.ms, text: JSON.stringify(event) })),
  ]
    .filter(({ ms, endMs }) => endMs >= from && ms <= to)
    .sort((one, other) => one.ms - other.ms)
    .slice(-around.events);
  lines.push(`around ${time(first.atMs)}:`, ...timeline.map(({ ms, text }) => `  ${time(ms)} ${text}`));
  return lines.join("\n");
}

/** Puts all that is known of a run where it stays; the folder. */
export function keepEvidence(run: ChaosRun, seed: number): string {
  const folder = mkdtempSync(join(tmpdir(), `cordon-chaos-${seed}-`));
  const { logs, agentsFolder, ...rest } = run;
  writeFileSync(join(folder, "run.json"), JSON.stringify(rest));
  for (const [index, log] of logs.entries()) writeFileSync(join(folder, `node-${index}.log`), log);
  mkdirSync(join(folder, "agents"));
  cpSync(agentsFolder, join(folder, "agents"), { recursive: true, filter: (path) => !path.endsWith("identity.json") });
  return folder;
}
