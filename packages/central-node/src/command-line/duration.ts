import { failure } from "@cordon/terminal";

const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `30m`, `1h`, `7d` in seconds. Throws USAGE for everything else. */
export function parseDurationSec(text: string): number {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text.trim()) ?? [];
  const seconds = Number(digits) * (secondsOf[unit ?? ""] ?? Number.NaN);
  if (Number.isNaN(seconds)) {
    throw failure("USAGE", `${text} is not a time: write a number and s, m, h or d, such as 30m or 7d`);
  }
  return seconds;
}
