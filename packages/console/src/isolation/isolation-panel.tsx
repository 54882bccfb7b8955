import type { ConsoleReply } from "@cordon/contract/console-api";
import { Button, List, Loader, Paper, Text } from "@mantine/core";
import { IconNetworkOff } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { actorText } from "../parts/actor-text.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { exclusionText } from "./exclusion-text.ts";
import { RuleStateMark } from "./rule-state-mark.tsx";
import { useIsolationRule } from "./use-isolation-rule.ts";

/** The isolation rule of one host. */
export function IsolationPanel({
  host,
  onIsolate,
}: {
  host: ConsoleReply<"getHost">;
  /** Null: the one who looks may not. */
  onIsolate: (() => void) | null;
}) {
  const { t } = useTranslation();
  const { data: rule, error, refetch } = useIsolationRule(host.sensorId);
  if (rule === undefined) {
    if (error === null) return <Loader size="sm" aria-label={t("list.loading")} />;
    return <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />;
  }
  if (rule === null) {
    return (
      <EmptyNotice
        icon={<IconNetworkOff size={32} aria-hidden />}
        title={t("hosts.notIsolated")}
        why={t("hosts.notIsolatedWhy")}
      >
        {onIsolate !== null && (
          <Button mt="xs" onClick={onIsolate}>
            {t("hosts.isolate")}
          </Button>
        )}
      </EmptyNotice>
    );
  }
  return (
    <Paper withBorder p="md" bg="var(--cordon-surface)">
      <Facts
        facts={[
          [t("isolation.columns.state"), <RuleStateMark key="s" rule={rule} />],
          [t("isolation.columns.endsAt"), <Moment key="e" at={rule.endsAt} />],
          [t("isolation.columns.orderedBy"), actorText(rule.orderedBy)],
          [t("isolation.columns.orderedAt"), <Moment key="o" at={rule.orderedAt} />],
        ]}
      />
      <Text size="xs" c="dimmed" mt="md" mb={4}>
        {t("isolation.exclusions")}
      </Text>
      {rule.exclusions.length === 0 ? (
        <Text size="sm">{t("isolation.noExclusions")}</Text>
      ) : (
        <List size="sm">
          {rule.exclusions.map((exclusion, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two may say the same, and none keeps a state
            <List.Item key={index}>{exclusionText(exclusion, t)}</List.Item>
          ))}
        </List>
      )}
      {onIsolate !== null && (
        <Button mt="md" size="xs" variant="default" onClick={onIsolate}>
          {rule.state === "ended" || rule.state === "disabled" ? t("isolation.again") : t("actions.change")}
        </Button>
      )}
    </Paper>
  );
}
