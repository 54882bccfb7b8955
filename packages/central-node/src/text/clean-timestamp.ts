/** A time that a host told, in the form that all our times have; `otherwise` where it is none. */
export function cleanTimestamp(text: string, otherwise: string): string {
  const ms = Date.parse(text);
  // Outside of four-digit years ISO 8601 has another form, and no clock is there by right.
  if (Number.isNaN(ms) || ms < Date.UTC(1970, 0) || ms >= Date.UTC(10_000, 0)) return otherwise;
  return new Date(ms).toISOString();
}
