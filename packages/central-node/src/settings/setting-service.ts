import { describeFault, findFault, Problem, type SettingReport } from "@cordon/contract";
import { type PreventionWish, responseActions, type SettingAction } from "@cordon/response-actions";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { SettingRow } from "../database/tables.ts";
import { throwIfChanged } from "../database/versions.ts";
import type { Host, HostService } from "../hosts/host-service.ts";
import type { Nudges } from "../hosts/nudges.ts";
import type { OrderCounts } from "../metrics/metrics.ts";
import { cleanText } from "../text/clean-text.ts";
import { cleanTimestamp } from "../text/clean-timestamp.ts";
import { createBannedFileStore } from "./banned-file-store.ts";
import { createDueSettings } from "./due-settings.ts";
import { refuseConflicts } from "./prevention-conflict.ts";
import { createPreventionRuleService } from "./prevention-rule-service.ts";
import { createPreventionRuleStore } from "./prevention-rule-store.ts";
import { createPreventionRules, type RulePlan } from "./prevention-rules.ts";
import { createPreventionSets } from "./prevention-sets.ts";
import { createReportBatch } from "./report-batch.ts";
import { isInForce, keyOf, type SettingState, scopeOf, stateOf } from "./setting-state.ts";
import { settingStore } from "./setting-store.ts";
import { createSettingWriter, type SettingChange, tellOfSetting } from "./setting-writer.ts";

export type SettingService = ReturnType<typeof createSettingService>;

/** More are not named in a statement. */
const maxHostsByName = 500;
/** No wish has more parts. */
const maxRefused = 100_000;

export function createSettingService({
  database,
  audit,
  hosts,
  nudges,
  changes,
  lineage,
  now,
  counts,
  checkpoint,
  maxFilesPerScope,
}: {
  database: Database;
  audit: AuditLog;
  hosts: HostService;
  nudges: Pick<Nudges, "nudge">;
  changes: Pick<Changes, "tell">;
  lineage: string;
  now: () => Date;
  counts: OrderCounts;
  checkpoint: (name: string) => void;
  maxFilesPerScope: number;
}) {
  const files = createBannedFileStore(database.kind);
  const putReport = createReportBatch(database);
  const rules = createPreventionRules({ database, files });
  const sets = createPreventionSets({ read: database.read, files });
  const due = createDueSettings({ read: database.read, rules, sets, now });
  const ruleStore = createPreventionRuleStore(database.kind);
  const { write, announce } = createSettingWriter({ audit, nudges, changes, counts, checkpoint, rules, ruleStore });
  const preventionRules = createPreventionRuleService({
    database,
    audit,
    hosts,
    files,
    ruleStore,
    write,
    announce,
    now,
    maxFilesPerScope,
  });
  hosts.whenRemoved(async (tx, sensorId) => {
    await settingStore.forget(tx, sensorId);
    await rules.forget(tx, sensorId);
    await ruleStore.forgetHost(tx, sensorId, now().toISOString());
  });

  /**
   * Replaces the whole setting of a scope, durably, and returns it. `ifGeneration`: PRECONDITION_FAILED where it is another
   * one by now.
   */
  async function set(
    change: SettingChange,
    wish: unknown,
    { ifGeneration }: { ifGeneration?: number } = {},
  ): Promise<{ generation: number; endsAt: string | null }> {
    const action = requireAction(change);
    refuseFaults(action, wish, maxFilesPerScope);
    const order = async (tx: Tx, plan: RulePlan | null) => {
      if (change.target !== "all") await hosts.require(tx, change.target);
      if (ifGeneration !== undefined) {
        const before = await settingStore.find(tx, change.target, change.action);
        throwIfChanged(before?.generation ?? 0, ifGeneration);
      }
      if (plan !== null) {
        const wanted = (wish as PreventionWish).files;
        const positions = plan.added.map(({ position }) => position).sort((a, b) => a - b);
        const added = positions.flatMap((position) => wanted[position] ?? []);
        await refuseConflicts(tx, { hosts, files }, change.target, added);
      }
      const at = now();
      const lifetimeSec = action.lifetimeSec(wish as never);
      const endsAt = lifetimeSec === null ? null : new Date(at.getTime() + lifetimeSec * 1000);
      return write(tx, change, { enabled: 1, wish, endsAt, at, plan });
    };
    const row =
      action.name === "prevention"
        ? await rules.orderInTurn(change.target, (wish as PreventionWish).files, order)
        : await database.writeInTurn((tx) => order(tx, null));
    announce(change);
    return { generation: row.generation, endsAt: row.ends_at };
  }

  /** Ends a setting; nothing to end is no error, so that a retry is safe. */
  async function lift(change: SettingChange): Promise<void> {
    const action = requireAction(change);
    const order = async (tx: Tx, plan: RulePlan | null) => {
      if (change.target !== "all") await hosts.require(tx, change.target);
      const before = await settingStore.find(tx, change.target, change.action);
      if (before === undefined || before.enabled === 0) return false;
      await write(tx, change, { enabled: 0, wish: JSON.parse(before.wish), endsAt: null, at: now(), plan });
      return true;
    };
    const changed =
      action.name === "prevention"
        ? await rules.orderInTurn(change.target, [], order)
        : await database.writeInTurn((tx) => order(tx, null));
    if (changed) announce(change);
  }

  return {
    set,
    lift,
    preventionRules,

    /**
     * Nobody needs to see a setting that is over any more. Throws NOT_FOUND where there is none, and CONFLICT while it is in
     * force, or while its host has not said that it is lifted there.
     */
    async forgetEnded(change: SettingChange): Promise<void> {
      await database.writeInTurn(async (tx) => {
        const { target, action, actor } = change;
        const host = await hosts.require(tx, target);
        const row = await settingStore.find(tx, target, action);
        if (row === undefined || row.forgotten_at !== null) {
          throw new Problem("NOT_FOUND", { message: `there is no ${action} of this host` });
        }
        const report = await settingStore.findReport(tx, target, action);
        refuseUnlessOver(row, stateOf(row, report, host.capabilities, now()), now());
        await settingStore.put(tx, { ...row, forgotten_at: now().toISOString() });
        await audit.append(tx, {
          actor,
          action: `${action}.forget`,
          object: target,
          result: "done",
          detail: { generation: row.generation },
        });
      });
      tellOfSetting(changes, change);
    },

    /** Settings of some hosts as they were last ordered, whole; those that somebody has done with are left out. */
    async listOrdered(targets: readonly string[], action: string): Promise<SettingRow[]> {
      const rows = await settingStore.listOf(database.read, targets, action);
      return rows.filter((row) => row.forgotten_at === null);
    },

    /** The wish in force of a scope, or null: nothing set, disabled, or its time has run out. Throws NOT_FOUND for an unknown host. */
    async findInForce(target: string, action: string): Promise<{ wish: unknown; endsAt: string | null } | null> {
      if (target !== "all") await hosts.require(database.read, target);
      const found = await due.readWhole(target, action);
      return found === null || found.wish === null ? null : { wish: found.wish, endsAt: found.row.ends_at };
    },

    ...due,

    /** Reports whether this database has ever ordered anything of that kind for the host. */
    async isKnown(sensorId: string, action: string, scope: "host" | "all"): Promise<boolean> {
      return (await settingStore.find(database.read, scope === "all" ? "all" : sensorId, action)) !== undefined;
    },

    /** Targets (sensor IDs, or `all`) of the orders given since a time. */
    listTargetsSince: (since: Date): Promise<string[]> =>
      settingStore.listTargetsSince(database.read, since.toISOString()),

    /** Durable once it resolves. `journalId`: of the agent that says it. A report of another lineage is about orders that this database never gave. */
    async recordReport(sensorId: string, report: SettingReport, journalId: string): Promise<void> {
      if (report.lineage !== lineage) return;
      const receivedAt = now().toISOString();
      const taken = await putReport({
        sensor_id: sensorId,
        scope: report.scope,
        action: report.action,
        generation: report.generation,
        journal_id: journalId,
        report_number: report.reportNumber ?? 0,
        state: report.state,
        reason: report.reason === undefined ? null : cleanText(report.reason, 64),
        detail: report.detail === undefined ? null : cleanText(report.detail, 4096),
        ...refusedColumns(report),
        reported_at: cleanTimestamp(report.at, receivedAt),
        received_at: receivedAt,
      });
      if (!taken) return;
      counts.outcome(report.action, report.state);
      tellOfSetting(changes, { target: sensorId, action: report.action });
    },

    /** Desired beside actual state, by sensor ID; of one host, or of all that are given. */
    async listStates(of: readonly Pick<Host, "sensorId" | "capabilities">[]): Promise<Map<string, SettingState[]>> {
      if (of.length === 0) return new Map();
      // Of few hosts only what is theirs is read; of more, all of it at once.
      const only = of.length <= maxHostsByName ? of.map(({ sensorId }) => sensorId) : null;
      const heads = groupBy(await settingStore.listHeads(database.read, only), (head) => head.target);
      const reports = new Map(
        (await settingStore.listReports(database.read, only)).map((report) => [
          `${report.sensor_id} ${keyOf(report.action, report.scope)}`,
          report,
        ]),
      );
      const at = now();
      return new Map(
        of.map(({ sensorId, capabilities }) => [
          sensorId,
          [...(heads.get(sensorId) ?? []), ...(heads.get("all") ?? [])].map((head) =>
            stateOf(head, reports.get(`${sensorId} ${keyOf(head.action, scopeOf(head))}`), capabilities, at),
          ),
        ]),
      );
    },

    /** When the oldest order of a single host was given that the host has not reported on; null: none. */
    oldestUnreported: (): Promise<string | null> => settingStore.findOldestUnreported(database.read),
  };
}

function requireAction({ action, target }: SettingChange): SettingAction {
  const known = Object.hasOwn(responseActions, action)
    ? responseActions[action as keyof typeof responseActions]
    : undefined;
  if (known?.kind !== "setting") throw new Problem("BAD_REQUEST", { message: `there is no setting "${action}"` });
  const setting: SettingAction = known;
  if (target === "all" && !setting.scopes.includes("all")) {
    throw new Problem("BAD_REQUEST", { message: `${action} is for one host: name it, "all" is not possible` });
  }
  return setting;
}

function refusedColumns({ refused = [], refusedCount = refused.length }: SettingReport) {
  if (refused.length === 0) return { refused: null, refused_count: null };
  const cleaned = refused.map(({ part, reason, detail }) => ({
    part: cleanText(part, 128),
    reason: cleanText(reason, 64),
    detail: cleanText(detail, 1024),
  }));
  return { refused: JSON.stringify(cleaned), refused_count: Math.min(refusedCount, maxRefused) };
}

function refuseUnlessOver(row: SettingRow, { state }: SettingState, at: Date): void {
  if (isInForce(row, at)) throw new Problem("CONFLICT", { message: "it is in force: release the host first" });
  // One that was never carried out and then ended has nothing left to lift; one that could not be lifted has.
  const over = state === "lifted" || state === "not-supported" || (state === "failed" && row.enabled === 1);
  if (!over) {
    throw new Problem("CONFLICT", {
      message: "its host has not said yet that it is lifted there: wait for its next contact, or remove the host",
    });
  }
}

function refuseFaults(action: SettingAction, wish: unknown, maxFilesPerScope: number): void {
  const fault = findFault(action.wish, wish) ?? action.findFault(wish as never);
  if (fault !== null) throw new Problem("BAD_REQUEST", { message: describeFault(fault), fault });
  if (action.name === "prevention" && (wish as PreventionWish).files.length > maxFilesPerScope) {
    throw new Problem("BAD_REQUEST", { message: `at most ${maxFilesPerScope} files can be banned in one scope` });
  }
}

function groupBy<T>(rows: T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(key(row));
    if (group === undefined) groups.set(key(row), [row]);
    else group.push(row);
  }
  return groups;
}
