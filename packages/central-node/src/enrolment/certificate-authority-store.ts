import type { Database } from "../database/database.ts";
import type { CertificateAuthorityRow } from "../database/tables.ts";

export const certificateAuthorityStore = {
  /** Newest first. */
  list: (db: Database["read"]): Promise<CertificateAuthorityRow[]> =>
    db.selectFrom("certificate_authorities").selectAll().orderBy("created_at", "desc").orderBy("fingerprint").execute(),

  /** Central Nodes that start together on one database agree on the first one. */
  insertFirst: (database: Database, row: CertificateAuthorityRow): Promise<void> =>
    database.writeInTurn(async (tx) => {
      const known = await tx.selectFrom("certificate_authorities").select("fingerprint").executeTakeFirst();
      if (known === undefined) await tx.insertInto("certificate_authorities").values(row).execute();
    }),
};
