import { findHost, hostHelp, parseHost } from "../host/find-host.ts";
import type { HostFilter, ResponseApiClient } from "../response-api-client.ts";
import type { Host } from "../wire.ts";

export const scopeHelp = `${hostHelp} \`all\` is the rule of all hosts.`;

export type ScopeOption = "all" | HostFilter;

export function parseScope(word: string): ScopeOption {
  return word === "all" ? "all" : parseHost(word);
}

/** `id` is what the API calls the scope by: a sensor ID or "all". */
export async function findScope(
  client: ResponseApiClient,
  scope: ScopeOption,
): Promise<{ id: string; label: string; host: Host | null }> {
  if (scope === "all") return { id: "all", label: "all hosts", host: null };
  const host = await findHost(client, scope);
  return { id: host.sensorId, label: `${host.hostName} (${host.sensorId})`, host };
}
