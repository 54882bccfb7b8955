import type { Static, TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Problem } from "./problem.ts";

/** What is wrong with one value: where it stands, the rule that it breaks, and the value itself (absent when missing). */
export type Fault = { path: (string | number)[]; rule: string; value?: unknown };

/** Schemas may carry `rule`: the constraint as a sentence's second half, where keywords alone would read badly ("must be …"). */
type RuledSchema = TSchema & {
  rule?: string;
  type?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  enum?: unknown[];
  const?: unknown;
  anyOf?: RuledSchema[];
  properties?: Record<string, RuledSchema>;
  items?: RuledSchema;
};

const compiled = new WeakMap<TSchema, Validator>();

function validatorOf(schema: TSchema): Validator {
  let validator = compiled.get(schema);
  if (validator === undefined) {
    validator = Compile(schema) as unknown as Validator;
    compiled.set(schema, validator);
  }
  return validator;
}

/** The first fault of `value` against `schema`, or null. */
export function findFault(schema: TSchema, value: unknown): Fault | null {
  const validator = validatorOf(schema);
  if (validator.Check(value)) return null;
  const error = validator.Errors(value)[0];
  if (error === undefined) return { path: [], rule: "must fit the documented shape" };
  const path: (string | number)[] = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  if (error.keyword === "required") {
    const missing = (error.params as { requiredProperties?: string[] }).requiredProperties?.[0];
    if (missing !== undefined) path.push(missing);
  }
  const at = valueAt(value, path);
  const fault: Fault = { path, rule: describeRule(schemaAt(schema, path)) };
  return at === undefined ? fault : { ...fault, value: at };
}

/** Says a fault in words: `settings.autoTurnoffTimeoutInSec must be an integer from 3600 to 35996400, not 60`. */
export function describeFault(fault: Fault): string {
  const where = fault.path.length === 0 ? "the body" : joinPath(fault.path);
  const got = "value" in fault ? `, not ${shorten(fault.value)}` : ", and it is missing";
  return `${where} ${fault.rule}${fault.rule.startsWith("must be") || !("value" in fault) ? got : ` (it is ${shorten(fault.value)})`}`;
}

/** Returns `value` as the schema's type, or throws BAD_REQUEST with a message that names field, rule and value. */
export function parse<S extends TSchema>(schema: S, value: unknown): Static<S> {
  const fault = findFault(schema, value);
  if (fault !== null) throw new Problem("BAD_REQUEST", { message: describeFault(fault) });
  return value as Static<S>;
}

function joinPath(path: (string | number)[]): string {
  return path.reduce<string>(
    (text, part) =>
      typeof part === "number" ? `${text}[${part}]` : text === "" ? shortenKey(part) : `${text}.${shortenKey(part)}`,
    "",
  );
}

function shortenKey(key: string): string {
  return key.length > 64 ? `${key.slice(0, 64)}…` : key;
}

const shownLength = 80;

/** As JSON, but no more of it than is shown: the value comes from strangers, and may be megabytes or nested without end. */
function shorten(value: unknown): string {
  const text = excerpt(value, 2);
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

function excerpt(value: unknown, depth: number): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, shownLength));
  if (typeof value !== "object" || value === null) return String(value);
  const isList = Array.isArray(value);
  if (depth === 0) return isList ? "[…]" : "{…}";
  const parts: string[] = [];
  for (const key in value) {
    const member = excerpt((value as Record<string, unknown>)[key], depth - 1);
    parts.push(isList ? member : `${excerpt(key, 0)}:${member}`);
    // Each part has a character and a comma at least: more of them are never shown.
    if (parts.length > shownLength / 2) break;
  }
  return isList ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

function valueAt(value: unknown, path: (string | number)[]): unknown {
  let at: unknown = value;
  for (const part of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

function schemaAt(schema: TSchema, path: (string | number)[]): RuledSchema | undefined {
  let at = schema as RuledSchema | undefined;
  for (const part of path) {
    if (at === undefined) return undefined;
    const branches: RuledSchema[] = at.anyOf ?? [at];
    at = undefined;
    for (const branch of branches) {
      at = typeof part === "number" ? branch.items : branch.properties?.[part];
      if (at !== undefined) break;
    }
  }
  return at;
}

function describeRule(schema: RuledSchema | undefined): string {
  if (schema === undefined) return "must fit the documented shape";
  if (schema.rule !== undefined) return schema.rule;
  if (schema.anyOf !== undefined) {
    const choices = schema.anyOf.map((choice) => choice.const).filter((choice) => choice !== undefined);
    if (choices.length === schema.anyOf.length) return `must be ${choices.map((c) => JSON.stringify(c)).join(" or ")}`;
    return "must fit one of the documented shapes";
  }
  if (schema.enum !== undefined) return `must be one of ${schema.enum.map((c) => JSON.stringify(c)).join(", ")}`;
  if (schema.const !== undefined) return `must be ${JSON.stringify(schema.const)}`;
  switch (schema.type) {
    case "integer":
      return schema.minimum !== undefined && schema.maximum !== undefined
        ? `must be an integer from ${schema.minimum} to ${schema.maximum}`
        : "must be an integer";
    case "string":
      return schema.maxLength !== undefined
        ? `must be a string of ${schema.minLength ?? 0} to ${schema.maxLength} characters`
        : "must be a string";
    case "array":
      return schema.maxItems !== undefined ? `must be a list of at most ${schema.maxItems} items` : "must be a list";
    case "boolean":
      return "must be true or false";
    case "object":
      return "must be an object";
    default:
      return "must fit the documented shape";
  }
}
