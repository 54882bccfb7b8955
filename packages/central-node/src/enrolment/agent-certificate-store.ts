import type { Reader, Tx } from "../database/database.ts";

export type AgentCertificate = { fingerprint: string; sensorId: string; issuedAt: string; notAfter: string };

/** A host has certificates here as long as it is enrolled: removing it deletes them in the same transaction. */
export const agentCertificateStore = {
  async insert(tx: Tx, certificate: AgentCertificate): Promise<void> {
    const { fingerprint, sensorId, issuedAt, notAfter } = certificate;
    await tx
      .insertInto("agent_certificates")
      .values({ fingerprint, sensor_id: sensorId, issued_at: issuedAt, not_after: notAfter })
      .execute();
  },

  async isKnown(db: Reader, fingerprint: string, sensorId: string): Promise<boolean> {
    const row = await db
      .selectFrom("agent_certificates")
      .select("sensor_id")
      .where("fingerprint", "=", fingerprint)
      .executeTakeFirst();
    return row?.sensor_id === sensorId;
  },

  /** Newest first. */
  async fingerprintsOf(db: Reader, sensorId: string): Promise<string[]> {
    const rows = await db
      .selectFrom("agent_certificates")
      .select("fingerprint")
      .where("sensor_id", "=", sensorId)
      .orderBy("issued_at", "desc")
      .orderBy("fingerprint")
      .execute();
    return rows.map((row) => row.fingerprint);
  },

  async delete(tx: Tx, fingerprints: string[]): Promise<void> {
    if (fingerprints.length === 0) return;
    await tx.deleteFrom("agent_certificates").where("fingerprint", "in", fingerprints).execute();
  },

  async deleteOfHost(tx: Tx, sensorId: string): Promise<void> {
    await tx.deleteFrom("agent_certificates").where("sensor_id", "=", sensorId).execute();
  },
};
