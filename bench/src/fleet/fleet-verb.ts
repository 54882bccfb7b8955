import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { exitCodes, failure, formatDuration, keyValues, type Output, type Verb } from "@cordon/terminal";
import { quantile } from "../distribution.ts";
import { type Fleet, hostsPerProcess, startFleet } from "./fleet.ts";

type Options = Parameters<typeof startFleet>[0] & { durationSec: number | null; stormEverySec: number | null };

const progressEveryMs = 3000;
/** Until all are connected: from then on time is kept. */
const connectingEveryMs = 500;
/** Files that a process has open beside its hosts' sockets. */
const otherFiles = 100;

export function fleetVerb(): Verb<Options> {
  return {
    words: "run",
    summary: "simulate hosts: the real agent, many times, against a Central Node",
    description:
      "Each host enrols, connects over mutual TLS, takes orders and reports them, but only remembers what it should do. Point it only at a server of your own: the hosts stay enrolled there.",
    examples: [
      ["npm run fleet -- --hosts 100 --server central.example:443 --token cordon1.…"],
      ["npm run fleet -- --hosts 15000 --server central.example:443 --identities ./identities --duration 10m"],
    ],
    flags: (command) =>
      command
        // The program puts the verb's name in by itself.
        .configureHelp({ ...command.configureHelp(), commandUsage: () => "npm run fleet -- [options]" })
        .option("--hosts <count>", "how many hosts")
        .option("--server <host:port...>", "where the Central Nodes are; hosts spread over several")
        .option("--token <token>", "join token with a use for each new host: cordon-server join-token create --uses")
        .option("--identities <folder>", "keep the hosts' keys here, so that the next run enrols nobody")
        .option("--processes <count>", "how many processes share the hosts (default: one for 5,000)")
        .option(
          "--duration <time>",
          "how long to stay once all are connected, such as 90s, 10m or 1h (default: until Ctrl-C)",
        )
        .option("--slow <share>", "hosts that read slowly, such as 5%")
        .option("--flaky <share>", "hosts that lose their link at random")
        .option("--offline <share>", "hosts that do not connect")
        .option("--clock-skew <sec>", "hosts' clocks are wrong by up to this")
        .option("--storm-every <sec>", "cut all links at once, over and over")
        .option("--connect-per-sec <count>", "first connections a second (default: as fast as they come)"),
    parse: (_words, flags) => parse(flags),
    act: run,
  };
}

function parse(flags: Record<string, unknown>): Options {
  const number = (name: string, key: string, least: number): number | null => {
    if (flags[key] === undefined) return null;
    const value = Number(flags[key]);
    if (Number.isInteger(value) && value >= least) return value;
    throw failure("USAGE", `${name} must be a whole number of at least ${least}`);
  };
  const share = (name: string): number => {
    const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(String(flags[name] ?? "0%")) ?? [];
    if (percent !== undefined && Number(percent) <= 100) return Number(percent) / 100;
    throw failure("USAGE", `--${name} must be a share such as 5%`);
  };
  const hosts = number("--hosts", "hosts", 1);
  if (hosts === null) throw failure("USAGE", "--hosts is missing: how many hosts to simulate");
  const servers = (flags.server ?? []) as string[];
  if (servers.length === 0) throw failure("USAGE", "--server is missing: host:port of the Central Node");
  const bad = servers.find((server) => !/^[^/\s]+:\d+$/.test(server));
  if (bad !== undefined) throw failure("USAGE", `--server must be host:port, not ${bad}`);
  if (flags.token === undefined && flags.identities === undefined) {
    throw failure("USAGE", "--token is missing: new hosts enrol with it", {
      advice: `Make one: cordon-server join-token create --uses ${hosts}`,
    });
  }
  const processes = number("--processes", "processes", 1) ?? Math.ceil(hosts / hostsPerProcess);
  const connectPerSec = number("--connect-per-sec", "connectPerSec", 1);
  return {
    hosts,
    servers,
    processes,
    ...(flags.token === undefined ? {} : { token: String(flags.token) }),
    ...(flags.identities === undefined ? {} : { identities: String(flags.identities) }),
    ...(connectPerSec === null ? {} : { connectPerSec }),
    behaviour: {
      slowShare: share("slow"),
      flakyShare: share("flaky"),
      offlineShare: share("offline"),
      clockSkewSec: number("--clock-skew", "clockSkew", 0) ?? 0,
    },
    durationSec: flags.duration === undefined ? null : parseDuration(String(flags.duration)),
    stormEverySec: number("--storm-every", "stormEvery", 1),
  };
}

function parseDuration(text: string): number {
  const [, count, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (count === undefined) throw failure("USAGE", "--duration must look like 90s, 10m or 1h");
  return Number(count) * (unit === "h" ? 3600 : unit === "m" ? 60 : 1);
}

async function run(options: Options, output: Output) {
  checkOpenFiles(Math.ceil(options.hosts / (options.processes ?? 1)));
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  const stopped = new Promise<null>((resolve) =>
    interrupted.signal.addEventListener("abort", () => resolve(null), { once: true }),
  );
  const progress = output.progress("the hosts get their identities");
  try {
    const fleet = await Promise.race([startFleet(options), stopped]);
    if (fleet === null) throw failure("FAILED", "interrupted before all hosts were enrolled");
    try {
      const since = performance.now();
      let connectedMs: number | null = null;
      let nextStormMs = Number.POSITIVE_INFINITY;
      let storms = 0;
      const stormEveryMs = (options.stormEverySec ?? Number.POSITIVE_INFINITY) * 1000;
      const connecting = fleet.connect().then(() => {
        connectedMs = performance.now() - since;
        // A storm is of hosts that were all there for that long.
        nextStormMs = performance.now() + stormEveryMs;
      });
      let failed = false;
      connecting.catch(() => {
        failed = true;
        interrupted.abort();
      });
      const leftMs = () =>
        options.durationSec === null || connectedMs === null
          ? Number.POSITIVE_INFINITY
          : since + connectedMs + options.durationSec * 1000 - performance.now();
      while (!interrupted.signal.aborted && leftMs() > 0) {
        const { connected, hosts, offline, disconnects, reportsAcknowledged } = await fleet.counts();
        const away = offline === 0 ? "" : `, ${offline} offline`;
        progress.update(
          `${connected} of ${hosts} connected${away}, ${disconnects} disconnects, ${reportsAcknowledged} reports acknowledged`,
        );
        if (performance.now() >= nextStormMs) {
          nextStormMs += stormEveryMs;
          storms += 1;
          await fleet.cut();
        }
        const everyMs = connectedMs === null ? connectingEveryMs : progressEveryMs;
        const waitMs = Math.max(100, Math.min(everyMs, leftMs(), nextStormMs - performance.now()));
        await wait(waitMs, null, { signal: interrupted.signal }).catch(() => {});
      }
      const summary = { ...(await summarise(fleet, connectedMs)), storms };
      progress.end();
      output.answer(summary, () => describe(summary));
      if (failed) throw failure("TIMED_OUT", "not all hosts could connect");
    } finally {
      await fleet.close();
    }
  } finally {
    progress.end();
  }
  return exitCodes.done;
}

/** Node has raised its own limit as far as it may. */
function checkOpenFiles(hostsInProcess: number) {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
  if (limit === undefined || Number(limit) >= hostsInProcess + otherFiles) return;
  throw failure("FAILED", `a process may open ${limit} files, and would need ${hostsInProcess + otherFiles}`, {
    advice: `Raise it (ulimit -n ${hostsInProcess + otherFiles}), or share the hosts among more --processes.`,
  });
}

async function summarise(fleet: Fleet, connectedMs: number | null) {
  const [counts, latenciesMs] = [await fleet.counts(), await fleet.latenciesMs()];
  const { cpuMs, residentBytes } = await fleet.cpu();
  const at = (share: number) => (latenciesMs.length === 0 ? null : Math.round(quantile(latenciesMs, share)));
  return {
    ...counts,
    /** Until all that are not offline were connected; null: they never were. */
    allConnectedMs: connectedMs === null ? null : Math.round(connectedMs),
    reportP50Ms: at(0.5),
    reportP99Ms: at(0.99),
    /** Enrolment included, where there was one. */
    cpuMsPerHost: Number((cpuMs / counts.hosts).toFixed(2)),
    residentKbPerHost: Math.round(residentBytes / 1024 / counts.hosts),
  };
}

function describe(summary: Awaited<ReturnType<typeof summarise>> & { storms: number }): string {
  const { allConnectedMs, reportP50Ms, reportP99Ms } = summary;
  return keyValues([
    ["hosts", `${summary.hosts}, ${summary.offline} of them offline`],
    ["connected at the end", summary.connected],
    ["all connected after", allConnectedMs === null ? "never" : formatDuration(allConnectedMs / 1000)],
    ["connects", summary.connects],
    ["storms", summary.storms],
    ["disconnects", summary.disconnects],
    ["removed", summary.removed],
    ["reports", `${summary.reportsAcknowledged} acknowledged, ${summary.reportsWaiting} waiting`],
    ["report to acknowledgement", reportP50Ms === null ? null : `p50 ${reportP50Ms} ms, p99 ${reportP99Ms} ms`],
    ["programs started", summary.tasksStarted],
    ["simulator", `${summary.cpuMsPerHost} ms CPU and ${summary.residentKbPerHost} KB of memory a host`],
  ]);
}
