import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { findFault } from "@cordon/contract";
import pg from "pg";
import type { Logger } from "pino";
import { Type } from "typebox";

/**
 * A hint that something new is in the database for a host, or for all. The database is the truth: a nudge may be lost or
 * doubled at no cost but time, since whoever holds a host's connection also looks from time to time.
 */
export type Nudge = { target: string; about: "settings" | "tasks" | "removal" };

/** Between Central Nodes also goes what changed for those who look at the console: a text of theirs. */
type Relayed = Nudge | { target: string; about: "change" };

export type Nudges = ReturnType<typeof createNudges>;

const Payload = Type.Object({
  from: Type.String(),
  nudges: Type.Array(
    Type.Object({ target: Type.String(), about: Type.Enum(["settings", "tasks", "removal", "change"]) }),
  ),
});

const channel = "cordon_nudges";
const reconnectMs = 1000;
/** A connection that was cut without a word is found by this. */
const heartbeatMs = 10_000;
/** PostgreSQL refuses a payload of 8,000 bytes; what stands around the nudges takes a few. */
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
    /** A hint that something changed, for those who look at the console of another Central Node. */
    tellOthers(change: string): void {
      relay?.send({ target: change, about: "change" });
    },
    /** What other Central Nodes told by `tellOthers`. */
    onTold(listener: (change: string) => void): void {
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
  const unsent: Relayed[] = [];
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
    next.on("notification", ({ payload }) => receive(payload ?? ""));
    try {
      await next.connect();
      await next.query(`listen ${channel}`);
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

  function receive(payload: string) {
    const message = readPayload(payload);
    if (message === null) log.warn("another program notifies on our channel");
    else if (message.from !== self) for (const relayed of message.nudges) pass(relayed);
  }

  function pass(relayed: Relayed) {
    if (relayed.about === "change") emitter.emit("told", relayed.target);
    else emitter.emit("nudge", relayed);
  }

  /** Nudges that come while one statement is under way go together in the next. */
  async function flush() {
    if (flushing) return;
    flushing = true;
    while (client !== null && unsent.length > 0) {
      const nudges = takePayload(unsent);
      try {
        await client.query("select pg_notify($1, $2)", [channel, JSON.stringify({ from: self, nudges })]);
      } catch (error) {
        // The receivers look at everything after a gap of their own and from time to time: this hint may go.
        log.warn({ err: error }, "a nudge was not sent");
      }
    }
    flushing = false;
  }

  const heartbeat = setInterval(() => {
    const asked = client;
    asked?.query("select 1").catch((error: Error) => lost(asked, error));
  }, heartbeatMs);
  heartbeat.unref();

  return {
    start: connect,
    isConnected: () => client !== null,
    send(nudge: Relayed) {
      if (client === null) return;
      unsent.push(nudge);
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
function takePayload(unsent: Relayed[]): Relayed[] {
  let bytes = 0;
  const end = unsent.findIndex((nudge) => {
    bytes += Buffer.byteLength(JSON.stringify(nudge)) + 1;
    return bytes > maxPayloadBytes;
  });
  return unsent.splice(0, end < 0 ? unsent.length : Math.max(1, end));
}

/** Null: not one of ours. Whoever may connect to the database may notify. */
function readPayload(payload: string): { from: string; nudges: Relayed[] } | null {
  try {
    const value: unknown = JSON.parse(payload);
    return findFault(Payload, value) === null ? (value as { from: string; nudges: Relayed[] }) : null;
  } catch {
    return null;
  }
}
