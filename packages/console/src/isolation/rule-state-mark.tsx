import type { ConsoleReply } from "@cordon/contract/console-api";
import { useTranslation } from "react-i18next";
import { Mark } from "../parts/mark.tsx";
import { ProgressMark } from "../parts/progress-mark.tsx";

/** A rule that has ended or was disabled is told apart from one whose lifting is only ordered. */
export function RuleStateMark({ rule }: { rule: ConsoleReply<"getIsolationRule"> }) {
  const { t } = useTranslation();
  if (rule.state === "ended") return <Mark tone="quiet">{t("progress.ended")}</Mark>;
  if (rule.state === "disabled") {
    const waits = rule.progress.state === "pending";
    return <Mark tone={waits ? "waiting" : "quiet"}>{waits ? t("progress.liftWaiting") : t("progress.disabled")}</Mark>;
  }
  return <ProgressMark progress={{ ...rule.progress, state: rule.state }} />;
}
