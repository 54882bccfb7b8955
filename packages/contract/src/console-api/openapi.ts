import { type TSchema, Type } from "typebox";
import {
  type ConsoleRoute,
  consoleApiBase,
  consoleDownloads,
  consoleRoutes,
  csrfHeader,
  idempotencyHeader,
  isOrder,
} from "./routes.ts";

/** RFC 9457. */
const Refusal = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: "What was wrong and what to do, for a person" }),
  code: Type.String({ description: "What a program goes by; permanent" }),
  requestId: Type.String({ description: "What the Central Node's log has it under" }),
});

const tags = {
  "signing in": "Sessions, one's own account, API tokens",
  hosts: "Hosts with an agent, and all of them at a glance",
  isolation: "What stays reachable on a host, and until when",
  prevention: "Files that must not run",
  tasks: "Something to do once on one host",
  administration: "Users, external systems, the audit log, settings, join tokens",
} as const;

/** By the first word of the path. */
const tagOf: Record<string, keyof typeof tags> = {
  overview: "hosts",
  hosts: "hosts",
  "hosts.csv": "hosts",
  "isolation-rules": "isolation",
  "prevention-rules": "prevention",
  "prevention-rules.csv": "prevention",
  tasks: "tasks",
  "external-systems": "administration",
  users: "administration",
  audit: "administration",
  "audit.jsonl": "administration",
  "audit.cef": "administration",
  settings: "administration",
  "join-tokens": "administration",
};

const refusal = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: Refusal } },
});

const header = (name: string, required: boolean, description: string) => ({
  name,
  in: "header",
  required,
  description,
  schema: { type: "string" },
});

function parametersOf(place: "path" | "query", schema: TSchema | undefined) {
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, TSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: of,
  }));
}

const inBraces = (path: string): string => path.replaceAll(/:(\w+)/g, "{$1}");
const tagOfPath = (path: string): string => tagOf[path.split("/")[1] ?? ""] ?? "signing in";

function operationOf(name: string, route: ConsoleRoute) {
  const isChange = route.method !== "GET";
  const isOpen = route.permission === "anyone";
  const mustMatch = route.versioned === true && isChange;
  return {
    operationId: name,
    tags: [tagOfPath(route.path)],
    summary: route.summary,
    description: isOpen ? "Needs no session." : `Needs the permission \`${route.permission}\`.`,
    ...(isOpen ? { security: [] } : {}),
    parameters: [
      ...parametersOf("path", route.params),
      ...parametersOf("query", route.query),
      ...(isChange && !isOpen ? [header(csrfHeader, false, "The session's csrfToken; not with an API token")] : []),
      ...(mustMatch ? [header("If-Match", true, "The ETag as it was read")] : []),
      ...(isOrder(route)
        ? [header(idempotencyHeader, false, "One order under one key is given once, within a day")]
        : []),
    ],
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: route.body } } } }),
    responses: {
      "200": {
        description: "Done",
        ...(route.versioned === true ? { headers: { ETag: { schema: { type: "string" } } } } : {}),
        content: { "application/json": { schema: route.reply } },
      },
      "400": refusal("What was sent does not fit, and why"),
      ...(isOpen && route.method === "GET" ? {} : { "401": refusal("Not signed in, or not any more") }),
      ...(isOpen ? {} : { "403": refusal("The role, the CSRF token or the kind of sign-in does not allow it") }),
      ...(route.params === undefined ? {} : { "404": refusal("There is no such thing") }),
      ...(isChange ? { "409": refusal("It cannot be done as things are") } : {}),
      ...(mustMatch
        ? { "412": refusal("Somebody else has changed it since"), "428": refusal("If-Match is missing") }
        : {}),
      ...(isOpen && isChange ? { "429": refusal("Too many attempts failed: wait as Retry-After says") } : {}),
    },
  };
}

function downloadOf(name: string, { path, permission, type }: { path: string; permission: string; type: string }) {
  const params = [...path.matchAll(/:(\w+)/g)].map(([, param = ""]) => ({
    name: param,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  return {
    operationId: `download${name.charAt(0).toUpperCase()}${name.slice(1)}`,
    tags: [tagOfPath(path)],
    summary:
      name === "events" ? "What changes, as server-sent events" : `Download ${path.slice(1).replaceAll("/", " ")}`,
    description: `Needs the permission \`${permission}\`.`,
    parameters: params,
    responses: {
      "200": { description: "The content", content: { [type]: { schema: { type: "string" } } } },
      "401": refusal("Not signed in, or not any more"),
      "403": refusal("The role does not allow it"),
    },
  };
}

/** The OpenAPI 3.1 document of the console API, made from the very table that is served. */
export function consoleApiOpenApi(version: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  const add = (path: string, method: string, operation: unknown) => {
    const at = inBraces(path);
    paths[at] = { ...paths[at], [method.toLowerCase()]: operation };
  };
  for (const [name, route] of Object.entries(consoleRoutes)) add(route.path, route.method, operationOf(name, route));
  for (const [name, download] of Object.entries(consoleDownloads))
    add(download.path, "GET", downloadOf(name, download));
  return {
    openapi: "3.1.0",
    info: {
      title: "Cordon console API",
      version,
      description:
        "Everything that the console's page does, and nothing else: the page has no private door. Sign in with `POST /session`, or send an API token.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      contact: { name: "The Cordon project" },
    },
    servers: [{ url: consoleApiBase, description: "This Central Node" }],
    security: [{ session: [] }, { apiToken: [] }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        session: { type: "apiKey", in: "cookie", name: "__Host-cordon-session" },
        apiToken: { type: "http", scheme: "bearer" },
      },
    },
  };
}
