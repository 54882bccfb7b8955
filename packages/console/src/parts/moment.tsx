import { useTranslation } from "react-i18next";
import { durationText, localTimeText, utcTimeText } from "../text/time-text.ts";
import { useNow } from "./now.ts";

/** A time in the reader's zone, with UTC on hover. */
export function Moment({ at, none }: { at: string | null; none?: string }) {
  const { t, i18n } = useTranslation();
  const text = at === null ? null : localTimeText(at, i18n.language);
  if (at === null || text === null) return <span>{none ?? t("time.none")}</span>;
  return (
    <time dateTime={at} title={t("time.utc", { time: utcTimeText(at, i18n.language) ?? "" })}>
      {text}
    </time>
  );
}

/** How long ago, growing; the time itself, local and UTC, on hover. */
export function Ago({ at }: { at: string }) {
  const { t, i18n } = useTranslation();
  const ms = useNow() - Date.parse(at);
  const title = `${localTimeText(at, i18n.language)} · ${t("time.utc", { time: utcTimeText(at, i18n.language) ?? "" })}`;
  return (
    <time dateTime={at} title={title}>
      {t("time.ago", { duration: durationText(ms, t, true) })}
    </time>
  );
}

/** How long until then, shrinking; nothing once it has passed. */
export function TimeLeft({ at }: { at: string }) {
  const { t, i18n } = useTranslation();
  const ms = Date.parse(at) - useNow();
  const title = `${localTimeText(at, i18n.language)} · ${t("time.utc", { time: utcTimeText(at, i18n.language) ?? "" })}`;
  return (
    <time dateTime={at} title={title}>
      {durationText(ms, t)}
    </time>
  );
}
