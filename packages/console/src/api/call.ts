import {
  type ConsoleCall,
  type ConsoleReply,
  type ConsoleRoute,
  type ConsoleRouteName,
  consoleApiBase,
  consoleRoutes,
  csrfHeader,
  idempotencyHeader,
} from "@cordon/contract/console-api";
import { createApiProblem, readApiProblem } from "./api-problem.ts";

/** What a call must be given: the parts that its row of the table has. A list's query may be left out. */
export type CallArguments<N extends ConsoleRouteName> = {
  [P in "params" | "body" as ConsoleCall<N>[P] extends undefined ? never : P]: ConsoleCall<N>[P];
} & { query?: Partial<NonNullable<ConsoleCall<N>["query"]>> };

export type CallOptions = {
  signal?: AbortSignal;
  /** The version that was looked at: the change is refused when somebody else made another one since. */
  ifMatch?: number;
  /** One order under one key is given once, however often it is sent. */
  idempotencyKey?: string;
};

let csrfToken = "";

/** From the session: goes with every request that changes something. */
export function rememberCsrfToken(session: { csrfToken: string } | null): void {
  csrfToken = session?.csrfToken ?? "";
}

/** Calls the console API. Throws an ApiProblem for every answer that is no success, and for none. */
export async function call<N extends ConsoleRouteName>(
  name: N,
  args: CallArguments<N>,
  { signal, ifMatch, idempotencyKey }: CallOptions = {},
): Promise<ConsoleReply<N>> {
  const route: ConsoleRoute = consoleRoutes[name];
  const { params, body, query } = args as { params?: Record<string, string>; body?: unknown; query?: object };
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (route.method !== "GET" && csrfToken !== "") headers[csrfHeader] = csrfToken;
  if (ifMatch !== undefined) headers["if-match"] = `"${ifMatch}"`;
  if (idempotencyKey !== undefined) headers[idempotencyHeader] = idempotencyKey;
  const response = await reach(`${apiPath(route.path, params)}${queryText(query)}`, {
    method: route.method,
    headers,
    credentials: "same-origin",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const answer = parseJson(text);
  if (!response.ok) throw readApiProblem(response.status, answer);
  // The Central Node checks its answers against the same table.
  return (answer ?? {}) as ConsoleReply<N>;
}

/** The address of a call or a download, with its parameters put in. */
export function apiPath(path: string, params: Record<string, string> = {}): string {
  return consoleApiBase + path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
}

/** `?filter=a&filter=b&sort=c`, or nothing. */
export function queryText(query: object | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) search.append(name, String(each));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted === true) throw error;
    throw createApiProblem({ status: 0, code: "UNREACHABLE", message: "the Central Node did not answer" });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Nothing, or what a proxy in between says in HTML.
  }
}
