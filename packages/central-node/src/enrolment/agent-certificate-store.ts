import { compileOnce } from "../database/compile-once.ts";
import type { Reader, Tx } from "../database/database.ts";

export type AgentCertificate = { fingerprint: string; sensorId: string; issuedAt: string; notAfter: string };

const insertOne = compileOnce((db, { fingerprint, sensorId, issuedAt, notAfter }: AgentCertificate) =>
  db
    .insertInto("agent_certificates")
    .values({ fingerprint, sensor_id: sensorId, issued_at: issuedAt, not_after: notAfter }),
);
const findHost = compileOnce((db, { fingerprint }: { fingerprint: string }) =>
  db.selectFrom("agent_certificates").select("sensor_id").where("fingerprint", "=", fingerprint),
);

/** A host has certificates here as long as it is enrolled: removing it deletes them in the same transaction. */
export const agentCertificateStore = {
  async insert(tx: Tx, certificate: AgentCertificate): Promise<void> {
    const { fingerprint, sensorId, issuedAt, notAfter } = certificate;
    await insertOne(tx, { fingerprint, sensorId, issuedAt, notAfter });
  },

  async isKnown(db: Reader, fingerprint: string, sensorId: string): Promise<boolean> {
    const [row] = await findHost(db, { fingerprint });
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
