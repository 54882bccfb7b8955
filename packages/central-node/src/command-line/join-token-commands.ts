import { exitCodes, failure, type Program, table } from "@cordon/terminal";
import type { JoinTokenState } from "../enrolment/enrolment-service.ts";
import { type AdminVerbs, dataDirFlag } from "./admin-verb.ts";
import { parseDurationSec } from "./duration.ts";

export function addJoinTokenCommands(program: Program, { clientOf }: AdminVerbs): void {
  const noun = program.noun("join-token", "what a host needs to enrol");

  noun.verb({
    words: "create",
    summary: "make a join token and print it alone; it cannot be shown again",
    examples: [
      ["cordon-server join-token create", "for one host, within an hour"],
      ["cordon-server join-token create --ttl 7d --uses 500"],
    ],
    flags: (command) =>
      dataDirFlag(command)
        .option("--ttl <time>", "how long it can be used: 90s, 30m, 1h or 7d; 1 minute to 30 days", "1h")
        .option("--uses <count>", "how many hosts it can enrol, 1 to 100000", "1"),
    parse: (_words, flags) => ({ flags, ttlSec: parseDurationSec(String(flags.ttl)), uses: parseCount(flags.uses) }),
    async act({ flags, ttlSec, uses }, output) {
      const made = await clientOf(flags).post<{ token: string }>("/join-tokens", { ttlSec, uses });
      output.answer(made, () => made.token);
      return exitCodes.done;
    },
  });

  noun.verb({
    words: "list",
    summary: "list the join tokens; not their secrets, which are not kept",
    flags: dataDirFlag,
    parse: (_words, flags) => flags,
    async act(flags, output) {
      const tokens = await clientOf(flags).get<JoinTokenState[]>("/join-tokens");
      output.answer(tokens, () =>
        tokens.length === 0
          ? "There is no join token."
          : table(
              ["id", "made", "expires", "uses left"],
              tokens.map((token) => [token.id, token.createdAt, token.expiresAt, token.usesLeft]),
            ),
      );
      return exitCodes.done;
    },
  });

  noun.verb({
    words: "revoke <id>",
    summary: "make a join token useless; hosts that enrolled with it stay",
    flags: dataDirFlag,
    parse: ([id], flags) => ({ flags, id: String(id) }),
    async act({ flags, id }, output) {
      await clientOf(flags).delete(`/join-tokens/${encodeURIComponent(id)}`);
      output.answer({ revoked: id }, () => `revoked ${id}`);
      return exitCodes.done;
    },
  });
}

function parseCount(value: unknown): number {
  if (!/^\d{1,9}$/.test(String(value))) throw failure("USAGE", `--uses must be a whole number, not ${String(value)}`);
  return Number(value);
}
