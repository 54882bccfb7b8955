import type { Owner } from "../../system-tests/src/programs.ts";

/** Ends all that `measure` started, the newest first, whatever came of it. */
export async function asOwner<T>(measure: (owner: Owner) => Promise<T>): Promise<T> {
  const cleanUps: (() => Promise<void> | void)[] = [];
  try {
    return await measure({ after: (cleanUp) => void cleanUps.unshift(cleanUp) });
  } finally {
    for (const cleanUp of cleanUps) await cleanUp();
  }
}
