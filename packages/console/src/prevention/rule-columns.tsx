import type { TFunction } from "i18next";
import type { Column, RowOf } from "../list/column.ts";
import { actorText } from "../parts/actor-text.ts";
import { CopyText } from "../parts/copy-text.tsx";
import { Mark } from "../parts/mark.tsx";
import { Moment } from "../parts/moment.tsx";
import { shortHash } from "./hash-text.ts";
import { ruleName } from "./rule-name.ts";

export type Rule = RowOf<"listPreventionRules">;

export function ruleColumns(t: TFunction): Column<"listPreventionRules">[] {
  return [
    {
      field: "name",
      title: t("prevention.columns.name"),
      width: 200,
      grow: true,
      cell: (rule) => <span title={ruleName(rule)}>{ruleName(rule)}</span>,
    },
    {
      field: "hash",
      title: t("prevention.columns.hash"),
      width: 200,
      cell: ({ hash }) => <CopyText text={hash} shown={shortHash(hash)} label={t("prevention.copyHash")} />,
    },
    {
      field: "algorithm",
      title: t("prevention.columns.algorithm"),
      width: 95,
      cell: ({ algorithm }) => (algorithm === "sha256" ? "SHA-256" : "MD5"),
      choices: [
        { value: "sha256", label: "SHA-256" },
        { value: "md5", label: "MD5" },
      ],
    },
    {
      field: "scope",
      title: t("prevention.columns.scope"),
      width: 125,
      cell: ({ scope }) =>
        scope === "all" ? (
          t("prevention.allHosts")
        ) : (
          <span title={scope.map(({ hostName }) => hostName).join(", ")}>
            {scope.length === 1
              ? scope[0]?.hostName
              : t("prevention.scopeHosts", { count: scope.length, formatted: scope.length.toLocaleString() })}
          </span>
        ),
      choices: [
        { value: "all", label: t("prevention.allHosts") },
        { value: "hosts", label: t("prevention.onSome") },
      ],
    },
    {
      field: "enabled",
      title: t("prevention.columns.enabled"),
      width: 110,
      cell: ({ enabled }) => (
        <Mark tone={enabled ? "neutral" : "quiet"}>{enabled ? t("prevention.enabled") : t("prevention.disabled")}</Mark>
      ),
      choices: [
        { value: "true", label: t("prevention.enabled") },
        { value: "false", label: t("prevention.disabled") },
      ],
    },
    {
      field: "_inEffect",
      title: t("prevention.columns.inEffect"),
      width: 200,
      cell: (rule) => <InEffect rule={rule} t={t} />,
    },
    {
      field: "blocks",
      title: t("prevention.columns.blocks"),
      width: 90,
      align: "right",
      cell: ({ blocks }) => blocks.toLocaleString(),
    },
    {
      field: "author",
      title: t("prevention.columns.author"),
      width: 140,
      cell: ({ author }) => <span title={author}>{actorText(author)}</span>,
    },
    {
      field: "createdAt",
      title: t("prevention.columns.createdAt"),
      width: 180,
      cell: (rule) => <Moment at={rule.createdAt} />,
    },
  ];
}

function InEffect({ rule, t }: { rule: Rule; t: TFunction }) {
  const { enabled, inEffectOn, ofHosts, refusedOn } = rule;
  if (!enabled) return t("time.none");
  const tone = refusedOn > 0 ? "bad" : inEffectOn === ofHosts ? "good" : "waiting";
  return (
    <Mark tone={tone}>
      {t("prevention.inEffectOf", { inEffect: inEffectOn.toLocaleString(), of: ofHosts.toLocaleString() })}
      {refusedOn > 0 && ` · ${t("prevention.refusedOn", { count: refusedOn })}`}
    </Mark>
  );
}
