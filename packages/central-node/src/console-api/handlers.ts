import type { Readable } from "node:stream";
import type {
  ConsoleCall,
  ConsoleReply,
  ConsoleRole,
  ConsoleRouteName,
  consoleDownloads,
  consoleRoutes,
} from "@cordon/contract/console-api";
import type { Actor } from "../audit/actor.ts";
import type { Browser } from "./browser.ts";

/** Who calls: a person with a session, or a script with an API token. */
export type SignedIn = {
  kind: "session" | "api-token";
  /** Of the session or of the token. */
  id: string;
  userId: string;
  name: string;
  role: ConsoleRole;
};

type RouteOf<N extends ConsoleRouteName> = (typeof consoleRoutes)[N];

export type HandlerCall<N extends ConsoleRouteName> = ConsoleCall<N> & {
  /** For audit and orders: kind `user`, its ID the user's name. */
  actor: Actor;
  /** Null only where anyone may call. */
  session: RouteOf<N>["permission"] extends "anyone" ? null : SignedIn;
  /** The version that If-Match names: always there where a versioned thing is changed, null everywhere else. */
  ifMatch: RouteOf<N> extends { versioned: true; method: "PUT" | "PATCH" } ? number : null;
  /** What of the browser belongs to signing in. */
  browser: Browser;
  /** SHA-256 of the body's bytes, for the audit entry; absent where there is no body. */
  requestDigest?: string;
};

/**
 * What a handler returns: the reply, and where the route is versioned also the thing's version, which becomes the ETag.
 * It throws Problems; PRECONDITION_FAILED where `ifMatch` is not the version any more (see `database/versions.ts`).
 */
export type HandlerReply<N extends ConsoleRouteName> =
  RouteOf<N> extends { versioned: true } ? { reply: ConsoleReply<N>; version: number } : ConsoleReply<N>;

export type Handler<N extends ConsoleRouteName> = (call: HandlerCall<N>) => Promise<HandlerReply<N>>;

/** One handler for every row of the table; each `create…Handlers` returns some of them. */
export type Handlers = { [N in ConsoleRouteName]: Handler<N> };

export type DownloadName = Exclude<keyof typeof consoleDownloads & string, "events">;
export type DownloadCall = {
  /** In lower case. */
  params: Record<string, string>;
  /** As the list of the same things takes it: `filter` and `sort`. */
  query: ConsoleCall<"listHosts">["query"];
  actor: Actor;
  session: SignedIn;
};
export type Download = (call: DownloadCall) => Promise<{ fileName: string; content: string | Readable }>;
export type Downloads = { [N in DownloadName]: Download };
