import type { ConsoleReply } from "@cordon/contract/console-api";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Section } from "../parts/section.tsx";
import { localTimeText } from "../text/time-text.ts";
import classes from "./hours-section.module.css";

const HoursChart = lazy(async () => ({ default: (await import("./hours-chart.tsx")).HoursChart }));

/** The chart, and the same as a table for those who do not see it. */
export function HoursSection({ hours, blocks }: { hours: ConsoleReply<"overview">["hours"]; blocks: number }) {
  const { t, i18n } = useTranslation();
  return (
    <Section
      title={t("overview.chart")}
      why={t("overview.chartWhy")}
      beside={
        <span className={classes.blocks}>
          {t("overview.blocks")}: {blocks.toLocaleString()}
        </span>
      }
    >
      <div className={classes.chart} aria-hidden="true">
        <Suspense>
          <HoursChart
            hours={hours}
            names={{ orders: t("overview.orders"), effects: t("overview.effects"), failures: t("overview.failed") }}
            language={i18n.language}
          />
        </Suspense>
      </div>
      <table className={classes.unseen}>
        <caption>{t("overview.chart")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("overview.hour")}</th>
            <th scope="col">{t("overview.orders")}</th>
            <th scope="col">{t("overview.effects")}</th>
            <th scope="col">{t("overview.failed")}</th>
          </tr>
        </thead>
        <tbody>
          {hours.map((hour) => (
            <tr key={hour.at}>
              <th scope="row">{localTimeText(hour.at, i18n.language)}</th>
              <td>{hour.orders}</td>
              <td>{hour.effects}</td>
              <td>{hour.failures}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}
