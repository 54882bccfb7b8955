import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { NetworkIsolationWish } from "@cordon/response-actions";
import type { Effect, SettingEnforcer } from "@cordon/response-actions/enforcers";

type Stored = { wish: NetworkIsolationWish; endsAtMs: number | null };

/**
 * Isolation as a file, for hosts that are the machine of the test: a rename is as atomic as nft's transaction, the end is
 * by the clock, and what is reported is read back. Each call is a line in `<file>.log`.
 */
export function createFileIsolationEnforcer(file: string): SettingEnforcer<NetworkIsolationWish, never> {
  return {
    async ability() {
      return { able: true };
    },
    async enforce({ wish, remainingSec }) {
      appendFileSync(`${file}.log`, `${wish === null ? "lift" : wish.autoTurnoffTimeoutInSec}\n`);
      if (wish === null) {
        rmSync(file, { force: true });
      } else {
        const stored: Stored = { wish, endsAtMs: remainingSec === null ? null : Date.now() + remainingSec * 1000 };
        writeFileSync(`${file}.new`, JSON.stringify(stored));
        renameSync(`${file}.new`, file);
      }
      return readBack(file);
    },
    readBack: async () => readBack(file),
    async close() {},
  };
}

/** The isolation's own time in seconds, which the tests use as its name; null: not isolated. */
export function isolatedFor(file: string): number | null {
  return readStored(file)?.wish.autoTurnoffTimeoutInSec ?? null;
}

function readBack(file: string): Effect<never> {
  const stored = readStored(file);
  if (stored === null) return { state: "lifted" };
  const { wish, endsAtMs } = stored;
  return {
    state: "in-effect",
    detail: `a file, for ${wish.autoTurnoffTimeoutInSec} s`,
    remainingSec: endsAtMs === null ? null : (endsAtMs - Date.now()) / 1000,
  };
}

function readStored(file: string): Stored | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  // Only `enforce` writes it, by a rename: it is whole or not there.
  const stored = JSON.parse(text) as Stored;
  return stored.endsAtMs !== null && stored.endsAtMs <= Date.now() ? null : stored;
}
