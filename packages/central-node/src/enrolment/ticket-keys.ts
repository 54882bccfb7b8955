import { randomBytes } from "node:crypto";
import type { Database } from "../database/database.ts";

export type TicketKeys = Awaited<ReturnType<typeof createTicketKeys>>;

/** Their life, which is the longest that TLS 1.3 lets a session be resumed. */
const lifeMs = 7 * 86_400_000;
/** As Node takes them. */
const length = 48;
const key = "tls-ticket-keys";

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

  function readOrTurnOver(): Promise<Buffer> {
    return database.writeInTurn(async (tx) => {
      const row = await tx.selectFrom("meta").select("value").where("key", "=", key).executeTakeFirst();
      const at = now().getTime();
      if (row !== undefined) {
        const { keys, until } = JSON.parse(row.value) as { keys: string; until: string };
        if (Date.parse(until) > at) return Buffer.from(keys, "base64");
      }
      const fresh = randomBytes(length);
      const value = JSON.stringify({ keys: fresh.toString("base64"), until: new Date(at + lifeMs).toISOString() });
      await tx
        .insertInto("meta")
        .values({ key, value })
        .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
        .execute();
      return fresh;
    });
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
