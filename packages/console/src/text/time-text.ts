import type { TFunction } from "i18next";

const units = [
  { key: "days", ms: 86_400_000 },
  { key: "hours", ms: 3_600_000 },
  { key: "minutes", ms: 60_000 },
  { key: "seconds", ms: 1000 },
] as const;

/** `2 d 3 h`, `14 min 5 s`, `8 s`: the two largest units that say something. `isCoarse`: only the largest. */
export function durationText(ms: number, t: TFunction, isCoarse = false): string {
  const whole = Math.max(0, Math.floor(ms / 1000) * 1000);
  const first = units.findIndex((unit) => whole >= unit.ms);
  const largest = units[first];
  if (largest === undefined) return t("time.seconds", { count: 0 });
  const text = t(`time.${largest.key}`, { count: Math.floor(whole / largest.ms) });
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor((whole % largest.ms) / next.ms);
  return isCoarse || next === undefined || rest === 0 ? text : `${text} ${t(`time.${next.key}`, { count: rest })}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(language: string, utc: boolean): Intl.DateTimeFormat {
  const key = `${language} ${utc}`;
  let format = formats.get(key);
  if (format === undefined) {
    const options = { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" } as const;
    format = new Intl.DateTimeFormat(language, utc ? { ...options, timeZone: "UTC" } : options);
    formats.set(key, format);
  }
  return format;
}

/** In the reader's own zone; null for a text that is no time. */
export function localTimeText(iso: string, language: string): string | null {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? null : formatOf(language, false).format(at);
}

export function utcTimeText(iso: string, language: string): string | null {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? null : formatOf(language, true).format(at);
}
