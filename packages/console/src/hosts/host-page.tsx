import { Button, Group, Loader, Paper, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { isApiProblem } from "../api/api-problem.ts";
import { callQuery } from "../api/queries.ts";
import { IsolationPanel } from "../isolation/isolation-panel.tsx";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RuleList } from "../prevention/rule-list.tsx";
import { TaskList } from "../tasks/task-list.tsx";
import { ActivityMark } from "./activity-mark.tsx";
import { HostFacts } from "./host-facts.tsx";
import { HostHistory } from "./host-history.tsx";
import { isUnable, useHostOrders } from "./host-orders.tsx";

export function HostPage() {
  const { t } = useTranslation();
  const { sensorId } = useParams({ from: "/gate/hosts/$sensorId" });
  const { data: host, error, refetch } = useQuery(callQuery("getHost", { params: { sensorId } }));
  const orders = useHostOrders();
  if (host === undefined && error !== null) {
    if (isApiProblem(error) && error.status === 404) {
      return (
        <EmptyNotice title={t("hosts.notFound")} why={t("problems.NOT_FOUND")}>
          <Link to="/hosts">{t("isolation.toHosts")}</Link>
        </EmptyNotice>
      );
    }
    return <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />;
  }
  if (host === undefined) return <Loader size="sm" aria-label={t("list.loading")} />;
  const isolated = host.isolation.state !== "none" && host.isolation.state !== "lifted";
  const offered = ([isolated ? "release" : "isolate", "run", "ban", "remove"] as const).filter(orders.mayOrder);
  const fixed = `sensorId:is:${sensorId}`;
  return (
    <>
      <PageHeader title={host.hostName} beside={<ActivityMark activity={host.activity} />}>
        <Group gap={6}>
          {offered.map((order, index) => (
            <Button
              key={order}
              size="xs"
              variant={index === 0 && order === "isolate" ? "filled" : "default"}
              disabled={isUnable(order, host)}
              title={isUnable(order, host) ? t("hosts.unable") : undefined}
              onClick={() => orders.ask(order, [host])}
            >
              {t(`hosts.${order === "remove" ? "removeHost" : order}`)}
            </Button>
          ))}
        </Group>
      </PageHeader>
      <Paper withBorder p="md" mb="md" bg="var(--cordon-surface)">
        <HostFacts host={host} />
      </Paper>
      <Tabs defaultValue="isolation" keepMounted={false}>
        <Tabs.List mb="sm">
          {(["isolation", "prevention", "tasks", "history"] as const).map((tab) => (
            <Tabs.Tab key={tab} value={tab}>
              {t(`hosts.tabs.${tab}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="isolation">
          <IsolationPanel
            host={host}
            onIsolate={
              orders.mayOrder("isolate") && !isUnable("isolate", host) ? () => orders.ask("isolate", [host]) : null
            }
          />
        </Tabs.Panel>
        <Tabs.Panel value="prevention">
          <RuleList fixed={fixed} empty={<EmptyNotice title={t("hosts.noRules")} why={t("hosts.noRulesWhy")} />} />
        </Tabs.Panel>
        <Tabs.Panel value="tasks">
          <TaskList fixed={fixed} empty={<EmptyNotice title={t("hosts.noTasks")} why={t("hosts.noTasksWhy")} />} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <HostHistory sensorId={sensorId} />
        </Tabs.Panel>
      </Tabs>
      {orders.dialog}
    </>
  );
}
