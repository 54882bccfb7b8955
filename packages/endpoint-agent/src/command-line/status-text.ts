import { type Cell, formatDuration, keyValues, table } from "@cordon/terminal";
import type { ServiceState } from "../host/service-state.ts";
import type { SettingSummary } from "../journal/setting-summary.ts";
import type { RunningAgent } from "../start-agent.ts";

/** What `status --json` prints, beside `service`. */
export type Status = { running: boolean } & Partial<ReturnType<RunningAgent["status"]>> & {
    sensorId: string;
    settings: SettingSummary[];
  };

/** For people in a hurry: who, connected or why not, what is in force and for how long, what went wrong. */
export function describeStatus(status: Status, service: ServiceState | null, nowMs: number): string {
  const { running, sensorId, version, link, contact, capabilities, tasks, reportsWaiting, blocksWaiting, settings } =
    status;
  const facts = keyValues([
    ["Sensor ID", sensorId],
    ["Agent", running ? `running${version === undefined ? "" : `, version ${version}`}` : "NOT RUNNING"],
    ["Service", service === null ? undefined : describeService(service)],
    ["Central Node", running ? describeContact(link ?? "", contact, nowMs) : "not connected, as no agent runs"],
    ["Can do", capabilities?.join(", ")],
    ["Tasks", tasks === undefined ? undefined : `${tasks.running} running, ${tasks.waiting} waiting`],
    ["Reports to send", String(reportsWaiting ?? 0)],
    ["Blocks to send", blocksWaiting === undefined ? undefined : String(blocksWaiting)],
  ]);
  if (settings.length === 0) return `${facts}\nNothing was ever ordered here.`;
  const remarks = settings.flatMap(remarksOn);
  const rows = settings.map((setting): Cell[] => [
    nameOf(setting),
    stateOf(setting),
    setting.remainingSec === null ? null : formatDuration(setting.remainingSec),
    setting.generation,
  ]);
  const orders = table(["Ordered", "State", "Ends in", "Generation"], rows);
  return [facts, "", orders, ...(remarks.length === 0 ? [] : ["", keyValues(remarks)])].join("\n");
}

function remarksOn(setting: SettingSummary): [string, string][] {
  const { detail, state, refusedCount, refusedPart } = setting;
  const name = nameOf(setting);
  const remarks: [string, string][] = detail === null || state === "lifted" ? [] : [[name, detail]];
  if (refusedPart === null) return remarks;
  const example = `${refusedPart.part}: ${refusedPart.reason}`;
  return [...remarks, [`${name}, refused`, refusedCount === 1 ? example : `${refusedCount} parts, such as ${example}`]];
}

function nameOf({ action, scope }: Pick<SettingSummary, "action" | "scope">): string {
  return scope === "host" ? action : `${action} (all hosts)`;
}

function stateOf({ state, reason, isWished }: SettingSummary): string {
  const words = { "in-effect": "in effect", pending: "not done yet", failed: "FAILED", lifted: "lifted" }[state];
  // A break-glass release, or a newer order that was not taken: what is kept true is then another thing than what failed.
  const kept = state === "failed" && !isWished ? ", not in force" : "";
  return reason === null ? words : `${words}: ${reason}${kept}`;
}

function describeService({ state, enabled, restarts }: ServiceState): string {
  const again = restarts === 0 ? "" : `, started again ${restarts} ${restarts === 1 ? "time" : "times"}`;
  return `${state}, ${enabled ? "starts with the host" : "does NOT start with the host"}${again}`;
}

function describeContact(link: string, contact: Status["contact"], nowMs: number): string {
  if (contact === undefined) return link;
  const forSec = (nowMs - Date.parse(contact.since)) / 1000;
  const where = contact.target === null ? "" : ` ${contact.target}`;
  if (link === "connected") return `connected to${where} for ${formatDuration(forSec)}`;
  if (link === "removed") return "REMOVED this host: it has to be enrolled again";
  const why = contact.why === null ? "" : `: ${contact.why}`;
  return `NOT CONNECTED for ${formatDuration(forSec)}${where === "" ? "" : `, tried${where}`}${why}`;
}
