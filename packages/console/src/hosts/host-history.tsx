import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { ListSearch } from "../api/list-search.ts";
import type { Column } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { actorText } from "../parts/actor-text.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Moment } from "../parts/moment.tsx";

export function HostHistory({ sensorId }: { sensorId: string }) {
  const { t } = useTranslation();
  const [search, setSearch] = useState<ListSearch>({});
  const columns: Column<"hostHistory">[] = [
    { field: "at", title: t("hosts.history.at"), width: 180, cell: ({ at }) => <Moment at={at} /> },
    {
      field: "who",
      title: t("hosts.history.who"),
      width: 200,
      cell: ({ who }) => <span title={who}>{actorText(who)}</span>,
    },
    { field: "action", title: t("hosts.history.action"), width: 190, cell: ({ action }) => action },
    { field: "result", title: t("hosts.history.result"), width: 140, cell: ({ result }) => result },
    {
      field: "_detail",
      title: t("hosts.history.detail"),
      width: 200,
      grow: true,
      cell: ({ detail }) => <span title={detail}>{detail}</span>,
    },
  ];
  return (
    <ListView
      list="hostHistory"
      params={{ sensorId }}
      label={t("hosts.tabs.history")}
      columns={columns}
      idOf={({ at, action, who, detail }) => `${at} ${action} ${who} ${detail}`}
      nameOf={({ action }) => action}
      search={search}
      onSearch={setSearch}
      empty={<EmptyNotice title={t("hosts.noHistory")} />}
      height="50dvh"
    />
  );
}
