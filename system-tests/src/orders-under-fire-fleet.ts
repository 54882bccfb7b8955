/** A Central Node and hosts on this machine, whose isolation is a file, for orders under fire. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { createOrdersClient } from "./orders-under-fire-client.ts";
import { createFolder, enrolHost, startCentralNode } from "./programs.ts";

const hostCount = 4;
const crashAgent = fileURLToPath(new URL("./crash-agent.ts", import.meta.url));

export async function createFleet(t: TestContext) {
  const node = await startCentralNode(t);
  const system = createExternalSystem(t);
  await curlAs(system, node).get("sensors");
  await node.acceptSystem(system);
  const client = createOrdersClient({ nodes: [node.api], system });
  t.after(client.close);

  const folder = createFolder(t, "fire");
  const marks = join(folder, "ran");
  writeFileSync(marks, "");
  const hosts = await Promise.all(
    Array.from({ length: hostCount }, async (_, index) => {
      const effectFile = join(folder, `isolation-${index}`);
      const main = [crashAgent, "--effect-file", effectFile, "--server", node.api];
      const agent = await enrolHost(t, node, { main });
      // The harness forbids isolation on this machine; here it is a file only.
      writeFileSync(join(agent.stateDir, "policy.json"), "{}");
      return { agent, effectFile, sensorId: agent.sensorId };
    }),
  );

  return {
    node,
    hosts,
    client,
    /** One in sixteen takes a while, so that kills also meet programs that run. */
    lineOf: ({ taskId }: { taskId: string }) =>
      `echo ${taskId} >> ${marks}${taskId.startsWith("0") ? "; sleep 0.3" : ""}`,
    /** How often each task ran, by its ID. */
    ran(): Map<string, number> {
      const counts = new Map<string, number>();
      for (const taskId of readFileSync(marks, "utf8").split("\n").slice(0, -1)) {
        counts.set(taskId, (counts.get(taskId) ?? 0) + 1);
      }
      return counts;
    },
    /**
     * Kills and restarts a program each time that `progress` reaches the next of `kills`: by turns the Central Node and an
     * agent, each of these in turn. One does not wait for the restart of the other.
     */
    killAlong(kills: number[], progress: () => number) {
      const counts = { nodes: 0, agents: 0 };
      let stopped = false;
      async function kill(what: keyof typeof counts, programs: { restart(): Promise<void> }[], at: number[]) {
        for (const threshold of at) {
          await until(`progress ${threshold}`, () => stopped || progress() >= threshold, 120_000);
          if (stopped) return;
          const victim = programs[counts[what] % programs.length];
          counts[what] += 1;
          await victim?.restart();
        }
      }
      const isEven = (_: number, index: number) => index % 2 === 0;
      const done = Promise.all([
        kill("nodes", [node], kills.filter(isEven)),
        kill(
          "agents",
          hosts.map(({ agent }) => agent),
          kills.filter((at, index) => !isEven(at, index)),
        ),
      ]);
      return {
        counts,
        /** No further kill; what was killed is up again. */
        async stop() {
          stopped = true;
          await done;
        },
      };
    },
  };
}
