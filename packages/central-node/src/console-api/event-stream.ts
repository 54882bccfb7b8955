import { PassThrough } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { Problem } from "@cordon/contract";
import {
  type ConsoleEvent,
  type ConsolePermission,
  type ConsoleRole,
  consoleApiBase,
  consoleDownloads,
  isPermitted,
} from "@cordon/contract/console-api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { addIds, type ChangedIds, type EventHub } from "./event-hub.ts";
import type { SignedIn } from "./handlers.ts";

const heartbeatMs = 15_000;
/** Whoever does not read is not waited for. */
const endsWithinMs = 1000;
/** Each tab of a browser has one. */
const maxStreamsPerSession = 12;
const maxStreams = 2000;

/** Who may not see a thing does not hear of it either. */
const permissionOf: Record<ConsoleEvent["topic"], ConsolePermission> = {
  hosts: "hosts.see",
  "isolation-rules": "rules.see",
  "prevention-rules": "rules.see",
  tasks: "tasks.see",
  "external-systems": "external-systems.see",
  users: "users.see",
  audit: "audit.see",
  settings: "settings.see",
  "join-tokens": "join-tokens.see",
  "session-ended": "own-account",
};

/** `GET /events`: server-sent events, for as long as whoever asked is signed in. */
export function eventStream(needs: {
  hub: EventHub;
  admit(request: FastifyRequest): Promise<SignedIn>;
  /** Whether the request's session or API token is still good, without showing use of it. */
  isStillSignedIn(request: FastifyRequest): Promise<boolean>;
}) {
  const { hub, admit, isStillSignedIn } = needs;
  const open = new Map<string, number>();
  /** How to end each, and when its last bytes are out. */
  const streams = new Map<() => void, Promise<void>>();

  return async (app: FastifyInstance): Promise<void> => {
    // A stream that is open keeps the server from closing, and one whose end is under way would be cut off by it.
    app.addHook("preClose", async () => {
      const ended = [...streams].map(([end, done]) => {
        end();
        return done;
      });
      await Promise.race([Promise.all(ended), setTimeout(endsWithinMs, undefined, { ref: false })]);
    });
    app.get(consoleApiBase + consoleDownloads.events.path, async (request, reply) => {
      const session = await admit(request);
      const count = open.get(session.id) ?? 0;
      if (count >= maxStreamsPerSession || streams.size >= maxStreams) {
        throw new Problem("TOO_MANY_REQUESTS", {
          message: "too many streams of events are open: close some tabs",
          retryAfterSec: 30,
        });
      }
      open.set(session.id, count + 1);
      const stream = new PassThrough();
      const end = follow(stream, session, request);
      streams.set(end, new Promise((resolve) => reply.raw.once("close", resolve)));
      reply.raw.once("close", () => {
        end();
        streams.delete(end);
        const left = (open.get(session.id) ?? 1) - 1;
        if (left === 0) open.delete(session.id);
        else open.set(session.id, left);
      });
      reply.headers({
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        // Nothing else is asked on it: once the stream has ended, it must not keep the server from closing.
        Connection: "close",
        // A proxy must pass each event on at once.
        "X-Accel-Buffering": "no",
      });
      return reply.send(stream);
    });
  };

  /** Returns how to end it. */
  function follow(stream: PassThrough, session: SignedIn, request: FastifyRequest): () => void {
    const waiting = new Map<ConsoleEvent["topic"], ChangedIds>();
    const { role, userId } = session;

    function write(event: ConsoleEvent): void {
      if (!stream.writable) return;
      stream.write(`data: ${JSON.stringify(event)}\n\n`);
    }

    function end(): void {
      stopListening();
      clearInterval(heartbeat);
      stream.end();
    }

    async function endUnlessSignedIn(): Promise<void> {
      try {
        if (await isStillSignedIn(request)) return;
        write({ topic: "session-ended" });
        end();
      } catch (error) {
        // The database is away: the next heartbeat looks again.
        request.log.warn({ err: error }, "could not look whether a session has ended");
      }
    }

    const stopListening = hub.listen((event) => {
      if (event.topic === "session-ended") {
        if (event.ids === undefined || event.ids.includes(userId)) void endUnlessSignedIn();
        return;
      }
      if (!mayHear(role, event.topic)) return;
      if (!stream.writableNeedDrain) return write(event);
      // A slow reader gets one event for all that came meanwhile.
      waiting.set(event.topic, addIds(waiting.get(event.topic), event.ids));
    });
    stream.on("drain", () => {
      for (const [topic, ids] of waiting) write(ids === null ? { topic } : { topic, ids: [...ids] });
      waiting.clear();
    });
    stream.on("error", () => {}); // The browser has gone: `close` follows.
    const heartbeat = setInterval(() => {
      if (!stream.writableNeedDrain) stream.write(": still here\n\n");
      void endUnlessSignedIn();
    }, heartbeatMs);
    heartbeat.unref();
    stream.write("retry: 2000\n: connected\n\n");
    return end;
  }
}

const mayHear = (role: ConsoleRole, topic: ConsoleEvent["topic"]): boolean => isPermitted(role, permissionOf[topic]);
