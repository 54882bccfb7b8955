import type { Clock } from "../host/clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { SettingRecord } from "../journal/setting-store.ts";
import type { Logger } from "../log.ts";
import type { Outbox } from "../outbox.ts";
import { toSettingReport } from "../setting-report.ts";

/** Something that went wrong with prevention beside any order: the guard was lost, events were. `at`: ISO 8601. */
export type PreventionAlarm = { code: string; detail: string; at: string };

/** The same alarm again within this time is counted, not reported. */
const quietMs = 60_000;
const maxCodes = 100;
/** Alarms that one report names: the newest ones. */
const maxTold = 5;
/** While a rule is being carried out there is no outcome yet to report an alarm with. */
const tryAgainMs = 1_000;

/**
 * Reports an alarm as the newest about each prevention rule in force: with what held when it was last looked at and what has
 * happened. `lookAgain` then finds what holds now, which follows in a report of its own where it is something else.
 */
export function createPreventionAlarms({
  journal,
  outbox,
  lookAgain,
  clock,
  log,
}: {
  journal: Journal;
  outbox: Outbox;
  lookAgain(): void;
  clock: Clock;
  log: Logger;
}) {
  const recent = new Map<string, { untilMs: number; times: number }>();
  const untold: string[] = [];
  let stopTrying: (() => void) | null = null;

  return {
    /** Never throws: it is called from the enforcer's events. */
    take({ code, detail, at }: PreventionAlarm) {
      const before = recent.get(code);
      if (before !== undefined && before.untilMs > clock.bootMs()) {
        before.times += 1;
        return;
      }
      const times = before?.times ?? 0;
      log.error({ code, detail, at, alsoSinceTheLast: times }, "prevention: an alarm");
      if (recent.size >= maxCodes) recent.clear();
      recent.set(code, { untilMs: clock.bootMs() + quietMs, times: 0 });
      untold.push(`${code} at ${at}: ${detail}${times === 0 ? "" : ` (and ${times} times since the one before)`}`);
      if (untold.length > maxTold) untold.shift();
      tell();
    },
    close() {
      stopTrying?.();
      stopTrying = null;
    },
  };

  function tell() {
    try {
      const rules = rulesInForce();
      if (rules.some(({ outcome }) => outcome === null)) {
        stopTrying ??= clock.after(tryAgainMs, () => {
          stopTrying = null;
          tell();
        });
        return;
      }
      report(rules);
      lookAgain();
    } catch (error) {
      log.error({ error }, "an alarm could not be written down");
    }
  }

  function rulesInForce(): SettingRecord[] {
    return (["host", "all"] as const)
      .map((scope) => journal.settings.find("prevention", scope))
      .filter((record) => record !== null)
      .filter(({ wish, lineage }) => wish !== null && lineage === journal.lineage());
  }

  function report(rules: SettingRecord[]) {
    const told = untold.splice(0);
    const at = new Date(clock.wallMs()).toISOString();
    journal.transaction(() => {
      for (const record of rules) {
        const { outcome } = record;
        if (outcome === null) continue;
        const detail = [...told, ...(outcome.detail === undefined ? [] : [outcome.detail])].join("; ");
        outbox.put(toSettingReport(record, { ...outcome, detail, at }));
      }
    });
    outbox.announce();
  }
}
