import { resolve } from "node:path";
import { Problem, parseJoinToken } from "@cordon/contract";
import { exitCodes, failure, keyValues, type Verb } from "@cordon/terminal";
import type { Config } from "../config.ts";
import { enrol } from "../enrolment.ts";
import { createAbilities } from "../host/abilities.ts";
import { createHostEnforcers } from "../host/enforcers.ts";
import { readHostFacts } from "../host/facts.ts";
import { type Identity, readIdentity, writeIdentity } from "../identity.ts";
import { silentLog } from "../log.ts";

type Options = { servers: string[]; token: string; stateDir: string; force: boolean };

export function enrollVerb(config: Config): Verb<Options> {
  return {
    words: "enroll",
    summary: "make this host known to a Central Node",
    description:
      "Makes a key here, has the Central Node sign a certificate for it, and keeps both in the state directory. The join\n" +
      "token says which Central Node to trust. Without --token it is read from CORDON_JOIN_TOKEN; `--token -` reads it\n" +
      "from standard input.",
    examples: [
      ["cordon-agent enroll --server https://central.example:443 --token cordon1.…"],
      [
        "cordon-agent enroll --server https://node1:443 https://node2:443 --token …",
        "two Central Nodes on one database",
      ],
      [
        "cordon-agent enroll --server https://10.0.0.5:443 --token - < token",
        "keeps the token out of the process list",
      ],
    ],
    flags: (command) =>
      command
        .requiredOption("--server <url...>", "where the Central Nodes are: https://HOST:PORT, several on one database")
        .option("--token <token>", "the join token, or - for standard input")
        .option("--state-dir <directory>", "where the agent keeps its state", config.stateDir)
        .option("--force", "take a new identity in place of the one that is here"),
    parse(_words, flags) {
      const token = flags.token ?? config.joinToken;
      if (typeof token !== "string") {
        throw failure("USAGE", "no join token: give --token, or CORDON_JOIN_TOKEN in the environment");
      }
      return {
        servers: [flags.server].flat().map(String).map(parseServer),
        token,
        stateDir: resolve(String(flags.stateDir)),
        force: flags.force === true,
      };
    },
    async act({ servers, token, stateDir, force }, output) {
      const known = readIdentity(stateDir);
      if (known !== null && !force) {
        throw failure("REFUSED", `${stateDir} holds an identity already: ${known.sensorId}`, {
          advice: "With --force it gets a new one; the Central Node then sees another host.",
        });
      }
      const joinToken = parseJoinToken(token === "-" ? await readAll(output.terminal.stdin) : token);
      // Prevention is tested when the agent starts, which tells the Central Node with its first word.
      const enforcers = createHostEnforcers(process.platform);
      const abilities = createAbilities({ enforcers, log: silentLog });
      await abilities.refresh();
      const identity = await enrolAtFirst(servers, {
        token: joinToken,
        facts: (localAddress) => ({ ...readHostFacts(localAddress), capabilities: abilities.names() }),
      });
      writeIdentity(stateDir, { ...identity, servers });
      const { sensorId } = identity;
      output.answer({ sensorId, servers, stateDir, capabilities: abilities.names() }, () =>
        keyValues([
          ["Sensor ID", sensorId],
          [servers.length === 1 ? "Central Node" : "Central Nodes", servers.join(", ")],
          ["State directory", stateDir],
          ["Can do", abilities.names().join(", ")],
        ]),
      );
      return exitCodes.done;
    },
  };
}

/** At the first that answers: a token refused by one is refused by all of them. */
async function enrolAtFirst(servers: string[], needs: Omit<Parameters<typeof enrol>[0], "server">): Promise<Identity> {
  const [server = "", ...others] = servers;
  try {
    return await enrol({ server, ...needs });
  } catch (error) {
    if (!(error instanceof Problem && error.code === "UNAVAILABLE") || others.length === 0) throw error;
    return enrolAtFirst(others, needs);
  }
}

/** `https://HOST:PORT` → `HOST:PORT`. */
export function parseServer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.protocol !== "https:" || !["", "/"].includes(url.pathname)) {
    throw failure("USAGE", `--server must look like https://HOST:PORT, not ${text}`);
  }
  return `${url.hostname}:${url.port || 443}`;
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}
