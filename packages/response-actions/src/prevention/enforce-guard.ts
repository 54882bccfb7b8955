/** All that decides, put together: for the guard, and for the supervisor when it stands in. */
import { createDecisions, type Rules } from "./enforce-decisions.ts";
import { digestOfDigests } from "./enforce-deny-set.ts";
import type { GuardState } from "./enforce-guard-messages.ts";
import { kernel, poll } from "./enforce-kernel.ts";
import { createMarks, type MountWatch, type Watch } from "./enforce-marks.ts";
import type { Guarded } from "./enforce-mounts.ts";
import { createSightings, type Sighting } from "./enforce-sightings.ts";

export type Guard = ReturnType<typeof createGuard>;

const pollBytes = 8;
const maxOthers = 1;

export function createGuard({
  groupFd,
  guarded,
  watchBy,
  canary,
  tell,
  alarm,
}: {
  groupFd: number;
  guarded: Guarded;
  watchBy: MountWatch;
  canary: Buffer;
  tell(sighting: Sighting): void;
  alarm(code: string, detail: string): void;
}) {
  const marks = createMarks({ groupFd, guarded, watchBy, onFault: (detail) => alarm("NOT_GUARDED", detail) });
  const sightings = createSightings({
    tell,
    lost: (count) => alarm("BLOCKS_LOST", `${count} denials were too many at once to be told one by one`),
  });
  const decisions = createDecisions({ groupFd, canary, sightings, saw: marks.saw });
  let held: { rules: Rules; digests: GuardState["digests"] } | null = null;
  let watches: Watch[] = [];
  let watchesAsOf = -1;
  let polled = Buffer.alloc(0);

  function setPolled(index: number, { fd, events }: Watch) {
    polled.writeInt32LE(fd, index * pollBytes);
    polled.writeInt16LE(events, index * pollBytes + 4);
    polled.writeInt16LE(0, index * pollBytes + 6);
  }

  return {
    decisions,
    setRules(rules: Rules) {
      const { host, all } = rules.set;
      decisions.setRules(rules);
      marks.set(rules.scripts);
      held = { rules, digests: { host: digestOfDigests(host), all: digestOfDigests(all) } };
    },
    state(): GuardState {
      return {
        digests: held?.digests ?? { host: "", all: "" },
        scripts: held?.rules.scripts ?? false,
        filesystems: marks.filesystems(),
        ...decisions.counts(),
      };
    },

    /** Waits until something happens, no longer than `waitMs`, and looks after it. Reports which of `others` are ready. */
    pass(waitMs: number, others: readonly Watch[]): boolean[] {
      if (watchesAsOf !== marks.changes()) {
        watchesAsOf = marks.changes();
        watches = [{ fd: groupFd, events: poll.in }, ...marks.watches()];
        polled = Buffer.alloc((watches.length + maxOthers) * pollBytes);
        for (const [index, watch] of watches.entries()) setPolled(index, watch);
      }
      for (const [index, other] of others.entries()) setPolled(watches.length + index, other);
      const count = kernel.poll(polled, watches.length + others.length, decisions.isBusy() ? 0 : waitMs);
      const isReady = (index: number) => count > 0 && polled.readInt16LE(index * pollBytes + 6) !== 0;
      // Before anything is answered: what a process mounted before it asks must be marked when it has its answer.
      let isMounted = false;
      for (let index = 1; index < watches.length; index += 1) isMounted ||= isReady(index);
      const ready = others.map((_, index) => isReady(watches.length + index));
      if (isMounted) {
        marks.drain();
        marks.follow();
      }
      decisions.pass();
      return ready;
    },
    /** What is due from time to time, but not at each pass. */
    keep() {
      marks.keep();
      sightings.flush();
    },
    /** Gives up the group after what was taken is answered. Takes as long as the files that are being hashed. */
    retire() {
      while (decisions.isBusy()) decisions.finish();
      sightings.flush({ all: true });
      marks.close();
    },
  };
}
