import type { Clock } from "../host/clock.ts";
import type { Journal } from "../journal/journal.ts";
import type { Logger } from "../log.ts";
import type { Outbox } from "../outbox.ts";
import { toSettingReport } from "../setting-report.ts";

/** Something that went wrong with prevention beside any order: the guard was lost, events were. `at`: ISO 8601. */
export type PreventionAlarm = { code: string; detail: string; at: string };

/** The same alarm again within this time is counted, not reported. */
const quietMs = 60_000;
const maxCodes = 100;

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

  return {
    /** Never throws: it is called from the enforcer's events. */
    take(alarm: PreventionAlarm) {
      const before = recent.get(alarm.code);
      if (before !== undefined && before.untilMs > clock.bootMs()) {
        before.times += 1;
        return;
      }
      const times = before?.times ?? 0;
      log.error({ alarm, alsoSinceTheLast: times }, "prevention: an alarm");
      if (recent.size >= maxCodes) recent.clear();
      recent.set(alarm.code, { untilMs: clock.bootMs() + quietMs, times: 0 });
      try {
        report(alarm, times);
        lookAgain();
      } catch (error) {
        log.error({ error }, "an alarm could not be written down");
      }
    },
  };

  function report({ code, detail, at }: PreventionAlarm, times: number) {
    const told = `${code} at ${at}: ${detail}${times === 0 ? "" : ` (and ${times} times since the one before)`}`;
    journal.transaction(() => {
      for (const scope of ["host", "all"] as const) {
        const record = journal.settings.find("prevention", scope);
        // What is being carried out reports by itself, and of another lineage nobody knows anything.
        if (record?.wish == null || record.outcome === null || record.lineage !== journal.lineage()) continue;
        const held = record.outcome.detail === undefined ? "" : `; ${record.outcome.detail}`;
        const now = new Date(clock.wallMs()).toISOString();
        outbox.put(toSettingReport(record, { ...record.outcome, detail: `${told}${held}`, at: now }));
      }
    });
    outbox.announce();
  }
}
