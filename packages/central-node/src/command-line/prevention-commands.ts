import { exitCodes, failure, type Program, table } from "@cordon/terminal";
import type { BlockList } from "../blocks/block-service.ts";
import type { Host } from "../hosts/host-service.ts";
import { type AdminVerbs, dataDirFlag, optionalText } from "./admin-verb.ts";
import { findHost } from "./host-commands.ts";

export function addPreventionCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("prevention", "files that must not run");

  noun.verb({
    words: "blocks",
    summary: "list what hosts kept from running: the newest blocks, and how many there were of each file on each host",
    description:
      "Blocks are kept for 30 days, counts for 90 days after the last one. One line may stand for several blocks of the same file:\nthe column `times` says how many.",
    examples: [
      ["cordon-server prevention blocks"],
      ["cordon-server prevention blocks --host host4 --json | jq .events"],
    ],
    flags: (command) =>
      dataDirFlag(command)
        .option("--host <host>", "only of one host: a sensor ID, a host name or an address")
        .option("--hash <hash>", "only of one file, by its hash in the rule")
        .option("--limit <count>", "at most so many of each, from 1 to 9999", "50"),
    parse(_words, flags) {
      const limit = String(flags.limit);
      if (!/^[1-9][0-9]{0,3}$/.test(limit)) throw failure("USAGE", `--limit must be from 1 to 9999, not ${limit}`);
      return { flags, limit, host: optionalText(flags.host), hash: optionalText(flags.hash)?.toLowerCase() };
    },
    async act({ flags, limit, host, hash }, output) {
      const client = clientOf(flags);
      const hosts = await client.get<Host[]>("/hosts");
      const query = new URLSearchParams({ limit });
      if (host !== undefined) query.set("sensorId", findHost(hosts, host).sensorId);
      if (hash !== undefined) query.set("hash", hash);
      const blocks = await client.get<BlockList>(`/blocks?${query}`);
      output.answer(blocks, () => describe(blocks, new Map(hosts.map((one) => [one.sensorId, one.hostName]))));
      return exitCodes.done;
    },
  });
}

function describe({ events, counts, losses }: BlockList, names: ReadonlyMap<string, string>): string {
  if (events.length === 0 && counts.length === 0) return "Nothing was blocked.";
  const nameOf = (sensorId: string) => names.get(sensorId) ?? sensorId;
  const lost = losses.filter((one) => one.lost > 0);
  return [
    table(
      ["at", "host", "what", "times", "path", "user", "process", "rule", "hash"],
      events.map((event) => [
        event.at,
        nameOf(event.sensorId),
        event.kind,
        String(event.count),
        event.path,
        event.userName ?? (event.userId === null ? "" : String(event.userId)),
        event.processes.map(({ name, pid }) => `${name} (${pid})`).join(" < "),
        event.ruleName ?? "",
        event.hash,
      ]),
    ),
    "",
    table(
      ["hash", "rule of", "host", "blocks", "first", "last"],
      counts.map((count) => [
        count.hash,
        count.scope === "all" ? "all" : "the host",
        nameOf(count.sensorId),
        String(count.blocks),
        count.firstAt,
        count.lastAt,
      ]),
    ),
    ...lost.map((one) => `${nameOf(one.sensorId)}: ${one.lost} more, of which nothing else is known`),
  ].join("\n");
}
