import { Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { HostLink } from "../hosts/host-link.tsx";
import type { Column, RowOf } from "../list/column.ts";
import { ListView } from "../list/list-view.tsx";
import { useListSearch } from "../list/use-list-search.ts";
import { actorText } from "../parts/actor-text.ts";
import { Moment } from "../parts/moment.tsx";
import { ProblemNotice } from "../parts/problem-notice.tsx";
import { RowMenu } from "../parts/row-menu.tsx";
import { taskOrdersFor, useTaskOrders } from "./task-orders.tsx";
import { TaskStateMark, taskStates } from "./task-state-mark.tsx";

type Task = RowOf<"listTasks">;
const idOf = (task: Task) => task.taskId;
const nameOf = (task: Task) => task.program;

/** Tasks: all of them, or with `fixed` those of one host. */
export function TaskList({ fixed, empty }: { fixed?: string; empty: React.ReactNode }) {
  const { t } = useTranslation();
  const [search, setSearch] = useListSearch();
  const orders = useTaskOrders();
  const columns = useMemo<Column<"listTasks">[]>(
    () => [
      {
        field: "program",
        title: t("tasks.columns.program"),
        width: 220,
        grow: true,
        cell: (task) => (
          <Link
            to="/tasks/$taskId"
            params={{ taskId: task.taskId }}
            title={`${task.program} ${task.commandLine ?? ""}`}
          >
            {task.program} {task.commandLine}
          </Link>
        ),
      },
      { field: "hostName", title: t("tasks.columns.hostName"), width: 180, cell: (task) => <HostLink host={task} /> },
      {
        field: "state",
        title: t("tasks.columns.state"),
        width: 210,
        cell: (task) => <TaskStateMark task={task} />,
        choices: taskStates.map((value) => ({ value, label: t(`tasks.states.${value}`) })),
      },
      {
        field: "exitCode",
        title: t("tasks.columns.exitCode"),
        width: 95,
        align: "right",
        cell: ({ exitCode }) => exitCode ?? t("time.none"),
      },
      {
        field: "author",
        title: t("tasks.columns.author"),
        width: 150,
        cell: ({ author }) => <span title={author}>{actorText(author)}</span>,
      },
      {
        field: "createdAt",
        title: t("tasks.columns.createdAt"),
        width: 180,
        cell: (task) => <Moment at={task.createdAt} />,
      },
      {
        field: "startedAt",
        title: t("tasks.columns.startedAt"),
        width: 180,
        cell: (task) => <Moment at={task.startedAt} />,
      },
      {
        field: "finishedAt",
        title: t("tasks.columns.finishedAt"),
        width: 180,
        cell: (task) => <Moment at={task.finishedAt} />,
      },
    ],
    [t],
  );
  return (
    <>
      {orders.error !== null && <ProblemNotice error={orders.error} />}
      <ListView
        list="listTasks"
        {...(fixed === undefined ? {} : { fixed })}
        label={t("sections.tasks")}
        columns={columns}
        idOf={idOf}
        nameOf={nameOf}
        searchField="program"
        searchLabel={t("tasks.search")}
        search={search}
        onSearch={setSearch}
        rowActions={
          orders.may
            ? (task) => (
                <RowMenu name={task.program}>
                  {taskOrdersFor(task).map((order) => (
                    <Menu.Item key={order} onClick={() => orders.ask(order, task)}>
                      {orders.labelOf(order)}
                    </Menu.Item>
                  ))}
                </RowMenu>
              )
            : undefined
        }
        empty={empty}
      />
      {orders.dialog}
    </>
  );
}
