/** The self-test: a program that is banned for it alone must not run, and one like it must, on a filesystem of its own. */
import { createHash, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createGuard } from "./enforce-guard.ts";
import { createGroup, errorName, fanotify, kernel, mountTmpfs } from "./enforce-kernel.ts";
import type { Supervisor } from "./enforce-supervisor.ts";

export type Probe = { banned: string; harmless: string };

const longestPassMs = 5;

/** `canary`: what must be banned wherever something is decided, SHA-256. */
export function createCanary() {
  const content = (which: string) => `#!/bin/sh\n# ${which} canary of ${id}\nexit 0\n`;
  const id = randomUUID();
  const banned = content("banned");
  return { banned, harmless: content("harmless"), canary: createHash("sha256").update(banned).digest() };
}

/** Sets it up; whoever asked runs both programs, for this thread cannot: it may be the one that decides. */
export function startProbe({
  supervisor,
  content,
}: {
  supervisor: Pick<Supervisor, "group">;
  content: ReturnType<typeof createCanary>;
}): (Probe & { end(): void }) | { why: string } {
  const mount = mountTmpfs();
  if (mount < 0) return { why: `a filesystem for the self-test: ${errorName()}` };
  const folder = `/proc/${process.pid}/fd/${mount}`;
  const probe = { banned: `${folder}/banned`, harmless: `${folder}/harmless` };
  writeFileSync(probe.banned, content.banned, { mode: 0o700 });
  writeFileSync(probe.harmless, content.harmless, { mode: 0o700 });

  const inForce = supervisor.group();
  const group = inForce ?? createGroup();
  if (group < 0) {
    const why = `fanotify_init: ${errorName()}`;
    kernel.close(mount);
    return { why };
  }
  const mask = fanotify.openExecPermission;
  const marked = kernel.fanotifyMark(group, fanotify.add | fanotify.filesystem, mask, mount, ".");
  const why = marked < 0 ? `fanotify_mark: ${errorName()}` : null;
  const stop = why === null && inForce === null ? decide(group, content.canary) : () => {};
  const end = () => {
    stop();
    if (inForce === null) kernel.close(group);
    // With its last descriptor the filesystem is gone.
    kernel.close(mount);
  };
  if (why === null) return { ...probe, end };
  end();
  return { why };
}

/** Without anything in force nobody decides yet, and to start a guard only for this would take longer than the test. */
function decide(groupFd: number, canary: Buffer): () => void {
  const guard = createGuard({ groupFd, guarded: [], watchBy: "mountinfo", canary, tell: () => {}, alarm: () => {} });
  let isOver = false;
  const turn = () => {
    if (isOver) return;
    guard.pass(longestPassMs, []);
    setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    isOver = true;
    guard.retire();
  };
}
