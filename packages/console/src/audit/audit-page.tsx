import { consoleDownloads } from "@cordon/contract/console-api";
import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconDownload, IconHistory, IconShieldCheck } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { apiPath, queryText } from "../api/call.ts";
import { useChange } from "../api/queries.ts";
import type { Column, RowOf } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useListSearch } from "../list/use-list-search.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { actorKinds, actorKindText } from "./actor-kind.ts";
import { AuditEntryDialog } from "./audit-entry-dialog.tsx";
import { ChainNotice } from "./chain-notice.tsx";

type Entry = RowOf<"listAudit">;
const idOf = (entry: Entry) => String(entry.seq);
const nameOf = (entry: Entry) => entry.action;

export function AuditPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useListSearch();
  const [shown, setShown] = useState<Entry | null>(null);
  const verify = useChange("verifyAudit", { touches: [] });
  const columns = useMemo<Column<"listAudit">[]>(
    () => [
      {
        field: "seq",
        title: t("audit.columns.seq"),
        width: 90,
        cell: (entry) => (
          <Button
            size="compact-xs"
            variant="subtle"
            onClick={() => setShown(entry)}
            aria-label={t("audit.entry", { seq: entry.seq })}
          >
            {entry.seq}
          </Button>
        ),
      },
      { field: "at", title: t("audit.columns.at"), width: 180, cell: ({ at }) => <Moment at={at} /> },
      {
        field: "actorKind",
        title: t("audit.columns.actorKind"),
        width: 150,
        cell: ({ actorKind }) => actorKindText(actorKind, t),
        choices: actorKinds.map((value) => ({ value, label: actorKindText(value, t) })),
      },
      {
        field: "actorId",
        title: t("audit.columns.actorId"),
        width: 180,
        cell: ({ actorId }) => <span title={actorId}>{actorId}</span>,
      },
      {
        field: "address",
        title: t("audit.columns.address"),
        width: 130,
        cell: ({ address }) => address ?? t("time.none"),
      },
      {
        field: "action",
        title: t("audit.columns.action"),
        width: 200,
        cell: ({ action }) => <span title={action}>{action}</span>,
      },
      {
        field: "object",
        title: t("audit.columns.object"),
        width: 220,
        grow: true,
        cell: ({ object }) => <span title={object}>{object}</span>,
      },
      {
        field: "result",
        title: t("audit.columns.result"),
        width: 150,
        cell: ({ result }) => <span title={result}>{result}</span>,
      },
    ],
    [t],
  );
  const exported = (path: string) => `${apiPath(path)}${queryText(search)}`;
  return (
    <>
      <PageHeader title={t("sections.audit")}>
        <Menu position="bottom-end">
          <Menu.Target>
            <Button
              variant="default"
              size="xs"
              leftSection={<IconDownload size={15} aria-hidden />}
              rightSection={<IconChevronDown size={13} aria-hidden />}
            >
              {t("audit.export")}
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item component="a" href={exported(consoleDownloads.auditJsonLines.path)} download>
              {t("audit.exportLines")}
            </Menu.Item>
            <Menu.Item component="a" href={exported(consoleDownloads.auditCef.path)} download>
              {t("audit.exportCef")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
        <Button
          size="xs"
          leftSection={<IconShieldCheck size={15} aria-hidden />}
          loading={verify.isPending}
          onClick={() => verify.mutate({ args: {} })}
        >
          {t("audit.verify")}
        </Button>
      </PageHeader>
      {verify.error !== null && <ProblemNotice error={verify.error} />}
      {verify.data !== undefined && <ChainNotice verdict={verify.data} onClose={verify.reset} />}
      <ListView
        list="listAudit"
        label={t("sections.audit")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="object"
        searchLabel={t("audit.search")}
        search={search}
        onSearch={setSearch}
        empty={
          <EmptyNotice
            icon={<IconHistory size={32} aria-hidden />}
            title={t("audit.noneTitle")}
            why={t("audit.noneWhy")}
          />
        }
      />
      {shown !== null && <AuditEntryDialog entry={shown} onClose={() => setShown(null)} />}
    </>
  );
}
