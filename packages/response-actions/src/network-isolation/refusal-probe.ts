/** Tries to send what the rules must refuse: rules that stand in a table are not yet rules that work. */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { CentralNodeEndpoint } from "../kit/enforcer.ts";
import type { Exclusion } from "./network-isolation.ts";

/** RFC 863, discard: nobody is bothered where the rules do not work after all. */
const port = 9;
const udp = 17;

/**
 * Sends a datagram to each of the Central Node's addresses, where a route leads for sure, on a port that is not open. Resolves
 * with the destinations for which the kernel did not refuse it: none, where the rules work.
 */
export async function findPassed(
  centralNode: readonly CentralNodeEndpoint[],
  exclusions: readonly Exclusion[],
): Promise<string[]> {
  const addresses = [...new Set(centralNode.map((endpoint) => endpoint.address))];
  const probed = addresses.filter((address) => !isOwn(address) && !isExcluded(address, exclusions));
  const passed = await Promise.all(probed.map(async (address) => ((await passes(address)) ? [address] : [])));
  return passed.flat();
}

function passes(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const end = (passed: boolean) => {
      socket.close();
      resolve(passed);
    };
    // A family that the host does not speak: nothing can be sent in it.
    socket.on("error", () => end(false));
    // EPERM is the rules' refusal. Any other error, such as no route, means that nothing left either.
    socket.send("", port, address, (error) => end(error === null));
  });
}

/** Loopback and the host's own addresses are never cut: a Central Node on this very host is reached through them. */
function isOwn(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries?.map((entry) => entry.address) ?? []);
  return own.includes(address) || address.startsWith("127.") || address === "::1";
}

function isExcluded(address: string, exclusions: readonly Exclusion[]): boolean {
  return exclusions.some(
    (exclusion) => exclusion.remoteAddress === address && (exclusion.protocol === null || exclusion.protocol === udp),
  );
}
