import { type Database, takesWrites } from "../database/database.ts";
import type { Nudges } from "../hosts/nudges.ts";

export type Health = ReturnType<typeof createHealth>;

const answerWithinMs = 2000;

export function createHealth({ database, nudges }: { database: Database; nudges: Pick<Nudges, "isConnected"> }) {
  let closing = false;

  return {
    /** From now on not ready: a load balancer sends nothing new. */
    startClosing(): void {
      closing = true;
    },
    async check(): Promise<{ ready: boolean; checks: { database: boolean; nudges: boolean; closing: boolean } }> {
      const writable = await Promise.race([
        takesWrites(database),
        new Promise<boolean>((resolve) => setTimeout(resolve, answerWithinMs, false).unref()),
      ]);
      const connected = nudges.isConnected();
      // Without nudges orders still arrive, by the sweep: slower, so it is shown but does not take the node out.
      return { ready: writable && !closing, checks: { database: writable, nudges: connected, closing } };
    },
  };
}
