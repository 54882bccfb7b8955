import type { ConsoleReply } from "@cordon/contract/console-api";
import { useTranslation } from "react-i18next";
import { Mark, type MarkTone } from "../parts/mark.tsx";

type Task = ConsoleReply<"startTask">;
const tones: Record<Task["state"], MarkTone> = {
  waiting: "waiting",
  running: "waiting",
  completed: "good",
  failed: "bad",
  cancelled: "quiet",
};

export const taskStates = ["waiting", "running", "completed", "failed", "cancelled"] as const;

export function TaskStateMark({ task }: { task: Task }) {
  const { t } = useTranslation();
  const isStored = task.state === "waiting" && !task.startNow;
  const title = [task.reason, task.detail].filter((part) => part !== null).join(" · ");
  // A program that ran to its end and said that it failed has completed; its exit code says the rest.
  const tone = task.state === "completed" && task.exitCode !== 0 ? "neutral" : tones[task.state];
  return (
    <Mark tone={isStored ? "quiet" : tone} title={title}>
      {isStored ? t("tasks.states.stored") : t(`tasks.states.${task.state}`)}
      {task.state === "failed" && task.reason !== null && `: ${task.reason}`}
    </Mark>
  );
}
