import { Problem, parse } from "@cordon/contract";
import type { ConsoleRoute } from "@cordon/contract/console-api";
import type { Static, TSchema } from "typebox";

/** As `parse`, and no text in it holds NUL: no name, path or hash does, and PostgreSQL takes none. */
export function parseText<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const parsed = parse(schema, value);
  if (holdsNul(parsed)) throw new Problem("BAD_REQUEST", { message: "no text may hold the character NUL" });
  return parsed;
}

function holdsNul(value: unknown): boolean {
  // Not by recursion: members that no schema names come in as well, nested as deep as somebody likes.
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next === "string" && next.includes("\0")) return true;
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) left.push(member);
  }
  return false;
}

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
