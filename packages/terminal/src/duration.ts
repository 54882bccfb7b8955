/** Seconds as people read them, in the two largest units: `2 h 5 min`, `40 s`. */
export function formatDuration(totalSec: number): string {
  const sec = Math.max(0, Math.round(totalSec));
  if (sec < 60) return `${sec} s`;
  if (sec < 3600) return joined(Math.floor(sec / 60), "min", sec % 60, "s");
  if (sec < 86_400) return joined(Math.floor(sec / 3600), "h", Math.floor((sec % 3600) / 60), "min");
  return joined(Math.floor(sec / 86_400), "d", Math.floor((sec % 86_400) / 3600), "h");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
