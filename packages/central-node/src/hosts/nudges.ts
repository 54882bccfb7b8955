import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { findFault } from "@cordon/contract";
import pg from "pg";
import type { Logger } from "pino";
import { type Static, type TSchema, Type } from "typebox";

/**
 * A hint that something new is in the database for a host, or for all. The database is the truth: a nudge may be lost or
 * doubled at no cost but time, since whoever holds a host's connection also looks from time to time.
 */
export type Nudge = { target: string; about: "settings" | "tasks" | "removal" };

export type Nudges = ReturnType<typeof createNudges>;

const Payload = Type.Object({
  from: Type.String(),
  nudges: Type.Array(Type.Object({ target: Type.String(), about: Type.Enum(["settings", "tasks", "removal"]) })),
});

const ToldPayload = Type.Object({ from: Type.String(), told: Type.Array(Type.String({ maxLength: 256 })) });

const channel = "cordon_nudges";
/** What goes here is for people who look, and must not come between nudges and a Central Node that does not know it. */
const toldChannel = "cordon_told";
const reconnectMs = 1000;
/** A connection that was cut without a word is found by this. */
const heartbeatMs = 10_000;
/** PostgreSQL refuses a payload of 8,000 bytes; what stands around its parts takes a few. */
const maxPayloadBytes = 7800;

/** In process; with a PostgreSQL also to and from every other Central Node on it. */
export function createNudges({ postgresUrl, log }: { postgresUrl: string | null; log: Logger }) {
  const emitter = new EventEmitter();
  const relay = postgresUrl === null ? null : createPostgresRelay(postgresUrl, emitter, log);

  return {
    nudge(nudge: Nudge): void {
      emitter.emit("nudge", nudge);
      relay?.send(nudge);
    },
    /** A text for the other Central Nodes alone: that something changed which people may be looking at. */
    tellOthers(text: string): void {
      relay?.tell(text);
    },
    onTold(listener: (text: string) => void): void {
      emitter.on("told", listener);
    },
    onNudge(listener: (nudge: Nudge) => void): void {
      emitter.on("nudge", listener);
    },
    /** Nudges of other Central Nodes may have been missed: look at everything. */
    onGap(listener: () => void): void {
      emitter.on("gap", listener);
    },
    /** Reports whether nudges of other Central Nodes arrive. */
    isConnected: (): boolean => relay === null || relay.isConnected(),
    start: async (): Promise<void> => relay?.start(),
    close: async (): Promise<void> => relay?.close(),
  };
}

function createPostgresRelay(url: string, emitter: EventEmitter, log: Logger) {
  const self = randomUUID();
  /** By what they say: nudges wait here while the connection is away, and one that is given again is the same. */
  const unsent = new Map<string, Nudge>();
  const untold: string[] = [];
  let client: pg.Client | null = null;
  let closing = false;
  let timer: NodeJS.Timeout | null = null;
  let flushing = false;

  async function connect(): Promise<void> {
    const next = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: heartbeatMs,
      application_name: "cordon-nudges",
    });
    next.on("error", (error) => lost(next, error));
    next.on("end", () => lost(next, null));
    next.on("notification", (message) => receive(message.channel, message.payload ?? ""));
    try {
      await next.connect();
      await next.query(`listen ${channel}`);
      await next.query(`listen ${toldChannel}`);
    } catch (error) {
      next.end().catch(() => {}); // it never stood: there is nothing to end in good order
      throw error;
    }
    if (closing) return next.end();
    client = next;
    emitter.emit("gap");
    void flush();
  }

  function lost(which: pg.Client, error: Error | null) {
    if (client !== which) return;
    client = null;
    if (closing) return;
    log.warn({ err: error }, "lost the database connection for nudges; orders still arrive, but later");
    which.end().catch(() => {}); // broken already
    retry();
  }

  function retry() {
    if (closing) return;
    timer = setTimeout(() => {
      connect().then(
        () => log.info("nudges arrive again"),
        () => retry(), // the loss was logged; each attempt would only repeat it
      );
    }, reconnectMs);
  }

  function receive(from: string, payload: string) {
    if (from === toldChannel) {
      const message = readPayload(ToldPayload, payload);
      if (message !== null && message.from !== self) for (const text of message.told) emitter.emit("told", text);
      return;
    }
    const message = readPayload(Payload, payload);
    if (message === null) log.warn("another program notifies on our channel");
    else if (message.from !== self) for (const nudge of message.nudges) emitter.emit("nudge", nudge);
  }

  /** Nudges that come while one statement is under way go together in the next. */
  async function flush() {
    if (flushing) return;
    flushing = true;
    let failed = false;
    while (client !== null && !failed && unsent.size + untold.length > 0) {
      // Nudges first: hosts wait for them, people can.
      const nudges = firstPart(unsent.values());
      for (const nudge of nudges) unsent.delete(keyOf(nudge));
      const [to, payload] =
        nudges.length > 0
          ? [channel, { from: self, nudges }]
          : [toldChannel, { from: self, told: untold.splice(0, firstPart(untold).length) }];
      try {
        await client.query("select pg_notify($1, $2)", [to, JSON.stringify(payload)]);
      } catch (error) {
        log.warn({ err: error }, "nudges were not sent; they are sent again");
        // The receivers had no gap of their own and would notice late. Twice does no harm.
        for (const nudge of nudges) unsent.set(keyOf(nudge), nudge);
        // At the next heartbeat or connection: PostgreSQL that refuses now would refuse at once again.
        failed = true;
      }
    }
    flushing = false;
  }

  const heartbeat = setInterval(() => {
    const asked = client;
    asked?.query("select 1").then(flush, (error: Error) => lost(asked, error));
  }, heartbeatMs);
  heartbeat.unref();

  return {
    start: connect,
    isConnected: () => client !== null,
    send(nudge: Nudge) {
      // Also while the connection is away: the others may have theirs, and would notice only by looking from time to time.
      unsent.set(keyOf(nudge), nudge);
      void flush();
    },
    tell(text: string) {
      if (client === null) return;
      untold.push(text);
      void flush();
    },
    async close() {
      closing = true;
      clearInterval(heartbeat);
      if (timer !== null) clearTimeout(timer);
      await client?.end();
    },
  };
}

/** The first of them, as many as go into one payload. */
function firstPart<T>(unsent: Iterable<T>): T[] {
  const part: T[] = [];
  let bytes = 0;
  for (const each of unsent) {
    bytes += Buffer.byteLength(JSON.stringify(each)) + 1;
    if (bytes > maxPayloadBytes && part.length > 0) break;
    part.push(each);
  }
  return part;
}

const keyOf = ({ about, target }: Nudge): string => `${about} ${target}`;

/** Null: not one of ours. Whoever may connect to the database may notify. */
function readPayload<S extends TSchema>(schema: S, payload: string): Static<S> | null {
  try {
    const value: unknown = JSON.parse(payload);
    return findFault(schema, value) === null ? (value as Static<S>) : null;
  } catch {
    return null;
  }
}
