import type { ConsoleReply } from "@cordon/contract/console-api";
import { useTranslation } from "react-i18next";
import { Mark, type MarkTone } from "../parts/mark.tsx";

type Activity = ConsoleReply<"getHost">["activity"];
const tones: Record<Activity, MarkTone> = { normal: "good", warning: "waiting", critical: "bad" };

export function ActivityMark({ activity }: { activity: Activity }) {
  const { t } = useTranslation();
  return <Mark tone={tones[activity]}>{t(`activity.${activity}`)}</Mark>;
}
