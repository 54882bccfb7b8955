import type { SettingProgress } from "@cordon/contract/console-api";
import { useTranslation } from "react-i18next";
import { durationText } from "../text/time-text.ts";
import { Mark, type MarkTone } from "./mark.tsx";
import { TimeLeft } from "./moment.tsx";
import { useNow } from "./now.ts";

const tones: Record<SettingProgress["state"], MarkTone> = {
  none: "quiet",
  pending: "waiting",
  "in-effect": "good",
  lifted: "quiet",
  failed: "bad",
  "not-supported": "bad",
};

/** Ordered and in effect are never one for the other: while it waits it says for how long, once it failed it says why. */
export function ProgressMark({ progress, quietText }: { progress: SettingProgress; quietText?: string }) {
  const { t } = useTranslation();
  const { state, reason, detail, endsAt } = progress;
  const generations =
    progress.orderedGeneration === null
      ? undefined
      : t("progress.generations", {
          ordered: progress.orderedGeneration,
          reported: progress.reportedGeneration ?? t("time.none"),
        });
  const title = [reason, detail, generations].filter((part) => part !== null && part !== undefined).join(" · ");
  if (state === "none" && quietText !== undefined) return <span>{quietText}</span>;
  if (state === "none" || state === "lifted") {
    return (
      <Mark tone="quiet" title={title}>
        {t(`progress.${state}`)}
      </Mark>
    );
  }
  return (
    <Mark tone={tones[state]} title={title}>
      {state === "pending" ? <Waiting since={progress.orderedAt} /> : t(`progress.${state}`)}
      {(state === "failed" || state === "not-supported") && reason !== null && `: ${reason}`}
      {state === "in-effect" && endsAt !== null && (
        <>
          {" · "}
          <TimeLeft at={endsAt} />
        </>
      )}
    </Mark>
  );
}

function Waiting({ since }: { since: string | null }) {
  const { t } = useTranslation();
  const now = useNow();
  if (since === null) return t("progress.pending");
  return t("progress.waiting", { duration: durationText(now - Date.parse(since), t, true) });
}
