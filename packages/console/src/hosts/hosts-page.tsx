import { consoleDownloads } from "@cordon/contract/console-api";
import { Button, Menu } from "@mantine/core";
import { IconDeviceDesktop, IconDownload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { apiPath, queryText } from "../api/call.ts";
import type { RowOf } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useSelection } from "../list/selection.ts";
import { useListSearch } from "../list/use-list-search.ts";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { useMay } from "../session/session.ts";
import { hostColumns } from "./host-columns.tsx";
import { type HostOrder, isUnable, useHostOrders } from "./host-orders.tsx";

type Host = RowOf<"listHosts">;
const idOf = (host: Host) => host.sensorId;
const nameOf = (host: Host) => host.hostName;

export function HostsPage() {
  const { t } = useTranslation();
  const may = useMay();
  const [search, setSearch] = useListSearch();
  const selection = useSelection(idOf);
  const orders = useHostOrders(selection.clear);
  const columns = useMemo(() => hostColumns(t), [t]);
  const offered = (["isolate", "release", "run", "ban", "remove"] as const).filter(orders.mayOrder);
  const label = (order: HostOrder) => t(`hosts.${order === "remove" ? "removeHost" : order}`);
  return (
    <>
      <PageHeader title={t("sections.hosts")}>
        <Button
          component="a"
          href={`${apiPath(consoleDownloads.hosts.path)}${queryText(search)}`}
          download
          variant="default"
          size="xs"
          leftSection={<IconDownload size={15} aria-hidden />}
        >
          {t("actions.exportCsv")}
        </Button>
      </PageHeader>
      <ListView
        list="listHosts"
        label={t("sections.hosts")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="hostName"
        searchLabel={t("hosts.search")}
        search={search}
        onSearch={setSearch}
        selection={offered.length === 0 ? undefined : selection}
        selectionActions={offered.map((order) => (
          <Button
            key={order}
            size="compact-sm"
            variant={order === "isolate" ? "filled" : "default"}
            onClick={() => orders.ask(order, [...selection.picked.values()])}
          >
            {label(order)}
          </Button>
        ))}
        rowActions={
          offered.length === 0
            ? undefined
            : (host) => (
                <RowMenu name={host.hostName}>
                  {offered.map((order) => (
                    <Menu.Item
                      key={order}
                      disabled={isUnable(order, host)}
                      title={isUnable(order, host) ? t("hosts.unable") : undefined}
                      onClick={() => orders.ask(order, [host])}
                    >
                      {label(order)}
                    </Menu.Item>
                  ))}
                </RowMenu>
              )
        }
        empty={
          <EmptyNotice icon={<IconDeviceDesktop size={32} />} title={t("hosts.noneTitle")} why={t("hosts.noneWhy")}>
            {may("join-tokens.change") && <Link to="/settings">{t("overview.start.action")}</Link>}
          </EmptyNotice>
        }
      />
      {orders.dialog}
    </>
  );
}
