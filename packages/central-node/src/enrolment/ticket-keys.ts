import { randomBytes } from "node:crypto";
import type { Database } from "../database/database.ts";
import { readOrMakeValue } from "../database/kept-value.ts";

export type TicketKeys = Awaited<ReturnType<typeof createTicketKeys>>;

/** Their life, which is the longest that TLS 1.3 lets a session be resumed. */
const lifeMs = 7 * 86_400_000;
/** As Node takes them. */
const length = 48;
type Kept = { keys: string; until: string };

/**
 * What the tickets of TLS sessions are sealed with: in the database, so that a session is resumed after a restart and by any
 * Central Node, and thrown away after a week, so that what was recorded before cannot be opened by who gets them later.
 */
export async function createTicketKeys({
  database,
  now,
}: {
  database: Pick<Database, "writeInTurn">;
  now: () => Date;
}) {
  let current = await readOrTurnOver();

  async function readOrTurnOver(): Promise<Buffer> {
    const at = now().getTime();
    const value = await readOrMakeValue(database, "tls-ticket-keys", {
      isGood: (kept) => Date.parse((JSON.parse(kept) as Kept).until) > at,
      make: () => {
        const until = new Date(at + lifeMs).toISOString();
        return JSON.stringify({ keys: randomBytes(length).toString("base64"), until } satisfies Kept);
      },
    });
    return Buffer.from((JSON.parse(value) as Kept).keys, "base64");
  }

  return {
    /** For a TLS server's `ticketKeys`. */
    current: (): Buffer => current,
    /** To be called a few times a week: what was turned over here or by another Central Node is taken up. */
    async refresh(): Promise<void> {
      current = await readOrTurnOver();
    },
  };
}
