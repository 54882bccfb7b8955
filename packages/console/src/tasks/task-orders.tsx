import type { ConsoleReply } from "@cordon/contract/console-api";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../api/queries.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { useMay } from "../session/session.ts";
import { RunDialog } from "./run-dialog.tsx";

type Task = ConsoleReply<"startTask">;
export type TaskOrder = "start" | "cancel" | "delete" | "again";
const touches = ["listTasks", "getTask", "overview"] as const;

/** What can be done with a task in the state that it is in. */
export function taskOrdersFor(task: Task): TaskOrder[] {
  if (task.state === "waiting") return task.startNow ? ["cancel", "again"] : ["start", "cancel", "again"];
  return task.state === "running" ? ["cancel", "again"] : ["again", "delete"];
}

/** Starting is at once; what ends or forgets something asks first. */
export function useTaskOrders(onDeleted?: () => void) {
  const { t } = useTranslation();
  const may = useMay();
  const [asked, setAsked] = useState<{ order: TaskOrder; task: Task } | null>(null);
  const close = () => setAsked(null);
  const start = useChange("startTask", { touches });
  const cancel = useChange("cancelTask", { touches, onDone: close });
  const remove = useChange("deleteTask", {
    touches: ["listTasks", "overview"],
    onDone: () => {
      close();
      onDeleted?.();
    },
  });
  const ask = (order: TaskOrder, task: Task) => {
    cancel.reset();
    remove.reset();
    if (order === "start") start.mutate({ args: { params: { taskId: task.taskId } } });
    else setAsked({ order, task });
  };
  const names = { program: asked?.task.program ?? "", name: asked?.task.hostName ?? "" };
  return {
    may: may("tasks.order"),
    ask,
    error: start.error,
    labelOf: (order: TaskOrder) => t(`tasks.${order}Action`),
    dialog:
      asked === null ? null : asked.order === "again" ? (
        <RunDialog hosts={[asked.task]} again={asked.task} onClose={close} />
      ) : asked.order === "cancel" ? (
        <ConfirmDialog
          title={t("tasks.cancelTitle", names)}
          what={t("tasks.cancelWhy")}
          confirm={t("tasks.cancelConfirm")}
          keep={t("tasks.keepRunning")}
          dangerous
          change={cancel}
          onConfirm={() => cancel.mutate({ args: { params: { taskId: asked.task.taskId } } })}
          onClose={close}
        />
      ) : (
        <ConfirmDialog
          title={t("tasks.deleteTitle", names)}
          what={t("tasks.deleteWhy")}
          confirm={t("tasks.deleteConfirm")}
          dangerous
          change={remove}
          onConfirm={() => remove.mutate({ args: { params: { taskId: asked.task.taskId } } })}
          onClose={close}
        />
      ),
  };
}
