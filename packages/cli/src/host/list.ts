import { isIP } from "node:net";
import { exitCodes, failure, table } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import type { HostFilter } from "../response-api-client.ts";
import type { Host, SettingState } from "../wire.ts";

export const hostListVerb: ClientVerb<HostFilter> = {
  words: "list",
  summary: "list the hosts that have an agent",
  description: "SETTINGS shows what was ordered for a host and how far it has come, where the server tells it.",
  examples: [["cordon host list"], ["cordon host list --ip 10.0.0.7"], ["cordon host list --json"]],
  flags: (command) =>
    command
      .option("--ip <address>", "only hosts with this IP address")
      .option("--host <name>", "only hosts with this name (whole, case-sensitive)"),
  parse(_words, { ip, host }) {
    if (typeof ip === "string" && isIP(ip) === 0) {
      throw failure("USAGE", `--ip must be an IP address, not "${ip}"`);
    }
    return {
      ...(typeof ip === "string" ? { ipAddress: ip } : {}),
      ...(typeof host === "string" ? { hostName: host } : {}),
    };
  },
  async act(filter, { client, output }) {
    const hosts = await client.listHosts(filter);
    output.answer({ hosts }, () => (hosts.length === 0 ? "No hosts.\n" : hostTable(hosts)));
    return exitCodes.done;
  },
};

function hostTable(hosts: Host[]): string {
  return table(
    ["host", "address", "system", "last seen", "can", "settings", "sensor id"],
    hosts.map((host) => [
      host.hostName,
      host.ipAddresses[0],
      host.osName ?? host.osFamily,
      host.lastSeenAt,
      host.capabilities?.join(" "),
      host.settingStates?.map(describeState).join(", "),
      host.sensorId,
    ]),
  );
}

/** `network-isolation in-effect`, `prevention (all) pending`. */
function describeState({ action, scope, state }: SettingState): string {
  return `${action}${scope === "all" ? " (all)" : ""} ${state}`;
}
