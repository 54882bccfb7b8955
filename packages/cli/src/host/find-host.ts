import { isIP } from "node:net";
import { failure } from "@cordon/terminal";
import type { HostFilter, ResponseApiClient } from "../response-api-client.ts";
import type { Host } from "../wire.ts";

const sensorIdForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const hostHelp = "HOST is a sensor ID, a host name (whole, case-sensitive) or an IP address.";

/** What a person typed for a host → how to ask for it. */
export function parseHost(text: string): HostFilter {
  if (sensorIdForm.test(text)) return { sensorId: text.toLowerCase() };
  if (isIP(text) !== 0) return { ipAddress: text };
  if (text === "" || text.length > 255) throw failure("USAGE", `"${text}" is no host. ${hostHelp}`);
  return { hostName: text };
}

/** The one host that fits; an order never goes to one of several that share a name. */
export async function findHost(client: ResponseApiClient, filter: HostFilter): Promise<Host> {
  const hosts = await client.listHosts(filter);
  const [host] = hosts;
  const asked = filter.sensorId ?? filter.ipAddress ?? filter.hostName ?? "";
  if (host === undefined) {
    throw failure("NOT_FOUND", `there is no host ${asked}`, {
      advice: `${hostHelp}\nList them: cordon host list`,
    });
  }
  if (hosts.length > 1) {
    const candidates = hosts.map(
      ({ sensorId, hostName, ipAddresses }) => `${sensorId}  ${hostName}  ${ipAddresses.join(" ")}`,
    );
    throw failure("USAGE", `${hosts.length} hosts answer to ${asked}; give the sensor ID`, {
      advice: candidates.join("\n"),
    });
  }
  return host;
}

/** For people: the name where there is one. */
export function hostLabel({ hostName, sensorId }: Host): string {
  return hostName === "" ? sensorId : hostName;
}
