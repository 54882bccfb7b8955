import type { ConsoleRoute } from "@cordon/contract/console-api";

/** A query's texts as what its schema wants: numbers for integers, defaults for what is absent. The schema judges them. */
export function readQuery(schema: NonNullable<ConsoleRoute["query"]>, query: unknown): Record<string, unknown> {
  const { properties } = schema as unknown as { properties: Record<string, { type?: string; default?: unknown }> };
  const read: Record<string, unknown> = { ...(query as Record<string, unknown>) };
  for (const [name, { type, default: otherwise }] of Object.entries(properties)) {
    const text = read[name];
    if (text === undefined && otherwise !== undefined) read[name] = otherwise;
    else if (type === "integer" && typeof text === "string" && /^-?[0-9]{1,15}$/.test(text)) read[name] = Number(text);
  }
  return read;
}
