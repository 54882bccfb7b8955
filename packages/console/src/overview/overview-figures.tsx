import type { ConsoleReply } from "@cordon/contract/console-api";
import { SimpleGrid } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Ago, TimeLeft } from "../parts/moment.tsx";
import { useMay } from "../session/session.ts";
import { Figure } from "./figure.tsx";

/** The fleet in numbers; each leads to the list behind it. */
export function OverviewFigures({ overview }: { overview: ConsoleReply<"overview"> }) {
  const { t } = useTranslation();
  const may = useMay();
  const { hosts, tasks, isolated, notInEffect, failuresLastDay } = overview;
  const nextEnd = earliest(isolated.map(({ endsAt }) => endsAt));
  const oldest = earliest(notInEffect.map(({ orderedAt }) => orderedAt));
  const newestFailure = failuresLastDay
    .map(({ at }) => at)
    .sort()
    .at(-1);
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 6 }} spacing="md">
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
        value={overview.isolatedTotal}
        to="/isolation"
        filter={["state:is:in-effect"]}
        note={
          nextEnd === undefined ? (
            t("overview.nobodyIsolated")
          ) : (
            <>
              {t("overview.nextEnd")} <TimeLeft at={nextEnd} />
            </>
          )
        }
      />
      <Figure
        name={t("overview.notInEffect")}
        value={overview.notInEffectTotal}
        tone={overview.notInEffectTotal > 0 ? "waiting" : undefined}
        to="/hosts"
        filter={[`${leads(notInEffect)}:is:pending`]}
        note={
          oldest === undefined ? (
            t("overview.allIn")
          ) : (
            <>
              {t("overview.oldest")} <Ago at={oldest} />
            </>
          )
        }
      />
      <Figure
        name={t("overview.failures")}
        value={overview.failuresLastDayTotal}
        tone={overview.failuresLastDayTotal > 0 ? "bad" : undefined}
        to="/hosts"
        filter={["failuresLastDay:after:0"]}
        note={
          newestFailure === undefined ? (
            t("overview.noFailures")
          ) : (
            <>
              {t("overview.newest")} <Ago at={newestFailure} />
            </>
          )
        }
      />
      <Figure
        name={t("overview.openTasks")}
        value={tasks.waiting + tasks.running}
        to="/tasks"
        parts={[
          { tone: "waiting", text: t("tasks.states.running"), value: tasks.running, filter: ["state:is:running"] },
          { tone: "waiting", text: t("tasks.states.waiting"), value: tasks.waiting, filter: ["state:is:waiting"] },
          { tone: "good", text: t("tasks.states.completed"), value: tasks.completed, filter: ["state:is:completed"] },
          { tone: "bad", text: t("tasks.states.failed"), value: tasks.failed, filter: ["state:is:failed"] },
          { tone: "quiet", text: t("tasks.states.cancelled"), value: tasks.cancelled, filter: ["state:is:cancelled"] },
        ]}
      />
      {may("external-systems.see") ? (
        <Figure
          name={t("overview.pendingSystems")}
          value={overview.pendingExternalSystems}
          tone={overview.pendingExternalSystems > 0 ? "waiting" : undefined}
          to="/external-systems"
          filter={["state:is:pending"]}
          note={overview.pendingExternalSystems > 0 ? t("overview.decide") : t("overview.nobodyWaits")}
        />
      ) : (
        <Figure name={t("overview.blocks")} value={overview.blocksLastDay} to="/prevention" />
      )}
    </SimpleGrid>
  );
}

/** The list that holds most of what is not in effect: a list of hosts has one filter for each action. */
function leads(notInEffect: ConsoleReply<"overview">["notInEffect"]): "isolation" | "prevention" {
  const isolating = notInEffect.filter(({ action }) => action === "network-isolation").length;
  return isolating * 2 >= notInEffect.length ? "isolation" : "prevention";
}

function earliest(times: (string | null)[]): string | undefined {
  return times.filter((at) => at !== null).sort()[0];
}
