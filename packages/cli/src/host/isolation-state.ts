import { failure } from "@cordon/terminal";
import type { Scene } from "../client-verb.ts";
import type { Host, SettingState } from "../wire.ts";
import { hostLabel } from "./find-host.ts";

const pollMs = 500;

/** What the server tells of a host's isolation: null when it tells nothing of the kind (a KATA) or nothing was ever ordered. */
export function isolationStateOf({ settingStates }: Host): SettingState | null {
  return settingStates?.find(({ action, scope }) => action === "network-isolation" && scope === "host") ?? null;
}

/**
 * Waits until the host has reported on the order that followed `before`; an order is told from an earlier one by its generation.
 * Resolves to null at once against a server that does not tell. Throws when the host failed, cannot, or said nothing in time.
 */
export async function waitForIsolation(
  before: Host,
  wanted: "in-effect" | "lifted",
  timeoutMs: number,
  { client, output, clock }: Scene,
): Promise<SettingState | null> {
  const label = hostLabel(before);
  const ordered = isolationStateOf(before)?.orderedGeneration ?? 0;
  const deadlineMs = clock.nowMs() + timeoutMs;
  const progress = output.progress(`ordered; waiting until ${label} reports`);
  try {
    for (;;) {
      const [host] = await client.listHosts({ sensorId: before.sensorId });
      if (host === undefined) throw failure("NOT_FOUND", `${label} is no longer among the hosts`);
      if (host.settingStates === null) return null;
      const state = isolationStateOf(host);
      // A release of what was never isolated, or is already lifted, makes no new generation.
      const isLifted = wanted === "lifted" && state?.state === "lifted";
      const isNews = state !== null && (state.orderedGeneration > ordered || isLifted);
      if (state === null && wanted === "lifted") return null;
      if (isNews && state.state !== "pending") {
        if (state.state === wanted) return state;
        throw notAsWanted(state, wanted, label);
      }
      if (clock.nowMs() >= deadlineMs) {
        throw failure("TIMED_OUT", `${label} has not reported within ${timeoutMs / 1000} s; the order stands`, {
          advice: `It is carried out when the host is next in contact. Look: cordon host list --json`,
        });
      }
      await clock.delay(pollMs);
    }
  } finally {
    progress.end();
  }
}

function notAsWanted(state: SettingState, wanted: "in-effect" | "lifted", label: string) {
  const what = wanted === "in-effect" ? "isolated" : "released";
  const why = [state.reason, state.detail].filter((part) => part !== null).join(": ");
  switch (state.state) {
    case "failed":
      return failure("FAILED", `${label} could not be ${what}: ${why || "the host gave no reason"}`);
    case "not-supported":
      return failure("FAILED", `${label} cannot do network isolation now${why === "" ? "" : `: ${why}`}`, {
        advice: "The order stands and is carried out when its agent can.",
      });
    default:
      return failure("FAILED", `${label} reports ${state.state}: another order came in between`);
  }
}
