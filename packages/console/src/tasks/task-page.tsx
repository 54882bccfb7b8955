import { consoleDownloads } from "@cordon/contract/console-api";
import { Button, Loader, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { isApiProblem } from "../api/api-problem.ts";
import { apiPath } from "../api/call.ts";
import { callQuery } from "../api/queries.ts";
import { HostLink } from "../hosts/host-link.tsx";
import { actorText } from "../parts/actor-text.ts";
import { CopyText } from "../parts/copy-text.tsx";
import { EmptyNotice } from "../parts/empty-notice.tsx";
import { Facts } from "../parts/facts.tsx";
import { Moment } from "../parts/moment.tsx";
import { PageHeader } from "../parts/page-header.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { taskOrdersFor, useTaskOrders } from "./task-orders.tsx";
import { TaskOutput } from "./task-output.tsx";
import { TaskStateMark } from "./task-state-mark.tsx";

/** While a program prints, an event tells of more; should one be lost, this asks. */
const whileRunningMs = 2000;

export function TaskPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { taskId } = useParams({ from: "/gate/tasks/$taskId" });
  const params = { taskId };
  const {
    data: task,
    error,
    refetch,
  } = useQuery({
    ...callQuery("getTask", { params }),
    refetchInterval: ({ state }) => (state.data?.state === "running" ? whileRunningMs : false),
  });
  const orders = useTaskOrders(() => void navigate({ to: "/tasks" }));
  if (task === undefined && error !== null) {
    if (isApiProblem(error) && error.status === 404) {
      return (
        <EmptyNotice title={t("tasks.notFound")} why={t("problems.NOT_FOUND")}>
          <Link to="/tasks">{t("sections.tasks")}</Link>
        </EmptyNotice>
      );
    }
    return <ProblemNotice error={error} title={t("problems.notLoaded")} onRetry={() => void refetch()} />;
  }
  if (task === undefined) return <Loader size="sm" aria-label={t("list.loading")} />;
  const isOver = task.state !== "waiting" && task.state !== "running";
  return (
    <>
      <PageHeader title={task.program} beside={<TaskStateMark task={task} />}>
        {orders.may &&
          taskOrdersFor(task).map((order) => (
            <Button
              key={order}
              size="xs"
              variant={order === "start" ? "filled" : "default"}
              onClick={() => orders.ask(order, task)}
            >
              {orders.labelOf(order)}
            </Button>
          ))}
      </PageHeader>
      <Stack gap="md">
        {orders.error !== null && <ProblemNotice error={orders.error} />}
        <Paper withBorder p="md" bg="var(--cordon-surface)">
          <Facts
            facts={[
              [t("tasks.columns.hostName"), <HostLink key="h" host={task} />],
              [t("tasks.commandLine"), task.commandLine ?? t("time.none")],
              [t("tasks.workingDirectory"), task.workingDirectory ?? t("time.none")],
              [t("tasks.columns.exitCode"), task.exitCode ?? t("time.none")],
              [t("tasks.columns.author"), actorText(task.author)],
              [t("tasks.columns.createdAt"), <Moment key="c" at={task.createdAt} />],
              [t("tasks.columns.startedAt"), <Moment key="s" at={task.startedAt} />],
              [t("tasks.columns.finishedAt"), <Moment key="f" at={task.finishedAt} />],
              [t("tasks.taskId"), <CopyText key="i" text={task.taskId} />],
            ]}
          />
          {task.detail !== null && (
            <Text size="sm" mt="sm">
              {task.detail}
            </Text>
          )}
        </Paper>
        {task.outputIsPartial && (
          <Text size="sm" c="dimmed" role="status">
            {t("tasks.printing")}
          </Text>
        )}
        {(isOver || task.state === "running") && (
          <>
            <TaskOutput
              title={t("tasks.stdout")}
              text={task.stdout}
              isPartial={!isOver}
              truncated={task.stdoutTruncated}
              download={apiPath(consoleDownloads.taskStdout.path, params)}
            />
            <TaskOutput
              title={t("tasks.stderr")}
              text={task.stderr}
              isPartial={!isOver}
              truncated={task.stderrTruncated}
              download={apiPath(consoleDownloads.taskStderr.path, params)}
            />
          </>
        )}
      </Stack>
      {orders.dialog}
    </>
  );
}
