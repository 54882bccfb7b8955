import type { HostFacts } from "@cordon/contract";
import { type AgentCore, type Credentials, createAgentCore } from "./agent-core.ts";
import { type CentralLink, createCentralLink } from "./central-link.ts";
import type { CentralNodeAddresses } from "./central-node-addresses.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Clock } from "./host/clock.ts";
import type { Enforcers } from "./host/enforcers.ts";
import type { Journal } from "./journal/journal.ts";
import type { LinkIdentity } from "./link-contexts.ts";
import type { LocalPolicy } from "./local-policy.ts";
import type { Logger } from "./log.ts";
import { agentVersion } from "./version.ts";

export type Agent = ReturnType<typeof createAgent>;

/** An agent: its core on one link. Holds no files of its own, so that thousands fit into one process. */
export function createAgent(needs: {
  sensorId: string;
  journal: Journal;
  enforcers: Enforcers;
  /** Which key and certificate to connect with; asked at each attempt. */
  identity(): LinkIdentity;
  addresses: CentralNodeAddresses;
  facts(towards: string | null): Omit<HostFacts, "capabilities">;
  policy: LocalPolicy;
  clock: Clock;
  log: Logger;
  credentials?: Credentials;
  localRelease?: { isMarked(): boolean; clear(): void };
  checkpoint?: Checkpoint;
  maxTasksAtOnce?: number;
  random?: () => number;
}) {
  const { sensorId, journal, addresses, facts, clock, log } = needs;
  let towards: string | null = null;

  const core: AgentCore = createAgentCore({
    ...needs,
    facts: () => facts(towards),
    async centralNode() {
      const known = await addresses.targets();
      // The link that the order came over is open as well, wherever the names lead by now.
      const linked = link.connectedTo();
      return linked === null ? known : [...known, linked];
    },
    proveReachable: (withinMs) => link.proveReachable(withinMs),
    onWelcome(welcome) {
      link.welcomed(welcome.heartbeatSec);
      log.info({ sensorId, lineage: welcome.lineage }, "welcomed by the Central Node");
    },
  });
  const link: CentralLink = createCentralLink({
    targets: addresses.targets,
    identity: needs.identity,
    clock,
    log,
    onOpen(session, localAddress) {
      towards = localAddress;
      core.opened(session);
    },
    onMessage: core.receive,
    onDrain: core.drained,
    onClose: core.closed,
    ...(needs.random === undefined ? {} : { random: needs.random }),
  });

  return {
    core,
    /** Makes the journal true again, and only then looks for a Central Node. */
    async start() {
      await core.start();
      link.start();
    },
    reconnect: () => link.reconnect(),
    /** For simulated fleets, whose hosts come and go with their journals. */
    link,
    status: () => ({ sensorId, version: agentVersion, link: link.state(), contact: link.contact(), ...core.status() }),
    /** Ends in good order: programs are terminated and reported while the link still stands. Isolation stays in force. */
    async close() {
      await core.close();
      await link.close();
      journal.close();
    },
  };
}
