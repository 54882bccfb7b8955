import { Loader, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { callQuery } from "../api/queries.ts";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { useMay } from "../session/session.ts";
import { Figure } from "./figure.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { HoursSection } from "./hours-section.tsx";
import { FailureList, IsolatedList, NotInEffectList } from "./overview-lists.tsx";

/** Hour by hour, and figures that lead to the lists behind them. */
export function OverviewPage() {
  const { t } = useTranslation();
  const may = useMay();
  const { data, error, refetch } = useQuery(callQuery("overview", {}));
  if (data === undefined) {
    return (
      <>
        <PageHeader title={t("sections.overview")} />
        {error === null ? (
          <Loader size="sm" aria-label={t("list.loading")} />
        ) : (
          <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />
        )}
      </>
    );
  }
  const { hosts, tasks } = data;
  return (
    <>
      <PageHeader title={t("sections.overview")} />
      <Stack gap="md">
        {hosts.total === 0 && <FirstSteps />}
        <SimpleGrid cols={{ base: 2, md: 3, xl: 6 }} spacing="md">
          <Figure
            name={t("overview.hosts")}
            value={hosts.total}
            to="/hosts"
            parts={[
              { tone: "good", text: t("activity.normal"), value: hosts.normal, filter: ["activity:is:normal"] },
              { tone: "waiting", text: t("activity.warning"), value: hosts.warning, filter: ["activity:is:warning"] },
              { tone: "bad", text: t("activity.critical"), value: hosts.critical, filter: ["activity:is:critical"] },
            ]}
          />
          <Figure
            name={t("overview.isolatedNow")}
            value={data.isolatedTotal}
            to="/isolation"
            filter={["state:is:in-effect"]}
          />
          <Figure
            name={t("overview.notInEffect")}
            value={data.notInEffectTotal}
            tone={data.notInEffectTotal > 0 ? "waiting" : undefined}
            to="/hosts"
            filter={["isolation:is:pending"]}
          />
          <Figure
            name={t("overview.failures")}
            value={data.failuresLastDayTotal}
            tone={data.failuresLastDayTotal > 0 ? "bad" : undefined}
            to="/hosts"
            filter={["failuresLastDay:after:0"]}
          />
          <Figure
            name={t("overview.tasks")}
            value={tasks.waiting + tasks.running}
            to="/tasks"
            parts={(["running", "waiting", "completed", "failed", "cancelled"] as const).map((state) => ({
              tone: { running: "waiting", waiting: "waiting", completed: "good", failed: "bad", cancelled: "quiet" }[
                state
              ] as "good",
              text: t(`tasks.states.${state}`),
              value: tasks[state],
              filter: [`state:is:${state}`],
            }))}
          />
          {may("external-systems.see") ? (
            <Figure
              name={t("overview.pendingSystems")}
              value={data.pendingExternalSystems}
              tone={data.pendingExternalSystems > 0 ? "waiting" : undefined}
              to="/external-systems"
              filter={["state:is:pending"]}
            />
          ) : (
            <Figure name={t("overview.blocks")} value={data.blocksLastDay} to="/prevention" />
          )}
        </SimpleGrid>
        <HoursSection hours={data.hours} blocks={data.blocksLastDay} />
        <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="md">
          <NotInEffectList entries={data.notInEffect} total={data.notInEffectTotal} />
          <IsolatedList entries={data.isolated} total={data.isolatedTotal} />
          <FailureList entries={data.failuresLastDay} total={data.failuresLastDayTotal} />
        </SimpleGrid>
      </Stack>
    </>
  );
}
