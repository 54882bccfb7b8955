/** One process of a fleet: holds its share of the simulated hosts, and does what the fleet asks over IPC. */

import { lookup } from "node:dns/promises";
import { appendFileSync, readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { parseJoinToken } from "@cordon/contract";
import { type Clock, createHostClock, enrol, type Identity } from "@cordon/endpoint-agent";
import type { Answered, Answers, Asked, AwaitedOrder, Call, FleetCounts, WorkerSetUp } from "./fleet-messages.ts";
import { hostNameOf, simulatedFacts } from "./simulated-facts.ts";
import { createSimulatedHost, type SimulatedHost } from "./simulated-host.ts";

// A server on the same machine comes first: agents have machines of their own.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const enrolAtOnce = 16;
const keptLatencies = 10_000;
const slowReadMs = 1000;
const flakyEveryMs = 20_000;

const hostClock = createHostClock();
const startedBootMs = hostClock.bootMs() - performance.now();
/** Node reads a file each time that it is asked for the time since the boot: thousands of hosts in one process ask it often. */
const clock: Clock = { ...hostClock, bootMs: () => Math.round(startedBootMs + performance.now()) };
const hosts: SimulatedHost[] = [];
const latenciesMs: number[] = [];
let reportsAcknowledged = 0;
let setUp: WorkerSetUp | null = null;
type Awaited = { key: string; order: AwaitedOrder; missing: Set<SimulatedHost>; ms: number[] };
let awaited: Awaited | null = null;

process.on("message", ({ number, call }: Asked) => {
  answer(call).then(
    (value) => process.send?.({ number, answer: value } satisfies Answered),
    ({ message, ...more }: Error) => {
      const error = { message, code: "code" in more ? String(more.code) : null };
      process.send?.({ number, error } satisfies Answered);
    },
  );
});
// The fleet's process is gone, whatever ended it.
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group; the fleet ends its processes in good order.
process.on("SIGINT", () => {});

async function answer(call: Call): Promise<Answers[Call["what"]]> {
  switch (call.what) {
    case "set-up":
      return prepare(call.setUp);
    case "start":
      return startAll();
    case "counts":
      return count();
    case "latencies":
      return latenciesMs;
    case "cut":
      return firstOf(call.share).filter((host) => host.cut()).length;
    case "set-offline": {
      const away = new Set(firstOf(call.share));
      await Promise.all(hosts.map((host) => host.setOffline(away.has(host))));
      return null;
    }
    case "acknowledgements": {
      const { missing, ms } = awaitOrder(call.order);
      return { missing: missing.size, ms: missing.size === 0 ? ms : [] };
    }
    case "holds":
      return hosts.map((host) => host.holds());
    case "cost": {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, residentBytes: process.memoryUsage.rss() };
    }
    case "close":
      await Promise.all(hosts.map((host) => host.close()));
      return null;
  }
}

/** The same order is asked about many times a second while it is on its way: thousands of hosts are looked at once. */
function awaitOrder(order: AwaitedOrder): Awaited {
  const key = JSON.stringify(order);
  if (awaited?.key !== key) {
    const wanted = order.hosts === undefined ? null : new Set(order.hosts);
    const asked = hosts.filter(({ sensorId }) => wanted?.has(sensorId) ?? true);
    awaited = { key, order, missing: new Set(asked), ms: [] };
    for (const host of asked) noteAwaited(host);
  }
  return awaited;
}

function noteAwaited(host: SimulatedHost) {
  if (awaited?.missing.has(host) !== true) return;
  const ms = host.acknowledgedMs(awaited.order);
  if (ms === null) return;
  awaited.missing.delete(host);
  awaited.ms.push(ms);
}

const firstOf = (share: number) => hosts.slice(0, Math.round(hosts.length * share));

async function prepare(given: WorkerSetUp): Promise<string[]> {
  setUp = given;
  const numbers: number[] = [];
  for (let number = given.index; number < given.hosts; number += given.processes) numbers.push(number);
  const lines =
    given.identities === null || given.known === 0 ? [] : readFileSync(given.identities, "utf8").split("\n");
  const identities = new Map<number, Identity>();
  // Only the fleet writes this file.
  for (const at of numbers) if (at < given.known) identities.set(at, JSON.parse(lines[at] ?? "") as Identity);

  const missing = numbers.filter((number) => number >= given.known);
  const enrolNext = async () => {
    for (let at = missing.shift(); at !== undefined; at = missing.shift())
      identities.set(at, await enrolOne(given, at));
  };
  await Promise.all(Array.from({ length: enrolAtOnce }, enrolNext));

  const targets = await Promise.all(
    given.servers.map(async (server) => {
      const { hostname, port } = new URL(`https://${server}`);
      const { address } = await lookup(hostname.replace(/^\[|\]$/g, ""));
      return { address, port: Number(port || 443) };
    }),
  );
  const skewMs = (given.behaviour.clockSkewSec ?? 0) * 1000;
  for (const [number, identity] of identities) {
    const offsetMs = Math.round((Math.random() * 2 - 1) * skewMs);
    const turn = number % targets.length;
    const host: SimulatedHost = createSimulatedHost({
      identity,
      // Each begins with another one, so that a fleet spreads over the nodes.
      targets: [...targets.slice(turn), ...targets.slice(0, turn)],
      hostName: hostNameOf(number),
      clock: { ...clock, wallMs: () => clock.wallMs() + offsetMs },
      onAcknowledged(latencyMs) {
        noteAwaited(host);
        reportsAcknowledged += 1;
        latenciesMs.push(latencyMs);
        if (latenciesMs.length > keptLatencies) latenciesMs.shift();
      },
    });
    hosts.push(host);
  }
  for (const host of firstOf(given.behaviour.offlineShare ?? 0)) await host.setOffline(true, false);
  return hosts.map(({ sensorId }) => sensorId);
}

async function enrolOne({ servers, token, identities }: WorkerSetUp, number: number): Promise<Identity> {
  const server = servers[number % servers.length];
  if (server === undefined || token === null) throw new Error("a join token is needed to enrol further hosts");
  const identity = await enrol({
    server,
    token: parseJoinToken(token),
    facts: (towards) => simulatedFacts(hostNameOf(number), towards),
  });
  // One write of one line: other processes append to the same file.
  if (identities !== null) appendFileSync(identities, `${JSON.stringify(identity)}\n`, { mode: 0o600 });
  return identity;
}

async function startAll(): Promise<null> {
  const perSec = setUp?.connectPerSec ?? null;
  const { slowShare = 0, flakyShare = 0 } = setUp?.behaviour ?? {};
  for (const [at, host] of hosts.entries()) {
    await host.start();
    if (perSec !== null) await new Promise<void>((resolve) => clock.after(1000 / perSec, resolve));
    // From the end on: those at the front are the ones that are offline.
    const fromEnd = hosts.length - 1 - at;
    if (fromEnd < hosts.length * slowShare) readSlowly(host);
    else if (fromEnd < hosts.length * (slowShare + flakyShare)) dropAtRandom(host);
  }
  return null;
}

/** Reads for a moment, then nothing for a second, over and over. */
function readSlowly(host: SimulatedHost) {
  const socket = host.agent.link.socket();
  if (host.isConnected() && socket !== null) {
    socket.pause();
    clock.after(slowReadMs, () => socket.resume());
  }
  clock.after(slowReadMs + 50, () => readSlowly(host));
}

function dropAtRandom(host: SimulatedHost) {
  clock.after(Math.random() * 2 * flakyEveryMs, () => {
    host.cut();
    dropAtRandom(host);
  });
}

function count(): FleetCounts {
  const sum = (of: (host: SimulatedHost) => number) => hosts.reduce((total, host) => total + of(host), 0);
  const connected = sum((host) => Number(host.isConnected()));
  const connects = sum((host) => host.connects());
  const askedEnds = sum((host) => host.askedEnds());
  return {
    hosts: hosts.length,
    connected,
    offline: sum((host) => Number(host.isOffline())),
    connects,
    // A cut takes a moment to be noticed on this side.
    disconnects: Math.max(0, connects - connected - askedEnds),
    removed: sum((host) => Number(host.wasRemoved())),
    reportsAcknowledged,
    reportsWaiting: sum((host) => host.reportsWaiting()),
    tasksStarted: sum((host) => host.tasksStarted()),
  };
}
