/** Several Central Nodes on one PostgreSQL that can fail, each over a link that can be cut, behind haproxy. All on loopback. */
import { startPostgres } from "@cordon/central-node/test-postgres";
import { createExternalSystem, curlAs } from "./external-system.ts";
import { createOrdersClient } from "./orders-under-fire-client.ts";
import { type Owner, startCentralNode } from "./programs.ts";
import { startBalancer } from "./scale-out-balancer.ts";
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
  return { postgres, database, nodes, balancer, system, client };
}
