import type { TFunction } from "i18next";
import type { Column } from "../list/column.ts";
import { Ago, Moment } from "../parts/moment.tsx";
import { ProgressMark } from "../parts/progress-mark.tsx";
import { ActivityMark } from "./activity-mark.tsx";
import { HostLink } from "./host-link.tsx";

function progressChoices(t: TFunction) {
  return (["none", "pending", "in-effect", "lifted", "failed", "not-supported"] as const).map((value) => ({
    value,
    label: t(`progress.${value}`),
  }));
}

export function hostColumns(t: TFunction): Column<"listHosts">[] {
  return [
    {
      field: "hostName",
      title: t("hosts.columns.hostName"),
      width: 190,
      grow: true,
      cell: (host) => <HostLink host={host} />,
    },
    {
      field: "activity",
      title: t("hosts.columns.activity"),
      width: 105,
      cell: (host) => <ActivityMark activity={host.activity} />,
      choices: (["normal", "warning", "critical"] as const).map((value) => ({ value, label: t(`activity.${value}`) })),
      sortable: false,
    },
    {
      field: "isolation",
      title: t("hosts.columns.isolation"),
      width: 200,
      cell: (host) => <ProgressMark progress={host.isolation} quietText={t("time.none")} />,
      choices: progressChoices(t),
    },
    {
      field: "prevention",
      title: t("hosts.columns.prevention"),
      width: 185,
      cell: (host) => <ProgressMark progress={host.prevention} quietText={t("time.none")} />,
      choices: progressChoices(t),
    },
    {
      field: "ipAddresses",
      title: t("hosts.columns.ipAddresses"),
      width: 130,
      cell: ({ ipAddresses }) => <span title={ipAddresses.join(", ")}>{ipAddresses.join(", ")}</span>,
    },
    {
      field: "osName",
      title: t("hosts.columns.osName"),
      width: 170,
      cell: ({ osName }) => <span title={osName}>{osName}</span>,
    },
    {
      field: "lastAccessAt",
      title: t("hosts.columns.lastAccessAt"),
      width: 115,
      cell: (host) => <Ago at={host.lastAccessAt} />,
    },
    {
      field: "failuresLastDay",
      title: t("hosts.columns.failuresLastDay"),
      width: 110,
      align: "right",
      cell: ({ failuresLastDay }) => (failuresLastDay === 0 ? t("time.none") : failuresLastDay),
    },
    {
      field: "isolationEndsAt",
      title: t("hosts.columns.isolationEndsAt"),
      width: 185,
      cell: (host) => <Moment at={host.isolation.endsAt} />,
    },
    {
      field: "agentVersion",
      title: t("hosts.columns.agentVersion"),
      width: 90,
      cell: ({ agentVersion }) => agentVersion,
    },
    {
      field: "capabilities",
      title: t("hosts.columns.capabilities"),
      width: 230,
      cell: ({ capabilities }) => <span title={capabilities.join(", ")}>{capabilities.join(", ")}</span>,
    },
    {
      field: "enrolledAt",
      title: t("hosts.columns.enrolledAt"),
      width: 185,
      cell: (host) => <Moment at={host.enrolledAt} />,
    },
  ];
}
