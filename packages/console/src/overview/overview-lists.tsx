import type { ConsoleReply } from "@cordon/contract/console-api";
import { Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { HostLink } from "../hosts/host-link.tsx";
import { Mark } from "../parts/mark.tsx";
import { Ago, TimeLeft } from "../parts/moment.tsx";
import { useNow } from "../parts/now.ts";
import { Section } from "../parts/section.tsx";
import { durationText } from "../text/time-text.ts";
import classes from "./overview-lists.module.css";

type Overview = ConsoleReply<"overview">;

/** What an action is called in lists; one that this page does not know yet is shown as it is. */
function useActionText(): (action: string) => string {
  const { t } = useTranslation();
  const texts: Record<string, string> = {
    "network-isolation": t("hosts.tabs.isolation"),
    prevention: t("hosts.tabs.prevention"),
    "run-process": t("tasks.titleAny"),
  };
  return (action) => texts[action] ?? action;
}

export function NotInEffectList({ entries, total }: { entries: Overview["notInEffect"]; total: number }) {
  const { t } = useTranslation();
  const actionText = useActionText();
  const now = useNow();
  return (
    <Section title={t("overview.notInEffect")}>
      {entries.length === 0 && <Nothing text={t("overview.allIn")} />}
      <ul className={classes.list}>
        {entries.map((entry) => (
          <li key={`${entry.sensorId} ${entry.action} ${entry.orderedAt}`}>
            <span className={classes.name}>
              <HostLink host={entry} />
              <Text span size="xs" c="dimmed">
                {actionText(entry.action)}
              </Text>
            </span>
            <Mark tone={entry.state === "failed" ? "bad" : "waiting"} title={entry.reason ?? ""}>
              {durationText(now - Date.parse(entry.orderedAt), t)}
            </Mark>
          </li>
        ))}
      </ul>
      <More shown={entries.length} total={total} to="/hosts" filter={["isolation:is:pending"]} />
    </Section>
  );
}

export function IsolatedList({ entries, total }: { entries: Overview["isolated"]; total: number }) {
  const { t } = useTranslation();
  return (
    <Section title={t("overview.isolatedNow")}>
      {entries.length === 0 && <Nothing text={t("overview.nobodyIsolated")} />}
      <ul className={classes.list}>
        {entries.map((entry) => (
          <li key={entry.sensorId}>
            <span className={classes.name}>
              <HostLink host={entry} />
            </span>
            <Mark tone={entry.state === "in-effect" ? "good" : entry.state === "failed" ? "bad" : "waiting"}>
              {entry.endsAt === null ? t("overview.noEnd") : <TimeLeft at={entry.endsAt} />}
            </Mark>
          </li>
        ))}
      </ul>
      <More shown={entries.length} total={total} to="/isolation" filter={["state:is:in-effect"]} />
    </Section>
  );
}

export function FailureList({ entries, total }: { entries: Overview["failuresLastDay"]; total: number }) {
  const { t } = useTranslation();
  const actionText = useActionText();
  return (
    <Section title={t("overview.failures")}>
      {entries.length === 0 && <Nothing text={t("overview.noFailures")} />}
      <ul className={classes.list}>
        {entries.map((entry) => (
          <li key={`${entry.sensorId} ${entry.action} ${entry.at}`}>
            <span className={classes.name}>
              <HostLink host={entry} />
              <Text span size="xs" c="dimmed" title={entry.reason}>
                {actionText(entry.action)}: {entry.reason}
              </Text>
            </span>
            <span className={classes.when}>
              <Ago at={entry.at} />
            </span>
          </li>
        ))}
      </ul>
      <More shown={entries.length} total={total} to="/hosts" filter={["failuresLastDay:after:0"]} />
    </Section>
  );
}

function Nothing({ text }: { text: string }) {
  return (
    <Text size="sm" c="dimmed">
      {text}
    </Text>
  );
}

function More({
  shown,
  total,
  to,
  filter,
}: {
  shown: number;
  total: number;
  to: "/hosts" | "/isolation";
  filter: string[];
}) {
  const { t } = useTranslation();
  if (total <= shown) return null;
  return (
    <Text size="sm" mt="xs">
      <Link to={to} search={{ filter }}>
        {t("overview.seeAll", { formatted: total.toLocaleString() })}
      </Link>
    </Text>
  );
}
