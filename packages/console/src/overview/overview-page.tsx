import { Loader, SimpleGrid, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { callQuery } from "../api/queries.ts";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { FirstSteps } from "./first-steps.tsx";
import { HoursSection } from "./hours-section.tsx";
import { OverviewFigures } from "./overview-figures.tsx";
import { FailureList, IsolatedList, NotInEffectList } from "./overview-lists.tsx";

/** Hour by hour, and figures that lead to the lists behind them. */
export function OverviewPage() {
  const { t } = useTranslation();
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
  return (
    <>
      <PageHeader title={t("sections.overview")} />
      <Stack gap="md">
        {data.hosts.total === 0 && <FirstSteps />}
        <OverviewFigures overview={data} />
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
