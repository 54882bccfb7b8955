/** Who is in the demo: a Central Node, a host, an external system, and where namespaces can be made, a stranger. */
import { createExternalSystem, curlAs, type ExternalSystem, type ResponseApi } from "../external-system.ts";
import { speakIn } from "../isolation-end-to-end-lab.ts";
import { createNetwork, type Network } from "../namespaces.ts";
import type { Peer } from "../network-isolation-lab.ts";
import {
  type AgentProcess,
  type CentralNodeProcess,
  enrolHost,
  type Owner,
  startCentralNode,
  thisMachine,
} from "../programs.ts";
import { expect, type Report } from "./report.ts";

export type Scene = {
  central: CentralNodeProcess;
  agent: AgentProcess;
  system: ExternalSystem;
  soar: ResponseApi;
  /** Null on loopback: nothing is isolated there. */
  isolable: { network: Network; host: Peer; stranger: Peer } | null;
};

/** Starts all, and tells how an external system is let in. `whyAlone`: why no namespaces can be made, if so. */
export async function setScene(report: Report, owner: Owner, whyAlone: string | undefined): Promise<Scene> {
  const network = whyAlone === undefined ? await createNetwork() : null;
  if (network !== null) owner.after(() => network.close());
  const place = network?.central ?? thisMachine;
  // Made first: openssl takes its time, and is not what is shown.
  const system = createExternalSystem(owner, { keys: "rsa" });

  report.section("Start");
  let central: CentralNodeProcess | undefined;
  await report.claim("cordon-server runs", async () => {
    central = await startCentralNode(owner, { place });
    return `${central.api}, pid ${central.pid()}`;
  });
  const node = there(central);
  let agent: AgentProcess | undefined;
  await report.claim("a host enrols with a join token, and its agent is connected", async () => {
    agent = await enrolHost(owner, node, { place: network?.host ?? thisMachine });
    return agent.sensorId;
  });
  const isolable =
    network === null ? null : { network, host: await speakIn(network.host), stranger: await speakIn(network.stranger) };
  const scene = { central: node, agent: there(agent), system, soar: curlAs(system, node, { place }), isolable };
  await letIn(report, scene);
  return scene;
}

async function letIn(report: Report, { central, agent, system, soar, isolable }: Scene): Promise<void> {
  report.section("An external system with an RSA certificate made by openssl knocks, and is let in");
  await report.claim("curl is refused, and waits for an administrator's decision", async () => {
    const { status, body } = await soar.get("sensors");
    expect("the answer", [status, body], [401, { error: "Unauthorized" }]);
    const listed = await central.admin<{ externalSystemId: string; state: string }[]>("external-system", "list");
    const rows = listed.map(({ externalSystemId, state }) => [externalSystemId, state]);
    expect("cordon-server external-system list", rows, [[system.id, "pending"]]);
    return `401, ${system.id} is pending`;
  });
  await report.claim("cordon-server external-system accept lets it in at once", async () => {
    await central.acceptSystem(system);
    const { status, body } = await soar.get("sensors");
    expect("the answer", status, 200);
    expect("the hosts", [body.sensors.length, body.sensors[0]?.sensorId], [1, agent.sensorId]);
    const { host, hostIp, osName, capabilities } = body.sensors[0];
    if (isolable !== null) {
      expect("network_isolation is among what the host can do", capabilities.includes("network_isolation"), true);
    }
    return `200, one host: ${host}, ${hostIp}, ${osName}, can do ${capabilities.join(" and ")}`;
  });
}

function there<T>(thing: T | undefined): T {
  if (thing === undefined) throw new Error("a claim held without what it made");
  return thing;
}
