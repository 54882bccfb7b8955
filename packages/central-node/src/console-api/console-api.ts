/** Serves the table of `@cordon/contract`: whatever the table says of a call holds here, and nowhere else. */
import { createHash } from "node:crypto";
import { Problem } from "@cordon/contract";
import {
  type ConsoleRoute,
  type ConsoleRouteName,
  consoleApiBase,
  consoleDownloads,
  consoleRoutes,
  ImportRequest,
  idempotencyHeader,
  isOrder,
  ListQuery,
} from "@cordon/contract/console-api";
import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { digestOf, takeJsonBodies } from "../http/json-body.ts";
import { toProblem } from "../http/to-problem.ts";
import type { Admission, Caller, Gate } from "./admission.ts";
import { browserOf } from "./browser.ts";
import { etagOf, readIfMatch } from "./etag.ts";
import type { EventHub } from "./event-hub.ts";
import { eventStream } from "./event-stream.ts";
import type { Download, DownloadName, Downloads, Handlers, SignedIn } from "./handlers.ts";
import type { IdempotentCalls } from "./idempotent-calls.ts";
import { sendProblem } from "./problem-json.ts";
import { parseText, readQuery } from "./query.ts";
import type { Refusals } from "./refusals.ts";

const maxBodyBytes = 1024 * 1024;
const maxImportBytes = 24 * 1024 * 1024;
const maxStrangersBodyBytes = 16 * 1024;

/** A handler's types come from the table, as do the schemas of its call: the compiler cannot follow that through a name. */
type Handle = (call: object) => Promise<unknown>;

/** Who called what, as far as it was found out before the body is read. */
const callers = new WeakMap<FastifyRequest, Caller & { gate: Gate }>();

export function consoleApi(needs: {
  handlers: Handlers;
  downloads: Downloads;
  admission: Admission;
  idempotentCalls: Pick<IdempotentCalls, "once">;
  refusals: Refusals;
  hub: EventHub;
  /** Further routes of the API that are not in the table. */
  more: ((app: FastifyInstance) => Promise<void>)[];
}) {
  const { handlers, downloads, admission, idempotentCalls, refusals, hub, more } = needs;

  return async (app: FastifyInstance): Promise<void> => {
    await app.register(fastifyCookie);
    takeJsonBodies(app);
    app.setErrorHandler(async (error, request, reply) => {
      const problem = toProblem(error, request);
      const caller = callers.get(request);
      if (caller !== undefined) await refusals.record(caller, problem, request);
      return sendProblem(problem, reply);
    });

    for (const [name, route] of Object.entries(consoleRoutes) as [ConsoleRouteName, ConsoleRoute][]) {
      const handle = handlers[name] as unknown as Handle;
      app.route({
        method: route.method,
        url: consoleApiBase + route.path,
        bodyLimit: bodyLimitOf(route),
        onRequest: (request) => admit(request, { ...route, name }),
        handler: (request, reply) => answer(handle, route, request, reply),
      });
    }
    for (const [name, make] of Object.entries(downloads) as [DownloadName, Download][]) {
      const { path, permission } = consoleDownloads[name];
      app.get(
        consoleApiBase + path,
        { onRequest: (request) => admit(request, { method: "GET", permission, name }) },
        (request, reply) => download(name, make, request, reply),
      );
    }
    const { events } = consoleDownloads;
    await app.register(
      eventStream({
        hub,
        async admit(request) {
          await admit(request, { method: "GET", permission: events.permission, name: "events" });
          return signedIn(request);
        },
        isStillSignedIn: admission.isStillSignedIn,
      }),
    );
    for (const part of more) await app.register(part);
    app.all(`${consoleApiBase}/*`, () => {
      throw new Problem("NOT_FOUND", { message: `there is no such call; ${consoleApiBase}/openapi.json has them all` });
    });
  };

  async function admit(request: FastifyRequest, gate: Gate): Promise<void> {
    const caller = await admission.identify(request, gate);
    callers.set(request, { ...caller, gate });
    admission.throwUnlessPermitted(caller, gate, request.headers);
  }

  async function answer(handle: Handle, route: ConsoleRoute, request: FastifyRequest, reply: FastifyReply) {
    reply.header("Cache-Control", "no-store");
    const { actor, session } = callerOf(request);
    const changesVersion = route.versioned === true && route.method !== "GET";
    const call = {
      params: route.params === undefined ? undefined : parseText(route.params, lowerCase(request.params)),
      query: route.query === undefined ? undefined : parseText(route.query, readQuery(route.query, request.query)),
      body: route.body === undefined ? undefined : parseText(route.body, request.body),
      ifMatch: changesVersion ? readIfMatch(request.headers["if-match"]) : null,
      actor,
      session,
      browser: browserOf(request, reply),
      ...digestOf(request),
    };
    const outcome = await once(route, session, request, () => handle(call));
    if (route.versioned !== true) return outcome;
    const versioned = outcome as { reply: unknown; version: number };
    reply.header("ETag", etagOf(versioned.version));
    return versioned.reply;
  }

  function once<T>(
    route: ConsoleRoute,
    session: SignedIn | null,
    request: FastifyRequest,
    handle: () => Promise<T>,
  ): Promise<T> {
    const key = request.headers[idempotencyHeader];
    if (key === undefined || session === null || !isOrder(route)) return handle();
    const { url, method } = request;
    const called = [method, url, request.headers["if-match"] ?? null, digestOf(request).requestDigest ?? null];
    const what = createHash("sha256").update(JSON.stringify(called)).digest("hex");
    return idempotentCalls.once({ userId: session.userId, key: String(key), what }, handle);
  }

  async function download(name: DownloadName, make: Download, request: FastifyRequest, reply: FastifyReply) {
    const { actor } = callerOf(request);
    const session = signedIn(request);
    const params = lowerCase(request.params);
    const query = parseText(ListQuery, readQuery(ListQuery, request.query));
    const { fileName, content } = await make({ params, query, actor, session });
    reply.headers({
      "Cache-Control": "no-store",
      "Content-Type": `${consoleDownloads[name].type}; charset=utf-8`,
      "Content-Disposition": `attachment; filename="${fileName.replaceAll(/[^0-9A-Za-z._-]/g, "_")}"`,
    });
    return reply.send(content);
  }
}

function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new Error("a call was reached without admission");
  return caller;
}

function signedIn(request: FastifyRequest): SignedIn {
  const { session } = callerOf(request);
  if (session === null) throw new Error("a call was reached without a session");
  return session;
}

/** IDs and hashes are kept in lower case. */
function lowerCase(params: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params as Record<string, string>).map(([name, text]) => [name, text.toLowerCase()]),
  );
}

function bodyLimitOf({ body, permission }: ConsoleRoute): number {
  if (body === ImportRequest) return maxImportBytes;
  return permission === "anyone" ? maxStrangersBodyBytes : maxBodyBytes;
}
