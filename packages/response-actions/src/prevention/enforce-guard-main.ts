/**
 * The guard: a process of its own, so that neither the agent's work nor its end holds up the programs of the host. The
 * supervisor hands it the group (descriptor 3), a socket to speak over (4) and a file for what nobody is there to hear (5).
 * Once it decides it opens nothing but /proc: what it opened elsewhere, it would have to answer itself.
 */
import { createHash } from "node:crypto";
import { flushCompileCache } from "node:module";
import { setPriority } from "node:os";
import { createDeadMan } from "./enforce-dead-man.ts";
import { unpackDenySet } from "./enforce-deny-set.ts";
import { createFrameReader, encodeFrame } from "./enforce-frames.ts";
import { createGuard, type Guard } from "./enforce-guard.ts";
import type { FromGuard, ToGuard } from "./enforce-guard-messages.ts";
import { kernel, poll } from "./enforce-kernel.ts";
import { collectRubbish } from "./enforce-memory.ts";

const [groupFd, socketFd, spoolFd] = [3, 4, 5];
const aliveEveryMs = 250;
/** Longer than the supervisor's patience: it comes first where there is one. */
const diesAfterSec = 5;
const maxUnsentBytes = 1024 * 1024;
const maxSpoolBytes = 1024 * 1024;

const deadMan = createDeadMan({ afterSec: diesAfterSec });
let guard: Guard | null = null;
let unsent: Buffer[] = [];
let unsentBytes = 0;
/** The supervisor is gone. What is in force stays in force. */
let isAlone = false;
let spooledBytes = 0;
/** Of rules that were replaced, and of the messages that brought new ones. */
let isRubbishLeft = false;

function send(message: FromGuard) {
  if (isAlone) return spool(message);
  const frame = encodeFrame(message);
  // A supervisor that is stopped must not stop the guard too.
  if (unsentBytes + frame.length > maxUnsentBytes) return spool(message);
  unsent.push(frame);
  unsentBytes += frame.length;
  flush();
}

function flush() {
  const dontWait = 0x40 | 0x4000;
  while (unsent.length > 0) {
    const [first = Buffer.alloc(0), ...rest] = unsent;
    const sent = kernel.send(socketFd, first, first.length, dontWait);
    if (sent <= 0) return;
    unsentBytes -= sent;
    unsent = sent === first.length ? rest : [first.subarray(sent), ...rest];
  }
}

function spool(message: FromGuard) {
  if (message.type !== "sighting" || spooledBytes > maxSpoolBytes) return;
  const line = Buffer.from(`${JSON.stringify(message.sighting)}\n`);
  spooledBytes += kernel.write(spoolFd, line, line.length);
}

const reader = createFrameReader<ToGuard>(({ message, bytes }) => {
  switch (message.type) {
    case "start":
      guard = createGuard({
        groupFd,
        guarded: message.guarded,
        watchBy: message.watchBy,
        canary: Buffer.from(message.canary, "hex"),
        tell: (sighting) => send({ type: "sighting", sighting }),
        alarm: (code, detail) => send({ type: "alarm", code, detail }),
      });
      guard.decisions.setTrusted(message.trusted);
      if (message.hasLeftovers) guard.decisions.denyLeftovers();
      return;
    case "rules":
      guard?.setRules({
        // A copy of its own: the frame's buffer may be far bigger.
        set: unpackDenySet({ lengths: message.lengths, bytes: Buffer.from(bytes) }),
        scripts: message.scripts,
      });
      isRubbishLeft = true;
      if (guard !== null) send({ type: "state", id: message.id, state: guard.state() });
      return;
    case "trust":
      guard?.decisions.setTrusted(message.pids);
      return;
    case "state":
      if (guard !== null) send({ type: "state", id: message.id, state: guard.state() });
      return;
  }
});

const input = Buffer.allocUnsafeSlow(256 * 1024);
function receive() {
  for (;;) {
    const length = kernel.read(socketFd, input, input.length);
    if (length < 0) return;
    if (length === 0) {
      isAlone = true;
      return;
    }
    reader.push(Buffer.from(input.subarray(0, length)));
  }
}

function warmUp() {
  // The first use of each of these loads something.
  createHash("sha256").update("warm").digest("hex");
  createHash("md5").update("warm").digest();
  encodeFrame({ type: "alive" });
  new Date().toISOString();
  // Node writes it as it exits, and a guard is always killed. The next one starts faster, and in less memory.
  flushCompileCache();
}

function run(): never {
  const [setFlags, nonBlocking] = [4, 0o4000];
  kernel.fcntl(socketFd, setFlags, nonBlocking);
  // The kernel says with it that a writer waits for a file that is being looked at; that ends by itself.
  const [leaseBroken, ignore] = [29, 1n];
  kernel.signal(leaseBroken, ignore);
  warmUp();
  // Everybody waits for it.
  setPriority(-15);
  send({ type: "ready" });
  let nextAlive = 0;
  for (;;) {
    if (performance.now() >= nextAlive) {
      nextAlive = performance.now() + aliveEveryMs;
      deadMan.putOff();
      guard?.keep();
      if (isRubbishLeft) collectRubbish();
      isRubbishLeft = false;
      if (!isAlone) send({ type: "alive" });
    }
    const socket = { fd: isAlone ? -1 : socketFd, events: poll.in | (unsent.length > 0 ? poll.out : 0) };
    if (guard === null) waitForSocket(socket.fd);
    const [isSocketReady] = guard?.pass(aliveEveryMs, [socket]) ?? [true];
    if (isSocketReady) {
      flush();
      receive();
      // Nobody told it what to do, and nobody will.
      if (isAlone && guard === null) process.exit(1);
    }
  }
}

const single = Buffer.alloc(8);
function waitForSocket(fd: number) {
  single.writeInt32LE(fd, 0);
  single.writeInt16LE(poll.in, 4);
  kernel.poll(single, 1, aliveEveryMs);
}

try {
  run();
} catch (error) {
  send({ type: "fault", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  process.exit(1);
}
