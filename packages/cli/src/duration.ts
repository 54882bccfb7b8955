import { failure } from "@cordon/terminal";

const form = /^(?=\d)(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?$/;

/** `90m`, `2h`, `3d`, `1h30m` → seconds; null when it is no duration. */
export function parseDurationSec(text: string): number | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

/** Of `--timeout`: at least a second, at most 30 days. In milliseconds. */
export function parseTimeoutFlag(value: unknown): number {
  const text = String(value);
  const seconds = parseDurationSec(text);
  if (seconds === null || seconds < 1 || seconds > 30 * 86_400) {
    throw failure("USAGE", `--timeout must be a duration from 1s to 30d such as 30s or 5m, not "${text}"`);
  }
  return seconds * 1000;
}
