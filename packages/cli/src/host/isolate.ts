import { type ExitCode, exitCodes, failure, formatDuration, keyValues } from "@cordon/terminal";
import type { ClientVerb, Scene } from "../client-verb.ts";
import { parseDurationSec, parseTimeoutFlag } from "../duration.ts";
import type { HostFilter } from "../response-api-client.ts";
import type { Exclusion } from "../wire.ts";
import { allowHelp, formatExclusion, parseAllow } from "./allow.ts";
import { findHost, hostHelp, hostLabel, parseHost } from "./find-host.ts";
import { waitForIsolation } from "./isolation-state.ts";

export type IsolateOptions = {
  host: HostFilter;
  autoTurnoffTimeoutInSec: number;
  exclusions: Exclusion[];
  /** Null: do not wait. */
  waitMs: number | null;
};

const minSec = 3600;
const maxSec = 9999 * 3600;

export const hostIsolateVerb: ClientVerb<IsolateOptions> = {
  words: "isolate <host>",
  summary: "cut a host off the network until a time",
  description: [
    hostHelp,
    "",
    "The Central Node stays reachable, and what --allow names. Isolating again replaces the whole rule,",
    "exclusions too, and starts the time anew. At its end the host is released by itself.",
    "",
    allowHelp,
  ].join("\n"),
  examples: [
    ["cordon host isolate host4 --for 2h"],
    ["cordon host isolate 10.0.0.7 --for 1d --allow out:tcp:10.0.0.5:443", "it may call 10.0.0.5, port 443"],
    ["cordon host isolate host4 --for 8h --allow in:tcp:10.0.0.9:22", "10.0.0.9 may log in on its port 22"],
    ["cordon host isolate host4 --for 90m --allow both:any:10.0.0.9", "everything with 10.0.0.9"],
    ["cordon host isolate host4 --for 2h --allow out:udp:10.0.0.1:53 --allow out:icmp:10.0.0.1"],
  ],
  flags: (command) =>
    command
      .requiredOption("--for <duration>", "how long: 1h to 9999h, such as 90m, 2h, 3d or 1h30m")
      .option(
        "--allow <exclusion>",
        "what stays reachable, DIRECTION:PROTOCOL:ADDRESS[:PORTS]; may be given many times",
        (value: string, before: string[]) => [...before, value],
        [] as string[],
      )
      .option("--timeout <duration>", "how long to wait for the host's report", "30s")
      .option("--no-wait", "do not wait until the host reports that it is in effect"),
  parse: ([host], flags) => ({
    host: parseHost(String(host)),
    autoTurnoffTimeoutInSec: parseFor(String(flags.for)),
    // Commander collected strings, as flags() says.
    exclusions: (flags.allow as string[]).map(parseAllow),
    waitMs: flags.wait === false ? null : parseTimeoutFlag(flags.timeout),
  }),
  act: isolate,
};

async function isolate(options: IsolateOptions, scene: Scene): Promise<ExitCode> {
  const { client, output } = scene;
  const { autoTurnoffTimeoutInSec, exclusions, waitMs } = options;
  const host = await findHost(client, options.host);
  await client.isolate(host.sensorId, { autoTurnoffTimeoutInSec, exclusions });
  const state = waitMs === null ? null : await waitForIsolation(host, "in-effect", waitMs, scene);
  // Null: not known, because nobody waited or the server does not tell.
  const inEffect = state === null ? null : true;
  const { sensorId, hostName } = host;
  output.answer(
    {
      sensorId,
      hostName,
      autoTurnoffTimeoutInSec,
      exclusions,
      inEffect,
      endsAt: state?.endsAt ?? null,
      detail: state?.detail ?? null,
    },
    () =>
      keyValues([
        ["host", `${hostLabel(host)} (${sensorId})`],
        ["isolation", inEffect === true ? "in effect" : notKnown(waitMs)],
        ["for", formatDuration(autoTurnoffTimeoutInSec)],
        ["ends at", state?.endsAt ?? undefined],
        ["allowed", exclusions.length === 0 ? "the Central Node alone" : exclusions.map(formatExclusion).join(" ")],
        ["host says", state?.detail ?? undefined],
      ]),
  );
  return exitCodes.done;
}

export function notKnown(waitMs: number | null): string {
  return waitMs === null
    ? "ordered; not waited for the host's report"
    : "ordered; this server does not tell whether it is in effect";
}

function parseFor(text: string): number {
  const seconds = parseDurationSec(text);
  if (seconds === null) throw failure("USAGE", `--for must be a duration such as 90m, 2h, 3d or 1h30m, not "${text}"`);
  if (seconds < minSec || seconds > maxSec) {
    throw failure("USAGE", `--for must be from 1h to 9999h (that is 416d 15h), not ${text}`);
  }
  return seconds;
}
