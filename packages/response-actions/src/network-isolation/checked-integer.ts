/** Throws RangeError for what is not an integer from `min` to `max`. */
export function checkedInteger(value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`a number must be an integer from ${min} to ${max}`);
  }
  return value;
}
