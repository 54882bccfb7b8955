import { useTranslation } from "react-i18next";
import type { LinkState } from "../api/live-events.ts";
import { Mark } from "../parts/mark.tsx";

/** Whether what is shown is what is: a lost connection is said, aloud as well. */
export function LinkMark({ state }: { state: LinkState }) {
  const { t } = useTranslation();
  return (
    <span role="status" data-link={state} style={{ fontSize: 13 }}>
      {state === "live" && (
        <Mark tone="good" title={t("frame.liveWhy")}>
          {t("frame.live")}
        </Mark>
      )}
      {state === "connecting" && <Mark tone="quiet">{t("frame.connecting")}</Mark>}
      {state === "lost" && (
        <Mark tone="bad" title={t("frame.lostWhy")}>
          {t("frame.lost")}
        </Mark>
      )}
    </span>
  );
}
