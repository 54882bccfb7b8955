import { type HostFacts, Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { HostRow } from "../database/tables.ts";
import { cleanText } from "../text/clean-text.ts";
import { type HostFilter, hostStore } from "./host-store.ts";
import type { Nudges } from "./nudges.ts";

export type Host = {
  sensorId: string;
  hostName: string;
  /** The first is the one towards the Central Node. */
  ipAddresses: string[];
  osFamily: HostFacts["osFamily"];
  osName: string;
  agentVersion: string;
  capabilities: string[];
  journalId: string | null;
  enrolledAt: string;
  lastAccessAt: string;
};

export type HostService = ReturnType<typeof createHostService>;

export function createHostService({
  database,
  audit,
  nudges,
  changes,
  now,
}: {
  database: Database;
  audit: AuditLog;
  nudges: Pick<Nudges, "nudge">;
  changes: Pick<Changes, "tell">;
  now: () => Date;
}) {
  /** Contacts not yet written: by sensor ID, ISO time. */
  const contacts = new Map<string, string>();
  const onRemoved: ((tx: Tx, sensorId: string) => Promise<void>)[] = [];

  function present(row: HostRow): Host {
    return {
      sensorId: row.sensor_id,
      hostName: row.host_name,
      ipAddresses: JSON.parse(row.ip_addresses),
      osFamily: row.os_family,
      osName: row.os_name,
      agentVersion: row.agent_version,
      capabilities: JSON.parse(row.capabilities),
      journalId: row.journal_id,
      enrolledAt: row.enrolled_at,
      lastAccessAt: contacts.get(row.sensor_id) ?? row.last_access_at,
    };
  }

  /** With `onlyBefore`, only a host that was not heard of since. Returns whether it was removed. */
  async function remove(sensorId: string, actor: Actor, onlyBefore: string | null): Promise<boolean> {
    const removed = await database.writeInTurn(async (tx) => {
      const row = await hostStore.find(tx, sensorId);
      if (row === undefined) throw new Problem("NOT_FOUND", { message: `there is no host ${sensorId}` });
      if (onlyBefore !== null && row.last_access_at >= onlyBefore) return false;
      for (const forget of onRemoved) await forget(tx, sensorId);
      await hostStore.delete(tx, sensorId);
      await audit.append(tx, {
        actor,
        action: "host.remove",
        object: sensorId,
        result: "done",
        detail: {
          hostName: row.host_name,
          ...(onlyBefore === null ? {} : { reason: "inactive", lastAccessAt: row.last_access_at }),
        },
      });
      return true;
    });
    if (!removed) return false;
    contacts.delete(sensorId);
    nudges.nudge({ target: sensorId, about: "removal" });
    changes.tell("hosts", sensorId);
    for (const topic of ["isolation-rules", "prevention-rules", "tasks"] as const) changes.tell(topic);
    return true;
  }

  return {
    /** Takes part in the enrolment's transaction. */
    async register(tx: Tx, { sensorId, facts, at }: { sensorId: string; facts: HostFacts; at: string }): Promise<void> {
      const { columns, addresses } = columnsOf(facts);
      const row = { sensor_id: sensorId, ...columns, journal_id: null, enrolled_at: at, last_access_at: at };
      await hostStore.insert(tx, row, addresses);
    },

    /** Lets another slice clear what it keeps of a host, in the transaction that removes it. */
    whenRemoved(forget: (tx: Tx, sensorId: string) => Promise<void>): void {
      onRemoved.push(forget);
    },

    async list(filter: HostFilter = {}): Promise<Host[]> {
      // No host has an address or a name with NUL, and PostgreSQL would refuse the very question.
      if (filter.address?.includes("\0") || filter.hostName?.includes("\0")) return [];
      return (await hostStore.list(database.read, filter)).map(present);
    },

    async find(sensorId: string): Promise<Host | null> {
      const row = await hostStore.find(database.read, sensorId);
      return row === undefined ? null : present(row);
    },

    /** Throws NOT_FOUND unless the host is there, also for the rest of the transaction where it is `inTurn`. */
    async require(db: Tx | Database["read"], sensorId: string): Promise<Host> {
      const row = await hostStore.find(db, sensorId);
      if (row === undefined) throw new Problem("NOT_FOUND", { message: `there is no host ${sensorId}` });
      return present(row);
    },

    async updateFacts(sensorId: string, facts: HostFacts): Promise<void> {
      const known = await hostStore.find(database.read, sensorId);
      const write = known === undefined ? null : writerOfFacts(known, facts);
      if (write !== null) await database.write(write);
      changes.tell("hosts", sensorId);
    },

    /**
     * What an agent says whenever it connects. `whenJournalChanged` takes part where its journal is another one than before,
     * but for the first.
     */
    async recordHello(
      sensorId: string,
      { facts, journalId }: { facts: HostFacts; journalId: string },
      whenJournalChanged: (tx: Tx) => Promise<void>,
    ): Promise<void> {
      const known = await hostStore.find(database.read, sensorId);
      const writeFacts = known === undefined ? null : writerOfFacts(known, facts);
      const isOtherJournal = known !== undefined && known.journal_id !== journalId;
      if (writeFacts !== null || isOtherJournal) {
        await database.write(async (tx) => {
          await writeFacts?.(tx);
          if (!isOtherJournal) return;
          if (known.journal_id !== null) await whenJournalChanged(tx);
          await hostStore.setJournal(tx, sensorId, journalId);
        });
      }
      changes.tell("hosts", sensorId);
    },

    recordContact(sensorId: string): void {
      contacts.set(sensorId, now().toISOString());
    },

    /**
     * Writes the contacts since the last time in one commit. A host that is not there any more, and still connected, was
     * removed by another Central Node whose nudge was lost: whoever holds its connection is to look.
     */
    async flushContacts(): Promise<void> {
      if (contacts.size === 0) return;
      // In one order on every Central Node: two that write of the same hosts should not wait for each other.
      const batch = [...contacts].sort(([a], [b]) => (a < b ? -1 : 1));
      const rows = batch.map(([sensor_id, at]) => ({ sensor_id, at }));
      const written = await database.write((tx) => hostStore.setLastAccess(tx, database.kind, rows));
      for (const [sensorId, at] of batch) if (contacts.get(sensorId) === at) contacts.delete(sensorId);
      // All but always all are written, and nothing need be asked.
      if (written === batch.length) return;
      const sensorIds = batch.map(([sensorId]) => sensorId);
      const known = await hostStore.listKnown(database.read, database.kind, sensorIds);
      for (const target of sensorIds) if (!known.has(target)) nudges.nudge({ target, about: "settings" });
    },

    /** Removes every host that was not heard of since `since`; one that comes back meanwhile stays. Returns how many. */
    async removeInactive(since: string, actor: Actor): Promise<number> {
      let count = 0;
      for (const { sensor_id } of await hostStore.listInactive(database.read, since)) {
        const isBack = (contacts.get(sensor_id) ?? "") >= since;
        if (!isBack && (await remove(sensor_id, actor, since))) count += 1;
      }
      return count;
    },

    /** Cuts the host off at once: its certificates, settings and open tasks go with it. */
    async remove(sensorId: string, actor: Actor): Promise<void> {
      await remove(sensorId, actor, null);
    },
  };
}

/** Null: they are as before. They hardly ever change, and a storm must cost no writes. */
function writerOfFacts(known: HostRow, facts: HostFacts): ((tx: Tx) => Promise<void>) | null {
  const { columns, addresses } = columnsOf(facts);
  const names = Object.keys(columns) as (keyof typeof columns)[];
  if (names.every((name) => known[name] === columns[name])) return null;
  return (tx) => hostStore.update(tx, known.sensor_id, columns, addresses);
}

function columnsOf(facts: HostFacts) {
  const addresses = facts.ipAddresses.map((address) => cleanText(address, 64));
  return {
    addresses,
    columns: {
      host_name: cleanText(facts.hostName, 255),
      ip_addresses: JSON.stringify(addresses),
      os_family: facts.osFamily,
      os_name: cleanText(facts.osName, 255),
      agent_version: cleanText(facts.agentVersion, 64),
      capabilities: JSON.stringify(facts.capabilities.map((capability) => cleanText(capability, 64))),
    },
  };
}
