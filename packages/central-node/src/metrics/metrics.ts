import Fastify, { type FastifyInstance } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Health } from "./health.ts";
import { healthRoutes } from "./health-routes.ts";

export type Metrics = ReturnType<typeof createMetrics>;
/** What the slices count as they go. */
export type OrderCounts = Pick<Metrics, "ordered" | "outcome">;
export type BlockCounts = Pick<Metrics, "blocked" | "blocksLost">;

/** What the composition root can tell at any time. Ages are in seconds; 0: nothing waits. */
export type Readings = {
  agentsConnected(): number;
  agentsWaiting(): number;
  agentsShed(): number;
  /** By reason. */
  strangersRefused(): Readonly<Record<string, number>>;
  oldestOrderAgeSec(): Promise<number>;
};

/** Prometheus waits for 10 s by default. */
const readWithinMs = 2000;

/** The lag that is shown is never less. With the library's 10 ms an idle node woke up a hundred times a second, half of its CPU time. */
const eventLoopStepMs = 20;

export function createMetrics() {
  const registry = new Registry();
  // Event-loop lag, memory, CPU, garbage collection: the library's own names.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopStepMs });
  const requests = new Histogram({
    name: "cordon_request_duration_seconds",
    help: "Requests answered, by surface, method and status, and how long each took",
    labelNames: ["surface", "method", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  });
  const ordered = new Counter({
    name: "cordon_orders_total",
    help: "Orders accepted and durable, by response action",
    labelNames: ["action"],
    registers: [registry],
  });
  const outcomes = new Counter({
    name: "cordon_order_outcomes_total",
    help: "What hosts reported of orders, by response action and outcome",
    labelNames: ["action", "outcome"],
    registers: [registry],
  });

  const blocks = new Counter({
    name: "cordon_blocks_total",
    help: "What hosts reported of banned files: kept from running, found running, killed; merged events with all that they stand for",
    labelNames: ["kind"],
    registers: [registry],
  });
  const blocksLost = new Counter({
    name: "cordon_blocks_lost_total",
    help: "Blocks of which hosts know only that they were: more came than they could keep",
    registers: [registry],
  });

  function gauge(name: string, help: string, read: () => number | Promise<number>) {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await readOr(Number.NaN, read));
      },
    });
  }

  return {
    ordered: (action: string) => ordered.inc({ action }),
    outcome: (action: string, outcome: string) => outcomes.inc({ action, outcome }),
    blocked: (kind: string, count: number) => blocks.inc({ kind }, count),
    blocksLost: (count: number) => blocksLost.inc(count),
    /** Counts and times every request of an app. */
    observe(app: FastifyInstance, surface: string): void {
      app.addHook("onResponse", (request, reply, done) => {
        // How long a stream was followed says nothing of how fast we answer.
        if (!String(reply.getHeader("Content-Type")).startsWith("text/event-stream")) {
          requests.observe({ surface, method: request.method, status: reply.statusCode }, reply.elapsedTime / 1000);
        }
        done();
      });
    },
    read(readings: Readings): void {
      gauge("cordon_agents_connected", "Agents connected to this Central Node", readings.agentsConnected);
      gauge("cordon_agents_waiting", "Agents that wait in line to connect", readings.agentsWaiting);
      gauge(
        "cordon_agent_connections_shed",
        "Connections of agents cut off before their handshake, as too many waited or for too long, since the start",
        readings.agentsShed,
      );
      new Gauge({
        name: "cordon_strangers_refused",
        help: "Requests refused to external systems that are not accepted, since the start, by reason",
        labelNames: ["reason"],
        registers: [registry],
        collect() {
          for (const [reason, count] of Object.entries(readings.strangersRefused())) this.set({ reason }, count);
        },
      });
      gauge(
        "cordon_oldest_order_age_seconds",
        "Age of the oldest order that no host has reported on",
        readings.oldestOrderAgeSec,
      );
    },
    /** Plain HTTP, for loopback: no TLS, no password. */
    app(health: Health): FastifyInstance {
      const app = Fastify({ forceCloseConnections: true });
      app.get("/metrics", async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()));
      healthRoutes(app, health);
      return app;
    },
  };
}

/** What needs a database that is away must not cost the numbers that are at hand. */
async function readOr(unknown: number, read: () => number | Promise<number>): Promise<number> {
  const late = new Promise<number>((resolve) => setTimeout(resolve, readWithinMs, unknown).unref());
  try {
    return await Promise.race([read(), late]);
  } catch {
    return unknown; // why is logged where requests fail
  }
}
