/** Whether a run can tell anything: what it measured of the same thing twice must come out about the same. */
import { median } from "./distribution.ts";

const widest = 1.25;

export type Control = { ratio: number; isNoisy: boolean; note: string };

/** Of two series of the same thing, taken in one run; or of one: its second half against its first. */
export function controlOf(values: readonly number[], again?: readonly number[]): Control {
  const middle = Math.ceil(values.length / 2);
  const [one, other] = again === undefined ? [values.slice(0, middle), values.slice(middle)] : [values, again];
  // A single measurement cannot be held against anything: so short a run is for tests.
  const ratio = other.length === 0 ? Number.POSITIVE_INFINITY : median(other) / median(one);
  const isNoisy = !(ratio <= widest && ratio >= 1 / widest);
  return { ratio, isNoisy, note: isNoisy ? " Too noisy to tell, and counts as missed." : "" };
}
