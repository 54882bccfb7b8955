/** Calls the handlers of orders as the console API does, and holds their answers against its table. For tests only. */
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { findFault, parse } from "@cordon/contract";
import {
  type ConsoleCall,
  type ConsoleReply,
  type ConsoleRoute,
  type ConsoleRouteName,
  consoleRoutes,
} from "@cordon/contract/console-api";
import type { Actor } from "../audit/actor.ts";
import type { ListRequest } from "../database/list-query.ts";
import type { TestDatabase } from "../database/test-databases.ts";
import { createTestClock, createTestServices } from "../test-services.ts";
import type { DownloadName, HandlerReply } from "./handlers.ts";
import { createOrders } from "./orders.ts";

export const alice: Actor = { kind: "user", id: "alice", address: "192.0.2.5", fingerprint: null };
const lineageOf = (services: { lineage: string }) => services.lineage;

type OrdersRoute = keyof ReturnType<typeof createOrders>["handlers"] & ConsoleRouteName;
type Given<N extends ConsoleRouteName> = {
  [P in keyof ConsoleCall<N> as undefined extends ConsoleCall<N>[P] ? never : P]: ConsoleCall<N>[P];
};

export async function startOrders(t: TestContext, kind: TestDatabase) {
  const database = await kind.open(t);
  const clock = createTestClock();
  const services = await createTestServices({ database, now: clock.now });
  const thresholds = async () => ({ activityWarningHours: 24, activityCriticalHours: 168 });
  const { handlers, downloads } = createOrders({ database, ...services, thresholds, now: clock.now });
  let reports = 0;

  /** `ifMatch` where the thing is versioned and changed. */
  async function callVersioned<N extends OrdersRoute>(name: N, given: Given<N> & { ifMatch?: number }) {
    const route: ConsoleRoute = consoleRoutes[name];
    const parts = given as { params?: unknown; query?: unknown; body?: unknown; ifMatch?: number };
    const call = {
      params: route.params === undefined ? undefined : parse(route.params, parts.params),
      query: route.query === undefined ? undefined : parse(route.query, parts.query ?? {}),
      body: route.body === undefined ? undefined : parse(route.body, parts.body),
      ifMatch: parts.ifMatch ?? null,
      actor: alice,
    };
    const handle = handlers[name] as unknown as (call: unknown) => Promise<HandlerReply<N>>;
    const answer = (await handle(call)) as { reply: unknown; version: number };
    const reply = route.versioned === true ? answer.reply : answer;
    assert.equal(findFault(route.reply, reply), null, `the reply of ${name} does not fit its schema`);
    return { reply: reply as ConsoleReply<N>, version: route.versioned === true ? answer.version : null };
  }

  return {
    ...services,
    database,
    clock,
    callVersioned,
    async call<N extends OrdersRoute>(name: N, given: Given<N> & { ifMatch?: number }): Promise<ConsoleReply<N>> {
      return (await callVersioned(name, given)).reply;
    },
    async download(
      name: keyof typeof downloads & DownloadName,
      call: { params?: Record<string, string>; query?: ListRequest },
    ) {
      const session = { kind: "session", id: "", userId: "", name: "alice", role: "security-auditor" } as const;
      const given = { params: {}, query: {}, actor: alice, session, ...call };
      const { content, fileName } = await downloads[name](given);
      return { fileName, text: typeof content === "string" ? content : await text(content) };
    },
    /** What a host's agent says of a setting. */
    async report(
      sensorId: string,
      about: {
        action: string;
        generation: number;
        scope?: "host" | "all";
        state?: "in-effect" | "lifted" | "failed";
        reason?: string;
        refused?: string[];
      },
    ): Promise<void> {
      reports += 1;
      const { action, generation, scope = "host", state = "in-effect", reason, refused } = about;
      await services.settings.recordReport(
        sensorId,
        {
          ...{
            type: "setting-report",
            reportId: crypto.randomUUID(),
            reportNumber: reports,
            action,
            scope,
            generation,
          },
          ...{ lineage: lineageOf(services), state, at: clock.now().toISOString() },
          ...(reason === undefined ? {} : { reason, detail: "as the host tells it" }),
          ...(refused === undefined
            ? {}
            : { refused: refused.map((part) => ({ part, reason: "KEEPS_HOST_ALIVE", detail: "" })) }),
        },
        "00000000-0000-4000-8000-000000000001",
      );
    },
  };
}
