/** Two Central Nodes on one PostgreSQL, a known external system, and hosts on this machine whose isolation is a file. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { testDatabases } from "@cordon/central-node/test-databases";
import { isolatedFor } from "./crash-file-isolation.ts";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { createOrdersClient } from "./orders-under-fire-client.ts";
import { createFolder, enrolHost, startCentralNode } from "./programs.ts";

export type TwoNodes = Awaited<ReturnType<typeof createTwoNodes>>;

const crashAgent = fileURLToPath(new URL("./crash-agent.ts", import.meta.url));

/** A fresh database of the PostgreSQL that tests share. */
export async function locatePostgres(t: TestContext): Promise<string> {
  const kind = testDatabases.find(({ name }) => name === "PostgreSQL");
  if (kind === undefined) throw new Error("there is no PostgreSQL to test on");
  return kind.locate(t);
}

/** In what `client` offers, node 0 is `a` and node 1 is `b`. */
export async function createTwoNodes(t: TestContext, database: string) {
  const a = await startCentralNode(t, { database });
  const b = await startCentralNode(t, { database });
  const system = createExternalSystem(t);
  await curlAs(system, a).get("sensors");
  await a.acceptSystem(system);
  const client = createOrdersClient({ nodes: [a.api, b.api], system });
  t.after(client.close);

  return {
    a,
    b,
    client,
    /** A host that knows the Central Nodes named, in this order, and is connected to the first. */
    async host(servers: { api: string }[]) {
      const effectFile = join(createFolder(t, "effect"), "isolation");
      const main = [crashAgent, "--effect-file", effectFile, ...servers.flatMap(({ api }) => ["--server", api])];
      const agent = await enrolHost(t, servers[0] === b ? b : a, { main });
      // The harness forbids isolation on this machine; here it is a file only.
      writeFileSync(join(agent.stateDir, "policy.json"), "{}");
      return {
        agent,
        sensorId: agent.sensorId,
        /** Resolves with the milliseconds that it took until that isolation was in force on the host. */
        async untilIsolatedFor(seconds: number, withinMs: number): Promise<number> {
          const startedMs = performance.now();
          await until(`an isolation of ${seconds} s`, () => isolatedFor(effectFile) === seconds, withinMs);
          return performance.now() - startedMs;
        },
      };
    },
  };
}

/** Whether a Central Node says that it is ready, and which of its checks hold. */
export async function readiness(node: {
  metrics: string;
}): Promise<{ ready: boolean; checks: Record<string, boolean> }> {
  const response = await fetch(`${node.metrics}/health/ready`);
  const report = (await response.json()) as { ready: boolean; checks: Record<string, boolean> };
  if (report.ready !== (response.status === 200)) throw new Error(`${response.status} with ${JSON.stringify(report)}`);
  return report;
}
