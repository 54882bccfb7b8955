/** Several Central Nodes on one PostgreSQL that can fail, each over a link that can be cut, behind haproxy. All on loopback. */
import { startPostgres } from "@cordon/central-node/test-postgres";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { until } from "./namespaces.ts";
import { createOrdersClient } from "./orders-under-fire-client.ts";
import { type Owner, startCentralNode } from "./programs.ts";
import { startBalancer } from "./scale-out-balancer.ts";
import { enrolHostAt, type ScaleOutHost } from "./scale-out-host.ts";
import { createDatabaseLink } from "./two-central-nodes-database-link.ts";

/**
 * `nodes[i]` can be killed, paused, resumed and restarted; its `link` to the database can refuse, fall silent and be
 * restored. `main`: another main file of the nodes, and its first arguments. In what `client` offers, node 0 is the balancer, and node i + 1 is `nodes[i]` itself.
 */
export async function createScaleOutLab(
  owner: Owner,
  { nodeCount = 3, flags = [], main }: { nodeCount?: number; flags?: string[]; main?: string[] } = {},
) {
  const postgres = await startPostgres();
  // Owners clean up in the order in which they were told: the nodes must be gone before their database is.
  const cleanUps: (() => Promise<void> | void)[] = [];
  const inner: Owner = {
    after: (cleanUp) => void cleanUps.unshift(cleanUp),
    get passed() {
      return owner.passed ?? true;
    },
  };
  owner.after(async () => {
    for (const cleanUp of cleanUps) await cleanUp();
    await postgres.stop();
  });

  const database = `${postgres.url}/postgres`;
  const nodes: (Awaited<ReturnType<typeof startCentralNode>> & {
    link: Awaited<ReturnType<typeof createDatabaseLink>>;
  })[] = [];
  for (let index = 0; index < nodeCount; index++) {
    const link = await createDatabaseLink(database);
    inner.after(() => link.refuse());
    nodes.push(
      Object.assign(
        await startCentralNode(inner, { database: link.url, flags, ...(main === undefined ? {} : { main }) }),
        { link },
      ),
    );
  }
  const [first] = nodes;
  if (first === undefined) throw new Error("a lab has at least one Central Node");
  const balancer = await startBalancer(inner, nodes);
  const system = createExternalSystem(inner);
  await curlAs(system, first).get("sensors");
  await first.acceptSystem(system);
  const client = createOrdersClient({ nodes: [balancer.api, ...nodes.map(({ api }) => api)], system });
  inner.after(client.close);

  const enroller = first;
  /** Real agents in this process, enrolled and connected through the balancer. */
  async function enrolHosts(count: number): Promise<ScaleOutHost[]> {
    const { token } = await enroller.admin<{ token: string }>("join-token", "create", "--uses", String(count));
    const server = new URL(balancer.api).host;
    const hosts: ScaleOutHost[] = [];
    for (let index = 0; index < count; index++) {
      const host = await enrolHostAt({ server, token, name: `host${index}` });
      inner.after(host.close);
      hosts.push(host);
    }
    await until("every agent is connected", () => hosts.every((host) => host.isConnected()));
    return hosts;
  }

  return { postgres, database, nodes, balancer, system, client, enrolHosts };
}

/** How many agents a Central Node holds, by its own count; 0 where it does not answer. */
export async function agentsOf({ metrics }: { metrics: string }): Promise<number> {
  const answer = await fetch(`${metrics}/metrics`, { signal: AbortSignal.timeout(1000) }).catch(() => null);
  if (answer === null) return 0;
  const text = await answer.text();
  return Number(/^cordon_agents_connected (\d+)$/m.exec(text)?.[1]);
}
