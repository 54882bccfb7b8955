import type { SettingProgress } from "@cordon/contract/console-api";
import { type RawBuilder, sql } from "kysely";
import type { Database } from "../database/database.ts";
import { contains } from "../database/list-filter.ts";
import type { SettingState } from "../settings/setting-state.ts";

/** From what needs looking after to what is as it should be. */
const states = ["failed", "not-supported", "pending", "in-effect", "lifted", "none"] as const;
export const progressStates: readonly string[] = states;

const none: SettingProgress = {
  state: "none",
  orderedGeneration: null,
  reportedGeneration: null,
  orderedAt: null,
  endsAt: null,
  reportedAt: null,
  reason: null,
  detail: null,
};

/** How far an action has come on a host: of its own setting and the one of all hosts, the less advanced. */
export function progressOf(action: string, of: readonly SettingState[] | undefined): SettingProgress {
  const [first] = (of ?? [])
    .filter((state) => state.action === action)
    .sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
  if (first === undefined) return none;
  const { state, orderedGeneration, reportedGeneration, orderedAt, endsAt, reportedAt, reason, detail } = first;
  return { state, orderedGeneration, reportedGeneration, orderedAt, endsAt, reportedAt, reason, detail };
}

/** Names under which a query has a row of `settings`, the host's report on it, and the host. */
type Names = { setting: string; report: string; host: string };

/** The same as `stateOf` of the settings slice, as a number in `states`, for lists that are filtered and sorted by it. */
function rankSql(kind: Database["kind"], action: string, names: Names, at: string): RawBuilder<number> {
  const of = (table: string, column: string) => sql.ref(`${table}.${column}`);
  const { setting, report, host } = names;
  const rank = (state: (typeof states)[number]) => sql.lit(states.indexOf(state));
  return sql<number>`case
    when ${of(setting, "target")} is null then ${rank("none")}
    when ${of(report, "generation")} is null or ${of(report, "generation")} < ${of(setting, "generation")} then
      case when ${contains(kind, of(host, "capabilities"), JSON.stringify(action))}
        then ${rank("pending")} else ${rank("not-supported")} end
    when ${of(report, "state")} = 'failed' then ${rank("failed")}
    when ${of(report, "state")} = 'lifted' then ${rank("lifted")}
    when ${inForceSql(setting, at)} then ${rank("in-effect")}
    else ${rank("pending")} end`;
}

/** Reports, in SQL, whether the wish stands: see `isInForce`. */
export function inForceSql(setting: string, at: string): RawBuilder<unknown> {
  const endsAt = sql.ref(`${setting}.ends_at`);
  return sql`(${sql.ref(`${setting}.enabled`)} = 1 and (${endsAt} is null or ${endsAt} > ${at}))`;
}

/** The state that `progressOf` gives for one setting or for the less advanced of two, as SQL text. */
export function progressSql(kind: Database["kind"], action: string, of: Names[], at: string): RawBuilder<string> {
  const ranks = of.map((names) => rankSql(kind, action, names, at));
  const least = sql.raw(kind === "sqlite" ? "min" : "least");
  const rank = ranks.length === 1 ? sql`(${ranks[0]})` : sql`${least}(${sql.join(ranks)})`;
  const cases = states.map((state, index) => sql`when ${sql.lit(index)} then ${sql.lit(state)}`);
  return sql<string>`case ${rank} ${sql.join(cases, sql` `)} end`;
}

/** Joins a setting of the host `h`, or of all hosts, and the host's report on it. */
export function joinSetting(action: string, scope: "host" | "all", names: Pick<Names, "setting" | "report">) {
  const target = scope === "all" ? sql`'all'` : sql`h.sensor_id`;
  const of = (table: string, column: string) => sql.ref(`${table}.${column}`);
  return sql`
    left join settings as ${sql.ref(names.setting)}
      on ${of(names.setting, "target")} = ${target} and ${of(names.setting, "action")} = ${sql.lit(action)}
    left join setting_reports as ${sql.ref(names.report)}
      on ${of(names.report, "sensor_id")} = h.sensor_id and ${of(names.report, "action")} = ${sql.lit(action)}
      and ${of(names.report, "scope")} = ${sql.lit(scope)}`;
}
