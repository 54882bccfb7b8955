import { exitCodes, failure, type Program, printable, table } from "@cordon/terminal";
import type { Host } from "../hosts/host-service.ts";
import { type AdminVerbs, dataDirFlag } from "./admin-verb.ts";

export function addHostCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("host", "machines with an agent");

  noun.verb({
    words: "list",
    summary: "list the enrolled hosts",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const hosts = await clientOf(flags).get<Host[]>("/hosts");
      output.answer(hosts, () => (hosts.length === 0 ? "No host has enrolled yet." : layOut(hosts)));
      return exitCodes.done;
    },
  });

  noun.verb({
    words: "remove <host>",
    summary: "cut a host off for good, at once; what is in force on it stays in force",
    description: "HOST is a sensor ID, a host name or an address.",
    examples: [["cordon-server host remove host4"], ["cordon-server host remove df64838b-b518-414b-b769-2b8be341a2f0"]],
    flags: dataDirFlag,
    parse: ([host], flags) => ({ flags, wanted: String(host) }),
    async act({ flags, wanted }, output) {
      const client = clientOf(flags);
      const host = findHost(await client.get<Host[]>("/hosts"), wanted);
      await client.delete(`/hosts/${host.sensorId}`);
      output.answer({ removed: host }, () => `removed ${printable(host.hostName)} (${host.sensorId})`);
      return exitCodes.done;
    },
  });
}

export function findHost(hosts: Host[], wanted: string): Host {
  const found = hosts.filter(
    (host) => host.sensorId === wanted.toLowerCase() || host.hostName === wanted || host.ipAddresses.includes(wanted),
  );
  const [host, ...others] = found;
  if (host === undefined) throw failure("NOT_FOUND", `there is no host ${wanted}`);
  if (others.length === 0) return host;
  throw failure("REFUSED", `${found.length} hosts are called ${wanted}`, {
    advice: `Name one by its sensor ID:\n${layOut(found)}`,
  });
}

function layOut(hosts: Host[]): string {
  return table(
    ["host", "addresses", "sensor id", "system", "agent", "can do", "last seen"],
    hosts.map((host) => [
      host.hostName,
      host.ipAddresses.slice(0, 3).join(" "),
      host.sensorId,
      host.osName,
      host.agentVersion,
      host.capabilities.join(" "),
      host.lastAccessAt,
    ]),
  );
}
