import { exitCodes, keyValues, table } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import type { Host } from "../wire.ts";
import { findScope, parseScope, type ScopeOption, scopeHelp } from "./scope.ts";

export const preventionGetVerb: ClientVerb<{ scope: ScopeOption }> = {
  words: "get <host>",
  summary: "show which files must not run",
  description: scopeHelp,
  examples: [["cordon prevention get all"], ["cordon prevention get host4 --json"]],
  parse: ([scope]) => ({ scope: parseScope(String(scope)) }),
  async act(options, { client, output }) {
    const { id, label, host } = await findScope(client, options.scope);
    const files = await client.getPrevention(id);
    const hosts = host === null ? await client.listHosts() : [host];
    const states = statesOf(hosts, host === null ? "all" : "host");
    output.answer({ scope: id, files, states }, () =>
      [
        keyValues([
          [
            "prevention",
            files.length === 0
              ? `no rule for ${label}`
              : `${files.length} ${files.length === 1 ? "file" : "files"} on ${label}`,
          ],
          ["hosts", states === null ? undefined : describeStates(states)],
        ]),
        ...(files.length === 0
          ? []
          : [
              table(
                ["kind", "hash", "label"],
                files.map(({ algorithm, hash, name }) => [algorithm, hash, name]),
              ),
            ]),
      ].join("\n"),
    );
    return exitCodes.done;
  },
};

type HostState = { sensorId: string; hostName: string; state: string; reason: string | null };

/** How far the scope's rule has come on each host; null when the server does not tell. */
function statesOf(hosts: Host[], scope: "host" | "all"): HostState[] | null {
  if (hosts.every(({ settingStates }) => settingStates === null)) return null;
  return hosts.flatMap(({ sensorId, hostName, settingStates }) =>
    (settingStates ?? [])
      .filter((state) => state.action === "prevention" && state.scope === scope)
      .map(({ state, reason }) => ({ sensorId, hostName, state, reason })),
  );
}

/** `in-effect on 3, pending on 1`. */
function describeStates(states: HostState[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { state } of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts.size === 0 ? undefined : [...counts].map(([state, count]) => `${state} on ${count}`).join(", ");
}
