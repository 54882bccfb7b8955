import { exitCodes, keyValues, table } from "@cordon/terminal";
import type { ClientVerb } from "../client-verb.ts";
import type { Host, RuleModes, SettingState } from "../wire.ts";
import { findScope, parseScope, type ScopeOption, scopeHelp } from "./scope.ts";

export const preventionGetVerb: ClientVerb<{ scope: ScopeOption }> = {
  words: "get <host>",
  summary: "show which files must not run",
  description: scopeHelp,
  examples: [["cordon prevention get all"], ["cordon prevention get host4 --json"]],
  parse: ([scope]) => ({ scope: parseScope(String(scope)) }),
  async act(options, { client, output }) {
    const { id, label, host } = await findScope(client, options.scope);
    const { files, scripts, killRunning } = await client.getPrevention(id);
    const hosts = host === null ? await client.listHosts() : [host];
    const states = statesOf(hosts, host === null ? "all" : "host");
    output.answer({ scope: id, files, scripts, killRunning, states }, () =>
      [
        keyValues([
          [
            "prevention",
            files.length === 0
              ? `no rule for ${label}`
              : `${files.length} ${files.length === 1 ? "file" : "files"} on ${label}`,
          ],
          ["modes", describeModes({ scripts, killRunning })],
          ["hosts", states === null ? undefined : describeStates(states)],
          ["blocks", states === null ? undefined : describeBlocks(states)],
        ]),
        ...describeRefused(states ?? []),
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

type HostState = Pick<SettingState, "state" | "reason" | "refused" | "refusedCount" | "blocks24h"> & {
  sensorId: string;
  hostName: string;
};

/** How far the scope's rule has come on each host; null when the server does not tell. */
function statesOf(hosts: Host[], scope: "host" | "all"): HostState[] | null {
  if (hosts.every(({ settingStates }) => settingStates === null)) return null;
  return hosts.flatMap(({ sensorId, hostName, settingStates }) =>
    (settingStates ?? [])
      .filter((state) => state.action === "prevention" && state.scope === scope)
      .map(({ state, reason, refused, refusedCount, blocks24h }) => {
        return { sensorId, hostName, state, reason, refused, refusedCount, blocks24h };
      }),
  );
}

/** `in-effect on 3, pending on 1`. */
function describeStates(states: HostState[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { state } of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts.size === 0 ? undefined : [...counts].map(([state, count]) => `${state} on ${count}`).join(", ");
}

function describeModes({ scripts, killRunning }: RuleModes): string | undefined {
  const modes = [...(scripts ? ["scripts"] : []), ...(killRunning ? ["kill-running"] : [])];
  return modes.length === 0 ? undefined : modes.join(", ");
}

function describeBlocks(states: HostState[]): string | undefined {
  const told = states.flatMap(({ blocks24h }) => (blocks24h === null ? [] : [blocks24h]));
  if (told.length === 0) return undefined;
  const hosts = told.filter((blocks) => blocks > 0).length;
  return `${told.reduce((sum, blocks) => sum + blocks, 0)} in the last 24 hours, on ${hosts} ${hosts === 1 ? "host" : "hosts"}`;
}

/** What a host does not ban, as it would not outlive it. */
function describeRefused(states: HostState[]): string[] {
  const rows = states.flatMap(({ hostName, refused }) =>
    refused.map(({ hash, reason, detail }) => [hostName, hash, reason, detail]),
  );
  return rows.length === 0 ? [] : [table(["refused by", "hash", "reason", "detail"], rows)];
}
