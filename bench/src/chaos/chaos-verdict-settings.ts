import {
  type Action,
  type AuditEntry,
  actionOf,
  contentOf,
  digestOf,
  type GivenOrder,
  type History,
} from "./chaos-history.ts";
import { endOf, type Limits, type Violation, violation } from "./chaos-rules.ts";

type Setting = { target: string; action: Action; orders: GivenOrder[]; entries: AuditEntry[] };

/** Of each target and action: what was stored, what became of each order, and that all tell of the same. */
export function judgeSettings(history: History, limits: Limits): Violation[] {
  return settingsOf(history).flatMap((setting) => [
    ...judgeStored(setting),
    ...judgeNewest(setting),
    ...judgeReports(history, setting, limits),
  ]);
}

function settingsOf({ orders, audit }: History): Setting[] {
  const settings = new Map<string, Setting>();
  const at = (target: string, action: Action) => {
    const key = `${action} ${target}`;
    const known = settings.get(key) ?? { target, action, orders: [], entries: [] };
    settings.set(key, known);
    return known;
  };
  for (const given of orders) {
    const action = actionOf(given.order);
    if (action !== "run-process") at(given.order.target, action).orders.push(given);
  }
  for (const entry of audit.entries) {
    const [action, verb] = entry.action.split(".");
    if (verb !== "set" && verb !== "lift") continue;
    if (action === "network-isolation" || action === "prevention") at(entry.object, action).entries.push(entry);
  }
  return [...settings.values()];
}

const isLift = ({ action }: AuditEntry) => action.endsWith(".lift");
const nameOf = ({ target, action }: Setting) => `${action} of ${target}`;
const mayComeLate = ({ attempts }: GivenOrder) => attempts.some(({ status }) => status === null || status >= 500);

function judgeStored(setting: Setting): Violation[] {
  const found: Violation[] = [];
  const { orders, entries } = setting;
  const generations = entries.map(({ generation }) => generation);
  if (generations.some((generation, index) => generation !== index + 1)) {
    found.push(violation("storedTwice", `${nameOf(setting)} has the generations ${generations.join(", ")}`));
  }
  const digests = new Set(orders.map(({ order }) => digestOf(order)));
  for (const entry of entries) {
    if (isLift(entry) ? orders.some(({ order }) => contentOf(order) === null) : digests.has(entry.digest)) continue;
    found.push(violation("orderUnknown", `${nameOf(setting)}, generation ${entry.generation}, was ordered by nobody`));
  }
  for (const { order, attempts, answer } of orders) {
    if (contentOf(order) === null) continue; // to end what has ended changes nothing, and is not written down
    const count = entries.filter(({ digest }) => digest === digestOf(order)).length;
    const least = answer === "accepted" ? 1 : 0;
    const most = answer === "refused" ? 0 : attempts.length;
    if (count >= least && count <= most) continue;
    found.push(
      violation(
        "auditLacks",
        `order ${order.number}, ${nameOf(setting)}, was ${answer} after ${attempts.length} attempts, and has ${count} entries`,
        attempts.at(-1)?.endedMs,
      ),
    );
  }
  return found;
}

/** What was accepted last is what stands, unless one whose answer was lost came after it. */
function judgeNewest(setting: Setting): Violation[] {
  const { orders, entries } = setting;
  const last = orders.findLast(({ answer }) => answer === "accepted");
  if (last === undefined) return [];
  const gone = (why: string) => [
    violation("orderGone", `order ${last.order.number}, ${nameOf(setting)}: ${why}`, last.attempts.at(-1)?.endedMs),
  ];
  const own = digestOf(last.order);
  const at = entries.findLastIndex((entry) => (own === null ? isLift(entry) : entry.digest === own));
  // An order to end that found nothing to end has no entry of its own; one that set it again later may have.
  const later = entries.slice(at + 1);
  const stray = later.find((entry) =>
    orders.every(
      (given) =>
        !mayComeLate(given) ||
        (isLift(entry) ? contentOf(given.order) !== null : digestOf(given.order) !== entry.digest),
    ),
  );
  return stray === undefined ? [] : gone(`generation ${stray.generation} stands in its place, and was given before it`);
}

/** What stands in the end; null: lifted. Two where an isolation may just have ended. */
function wantedOf({ orders, entries }: Setting, { read }: History, limits: Limits): (string | null)[] {
  const last = entries.at(-1);
  const given = orders.find(({ order }) => last !== undefined && !isLift(last) && digestOf(order) === last.digest);
  if (given === undefined) return [null];
  const content = contentOf(given.order);
  const end = endOf(given, limits);
  if (end === null || read.toMs < end.soonestMs) return [content];
  return read.fromMs > end.latestMs ? [null] : [content, null];
}

function judgeReports(history: History, setting: Setting, limits: Limits): Violation[] {
  const { target, action, entries } = setting;
  const found: Violation[] = [];
  const generation = entries.at(-1)?.generation ?? null;
  if (generation === null) return found; // nothing was ever stored
  const wanted = wantedOf(setting, history, limits);
  const states = wanted.map((content): string => (content === null ? "lifted" : "in_effect"));
  const read = history.settings.find((each) => each.target === target && each.action === action);
  if (read === undefined || !wanted.includes(read.content)) {
    const rule = wanted.includes(null) ? "outlived" : "orderGone";
    found.push(violation(rule, `${nameOf(setting)}: ${read?.content} is in force, and ${wanted} was ordered`));
  }
  const scope = target === "all" ? "all" : "host";
  for (const sensorId of target === "all" ? history.sensorIds : [target]) {
    const isIt = (each: { action: string; scope: string }) => each.action === action && each.scope === scope;
    const told = history.hosts.find((host) => host.sensorId === sensorId)?.settings.find(isIt);
    const where = `${nameOf(setting)} on ${sensorId}`;
    const isReported = told?.orderedGeneration === generation && told.reportedGeneration === generation;
    // Its end may be told a moment after it has come.
    if (!isReported || !(states.includes(told.state) || (wanted.length > 1 && told.state === "pending"))) {
      found.push(violation("notReported", `${where}: ${generation} is wanted ${states}, ${JSON.stringify(told)}`));
    }
    const held = history.memory.find((host) => host.sensorId === sensorId)?.settings.find(isIt);
    if (held?.generation !== generation || !wanted.includes(held.content)) {
      found.push(
        violation("hostDiffers", `${where}: ${wanted} of ${generation} is wanted, and held is ${JSON.stringify(held)}`),
      );
    }
  }
  return found;
}
