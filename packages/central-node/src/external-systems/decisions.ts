import { Problem } from "@cordon/contract";
import { type Actor, describeActor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database, Tx } from "../database/database.ts";
import type { ExternalSystemRow } from "../database/tables.ts";
import { cleanText } from "../text/clean-text.ts";
import { type ExternalSystem, present } from "./external-system.ts";
import { externalSystemStore } from "./external-system-store.ts";

/** Which of an ID's certificates; absent: the only one that the verb can be meant for. */
type Choice = { externalSystemId: string; fingerprint?: string | undefined };

/** What an administrator decides about external systems. Each verb answers with the pair as it is now. */
export function createDecisions({
  database,
  audit,
  changes,
  now,
}: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  now: () => Date;
}) {
  /** The chosen row, and from then on `state`, with an audit entry. `from`: the states that the verb applies to by ID alone. */
  async function decide(
    verb: "accept" | "reject" | "withdraw",
    state: ExternalSystemRow["state"],
    choice: Choice,
    actor: Actor,
  ): Promise<ExternalSystem> {
    const decided = await database.writeInTurn(async (tx) => {
      const wanted = verb === "withdraw" ? "accepted" : "pending";
      const row = await choose(tx, choice, (candidate) => candidate.state === wanted, wanted);
      throwIfUnfit(verb, row);
      if (row.state === state) return present(row, now());
      const decision = { state, decidedAt: now().toISOString(), decidedBy: describeActor(actor) };
      await externalSystemStore.decide(tx, { idKey: row.id_key, fingerprint: row.fingerprint }, decision);
      await audit.append(tx, {
        actor,
        action: `external-system.${verb}`,
        object: row.external_system_id,
        result: "done",
        detail: { certificate: row.fingerprint, before: row.state },
      });
      return present({ ...row, state, decided_at: decision.decidedAt, decided_by: decision.decidedBy }, now());
    });
    changes.tell("external-systems", decided.externalSystemId);
    return decided;
  }

  return {
    /** Without a fingerprint exactly one must be pending: CONFLICT lists the fingerprints of several, NOT_FOUND for none. */
    accept: (choice: Choice, actor: Actor) => decide("accept", "accepted", choice, actor),
    /** As accept. An accepted one is withdrawn, not rejected: CONFLICT. */
    reject: (choice: Choice, actor: Actor) => decide("reject", "rejected", choice, actor),
    /** Without a fingerprint exactly one must be accepted. */
    withdraw: (choice: Choice, actor: Actor) => decide("withdraw", "withdrawn", choice, actor),

    /** A name for people; an empty one takes it away. */
    async name(choice: Choice & { name: string }, actor: Actor): Promise<ExternalSystem> {
      const text = choice.name.trim();
      const cleaned = cleanText(text, 100);
      if (cleaned !== text) {
        throw new Problem("BAD_REQUEST", { message: "a name has at most 100 characters and no control characters" });
      }
      const name = cleaned === "" ? null : cleaned;
      const named = await database.writeInTurn(async (tx) => {
        const row = await choose(tx, choice, () => true, "known");
        await externalSystemStore.setName(tx, { idKey: row.id_key, fingerprint: row.fingerprint }, name);
        await audit.append(tx, {
          actor,
          action: "external-system.name",
          object: row.external_system_id,
          result: "done",
          detail: { certificate: row.fingerprint, name },
        });
        return present({ ...row, name }, now());
      });
      changes.tell("external-systems", named.externalSystemId);
      return named;
    },
  };
}

async function choose(
  tx: Tx,
  { externalSystemId, fingerprint }: Choice,
  fits: (row: ExternalSystemRow) => boolean,
  wanted: string,
): Promise<ExternalSystemRow> {
  const rows = await externalSystemStore.listById(tx, externalSystemId.toLowerCase());
  if (fingerprint !== undefined) {
    const asked = fingerprint.replaceAll(":", "").toLowerCase();
    const row = rows.find((candidate) => candidate.fingerprint === asked);
    if (row !== undefined) return row;
    throw new Problem("NOT_FOUND", { message: `${externalSystemId} was never seen with the certificate ${asked}` });
  }
  const candidates = rows.filter(fits);
  const [row, ...others] = candidates;
  if (row === undefined) {
    const states = [...new Set(rows.map((candidate) => candidate.state))].join(", ");
    throw new Problem("NOT_FOUND", {
      message: `no external system ${externalSystemId} is ${wanted}${states === "" ? "" : ` (it is ${states}; name the certificate's fingerprint)`}`,
    });
  }
  if (others.length === 0) return row;
  const fingerprints = candidates.map((candidate) => candidate.fingerprint);
  throw new Problem("CONFLICT", {
    message: `${candidates.length} certificates of ${externalSystemId} are ${wanted}, name the fingerprint of the one you mean: ${fingerprints.join(", ")}`,
    fingerprints,
  });
}

function throwIfUnfit(verb: "accept" | "reject" | "withdraw", row: ExternalSystemRow): void {
  if (verb === "reject" && (row.state === "accepted" || row.state === "withdrawn")) {
    throw new Problem("CONFLICT", {
      message: `it is ${row.state}: an accepted external system is withdrawn, not rejected`,
    });
  }
  if (verb === "withdraw" && row.state !== "accepted" && row.state !== "withdrawn") {
    throw new Problem("CONFLICT", { message: `it is ${row.state}: only an accepted external system can be withdrawn` });
  }
}
