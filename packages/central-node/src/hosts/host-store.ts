import { sql } from "kysely";
import { compileOnce, rowOf } from "../database/compile-once.ts";
import type { Database, Reader, Tx } from "../database/database.ts";
import { listOf, tableOf } from "../database/json-list.ts";
import type { HostRow } from "../database/tables.ts";

export type HostFilter = { address?: string; hostName?: string; sensorId?: string; sensorIds?: readonly string[] };

const findById = compileOnce((db, { sensorId }: { sensorId: string }) =>
  db.selectFrom("hosts").selectAll().where("sensor_id", "=", sensorId),
);
const columns = {
  ...{ sensor_id: true, host_name: true, ip_addresses: true, os_family: true, os_name: true, agent_version: true },
  ...{ capabilities: true, journal_id: true, enrolled_at: true, last_access_at: true },
};
const insertOne = compileOnce((db, row: HostRow) => db.insertInto("hosts").values(rowOf(row, columns)));
const insertAddress = compileOnce((db, { sensorId, address }: { sensorId: string; address: string }) =>
  db.insertInto("host_addresses").values({ sensor_id: sensorId, address }),
);

export const hostStore = {
  async insert(tx: Tx, row: HostRow, addresses: string[]): Promise<void> {
    await insertOne(tx, row);
    await insertAddresses(tx, row.sensor_id, addresses);
  },

  async update(tx: Tx, sensorId: string, facts: Partial<HostRow>, addresses: string[]): Promise<void> {
    const updated = await tx.updateTable("hosts").set(facts).where("sensor_id", "=", sensorId).executeTakeFirst();
    // Removed meanwhile: its addresses must not come back without it.
    if (updated.numUpdatedRows === 0n) return;
    await tx.deleteFrom("host_addresses").where("sensor_id", "=", sensorId).execute();
    await insertAddresses(tx, sensorId, addresses);
  },

  async setJournal(tx: Tx, sensorId: string, journalId: string): Promise<void> {
    await tx.updateTable("hosts").set({ journal_id: journalId }).where("sensor_id", "=", sensorId).execute();
  },

  /**
   * One statement for all. A host that moved here from another Central Node may be known there to be newer: time only rises.
   * Returns how many were written.
   */
  async setLastAccess(
    tx: Tx,
    kind: Database["kind"],
    contacts: readonly { sensor_id: string; at: string }[],
  ): Promise<number> {
    const given = tableOf(kind, { sensor_id: "text", at: "text" }, contacts);
    const written = await sql`
      update hosts set last_access_at = given.at from ${given} as given
      where hosts.sensor_id = given.sensor_id and hosts.last_access_at < given.at`.execute(tx);
    return Number(written.numAffectedRows ?? 0);
  },

  /** Those of `sensorIds` that are there. */
  async listKnown(db: Reader, kind: Database["kind"], sensorIds: readonly string[]): Promise<Set<string>> {
    const rows = await db
      .selectFrom("hosts")
      .select("sensor_id")
      .where("sensor_id", "in", listOf(kind, sensorIds))
      .execute();
    return new Set(rows.map((row) => row.sensor_id));
  },

  async find(db: Reader | Tx, sensorId: string): Promise<HostRow | undefined> {
    return (await findById(db, { sensorId }))[0];
  },

  listInactive: (db: Reader, since: string): Promise<HostRow[]> =>
    db.selectFrom("hosts").selectAll().where("last_access_at", "<", since).orderBy("last_access_at").execute(),

  list(db: Reader, filter: HostFilter): Promise<HostRow[]> {
    // One host by its ID is what external systems ask for most.
    const { sensorId, ...others } = filter;
    if (sensorId !== undefined && Object.keys(others).length === 0) return findById(db, { sensorId });
    let query = db.selectFrom("hosts").selectAll("hosts");
    if (filter.sensorId !== undefined) query = query.where("hosts.sensor_id", "=", filter.sensorId);
    if (filter.sensorIds !== undefined) {
      // `in ()` is no SQL, and no host has an empty ID.
      query = query.where("hosts.sensor_id", "in", filter.sensorIds.length === 0 ? [""] : filter.sensorIds);
    }
    if (filter.hostName !== undefined) query = query.where("hosts.host_name", "=", filter.hostName);
    if (filter.address !== undefined) {
      query = query
        .innerJoin("host_addresses", "host_addresses.sensor_id", "hosts.sensor_id")
        .where("host_addresses.address", "=", filter.address);
    }
    return query.orderBy("hosts.host_name").orderBy("hosts.sensor_id").execute();
  },

  async delete(tx: Tx, sensorId: string): Promise<void> {
    await tx.deleteFrom("host_addresses").where("sensor_id", "=", sensorId).execute();
    await tx.deleteFrom("hosts").where("sensor_id", "=", sensorId).execute();
  },
};

async function insertAddresses(tx: Tx, sensorId: string, addresses: string[]): Promise<void> {
  const [address, ...others] = new Set(addresses);
  if (address === undefined) return;
  if (others.length === 0) return void (await insertAddress(tx, { sensorId, address }));
  const rows = [address, ...others].map((each) => ({ sensor_id: sensorId, address: each }));
  await tx.insertInto("host_addresses").values(rows).execute();
}
