import { randomUUID } from "node:crypto";
import { Problem } from "@cordon/contract";
import { isWithin } from "@cordon/contract/console-api";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import type { Database } from "../database/database.ts";
import type { ApiTokenRow } from "../database/tables.ts";
import { cleanText } from "../text/clean-text.ts";
import { apiTokenStore } from "./api-token-store.ts";
import { digestOf, makeSecret } from "./secret.ts";
import type { UserRole } from "./user-service.ts";

export type ApiTokenService = ReturnType<typeof createApiTokenService>;

export type ApiTokenState = Omit<ApiTokenRow, "secret_digest">;
/** What a token opens: as its owner, with a role that is never above the one that its owner has now. */
export type TokenBearer = { tokenId: string; userId: string; name: string; role: UserRole };

/** So that a token that leaked into a repository or a log is recognised. */
const prefix = "cordon_";
const form = /^cordon_[0-9A-Za-z_-]{43}$/;
const dayMs = 86_400_000;
const touchedEveryMs = 60_000;
const maxTokensPerUser = 100;

export function createApiTokenService(needs: {
  database: Database;
  audit: AuditLog;
  changes: Pick<Changes, "tell">;
  now: () => Date;
}) {
  const { database, audit, changes, now } = needs;

  return {
    /** `token` cannot be shown again. Throws FORBIDDEN for a role that may do what its owner's may not. */
    async create(
      {
        userId,
        ownRole,
        name,
        role,
        days,
      }: { userId: string; ownRole: UserRole; name: string; role: UserRole; days: number | null },
      actor: Actor,
    ): Promise<{ token: string; row: ApiTokenRow }> {
      if (!isWithin(role, ownRole)) {
        throw new Problem("FORBIDDEN", { message: `a ${ownRole} cannot make an API token with the role ${role}` });
      }
      const token = prefix + makeSecret();
      const at = now();
      const row: ApiTokenRow = {
        token_id: randomUUID(),
        secret_digest: digestOf(token),
        user_id: userId,
        name: cleanText(name, 100),
        role,
        created_at: at.toISOString(),
        expires_at: days === null ? null : new Date(at.getTime() + days * dayMs).toISOString(),
        last_used_at: null,
      };
      await database.writeInTurn(async (tx) => {
        if ((await apiTokenStore.listOfUser(tx, userId)).length >= maxTokensPerUser) {
          throw new Problem("CONFLICT", {
            message: `you have ${maxTokensPerUser} API tokens already: revoke one first`,
          });
        }
        await apiTokenStore.insert(tx, row);
        const detail = { name, role, expiresAt: row.expires_at };
        await audit.append(tx, { actor, action: "api-token.create", object: row.token_id, result: "done", detail });
      });
      return { token, row };
    },

    list: (userId: string): Promise<ApiTokenState[]> => apiTokenStore.listOfUser(database.read, userId),

    /** Throws NOT_FOUND unless it is one of this user's. */
    async revoke({ tokenId, userId }: { tokenId: string; userId: string }, actor: Actor): Promise<void> {
      await database.writeInTurn(async (tx) => {
        if (!(await apiTokenStore.delete(tx, tokenId, userId))) {
          throw new Problem("NOT_FOUND", { message: "there is no such API token of yours" });
        }
        await audit.append(tx, { actor, action: "api-token.revoke", object: tokenId, result: "done" });
      });
      changes.tell("session-ended", userId);
    },

    /** Null: unknown, expired, its owner disabled, or its role not within its owner's any more. */
    async find(token: string): Promise<TokenBearer | null> {
      if (!form.test(token)) return null;
      const row = await apiTokenStore.findWithUser(database.read, digestOf(token));
      if (row === undefined || row.user.disabled_at !== null) return null;
      const at = now();
      if (row.expires_at !== null && row.expires_at <= at.toISOString()) return null;
      const role = lesserOf(row.role, row.user.role);
      if (role === null) return null;
      if (row.last_used_at === null || at.getTime() - Date.parse(row.last_used_at) >= touchedEveryMs) {
        await database.write((tx) => apiTokenStore.touch(tx, row.token_id, at.toISOString()));
      }
      return { tokenId: row.token_id, userId: row.user_id, name: row.user.name, role };
    },
  };
}

/** Roles are no ladder: an administrator gives no orders. Null: neither of the two is within the other. */
function lesserOf(role: UserRole, ownersRole: UserRole): UserRole | null {
  if (isWithin(role, ownersRole)) return role;
  return isWithin(ownersRole, role) ? ownersRole : null;
}
