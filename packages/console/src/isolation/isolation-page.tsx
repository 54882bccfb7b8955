import { Button, Menu } from "@mantine/core";
import { IconNetworkOff } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { HostLink } from "../hosts/host-link.tsx";
import { useHostOrders } from "../hosts/host-orders.tsx";
import type { Column, RowOf } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useSelection } from "../list/selection.ts";
import { useListSearch } from "../list/use-list-search.ts";
import { actorText } from "../parts/actor-text.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { exclusionText } from "./exclusion-text.ts";
import { RuleStateMark } from "./rule-state-mark.tsx";

type Rule = RowOf<"listIsolationRules">;
const idOf = (rule: Rule) => rule.sensorId;
const nameOf = (rule: Rule) => rule.hostName;
const isOver = (rule: Rule) => rule.state === "ended" || rule.state === "disabled";

export function IsolationPage() {
  const { t } = useTranslation();
  const [search, setSearch] = useListSearch();
  const selection = useSelection(idOf);
  const orders = useHostOrders(selection.clear);
  const [deleted, setDeleted] = useState<Rule | null>(null);
  const mayOrder = orders.mayOrder("isolate");
  const columns = useMemo<Column<"listIsolationRules">[]>(
    () => [
      {
        field: "hostName",
        title: t("isolation.columns.hostName"),
        width: 190,
        grow: true,
        cell: (rule) => <HostLink host={rule} />,
      },
      {
        field: "state",
        title: t("isolation.columns.state"),
        width: 260,
        cell: (rule) => <RuleStateMark rule={rule} />,
        choices: (["in-effect", "pending", "ended", "disabled", "failed", "not-supported"] as const).map((value) => ({
          value,
          label: t(`progress.${value}`),
        })),
      },
      {
        field: "endsAt",
        title: t("isolation.columns.endsAt"),
        width: 180,
        cell: (rule) => <Moment at={rule.endsAt} />,
      },
      {
        field: "_exclusions",
        title: t("isolation.columns.exclusions"),
        width: 260,
        cell: ({ exclusions }) => {
          const texts = exclusions.map((exclusion) => exclusionText(exclusion, t));
          return texts.length === 0 ? t("time.none") : <span title={texts.join("\n")}>{texts.join("; ")}</span>;
        },
      },
      {
        field: "orderedBy",
        title: t("isolation.columns.orderedBy"),
        width: 170,
        cell: ({ orderedBy }) => <span title={orderedBy}>{actorText(orderedBy)}</span>,
      },
      {
        field: "orderedAt",
        title: t("isolation.columns.orderedAt"),
        width: 180,
        cell: (rule) => <Moment at={rule.orderedAt} />,
      },
    ],
    [t],
  );
  return (
    <>
      <PageHeader title={t("sections.isolation")} />
      <ListView
        list="listIsolationRules"
        label={t("sections.isolation")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="hostName"
        searchLabel={t("isolation.search")}
        search={search}
        onSearch={setSearch}
        selection={mayOrder ? selection : undefined}
        selectionActions={
          <>
            <Button size="compact-sm" onClick={() => orders.ask("release", [...selection.picked.values()])}>
              {t("hosts.release")}
            </Button>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => orders.ask("isolate", [...selection.picked.values()])}
            >
              {t("isolation.again")}
            </Button>
          </>
        }
        rowActions={
          mayOrder
            ? (rule) => (
                <RowMenu name={rule.hostName}>
                  <Menu.Item onClick={() => orders.ask("isolate", [rule])}>
                    {isOver(rule) ? t("isolation.again") : t("actions.change")}
                  </Menu.Item>
                  {!isOver(rule) && (
                    <Menu.Item onClick={() => orders.ask("release", [rule])}>{t("isolation.disable")}</Menu.Item>
                  )}
                  {isOver(rule) && <Menu.Item onClick={() => setDeleted(rule)}>{t("actions.delete")}</Menu.Item>}
                </RowMenu>
              )
            : undefined
        }
        empty={
          <EmptyNotice
            icon={<IconNetworkOff size={32} aria-hidden />}
            title={t("isolation.noneTitle")}
            why={t("isolation.noneWhy")}
          >
            <Link to="/hosts">{t("isolation.toHosts")}</Link>
          </EmptyNotice>
        }
      />
      {orders.dialog}
      {deleted !== null && <DeleteDialog rule={deleted} onClose={() => setDeleted(null)} />}
    </>
  );
}

function DeleteDialog({ rule, onClose }: { rule: Rule; onClose: () => void }) {
  const { t } = useTranslation();
  const forget = useChange("deleteIsolationRule", {
    touches: ["listIsolationRules", "getIsolationRule"],
    onDone: onClose,
  });
  return (
    <ConfirmDialog
      title={t("isolation.deleteTitle", { name: rule.hostName })}
      what={t("isolation.deleteWhy")}
      confirm={t("isolation.deleteConfirm")}
      dangerous
      change={forget}
      onConfirm={() => forget.mutate({ args: { params: { sensorId: rule.sensorId } } })}
      onClose={onClose}
    />
  );
}
