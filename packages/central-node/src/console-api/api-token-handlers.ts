import type { ApiTokenService, ApiTokenState } from "../users/api-token-service.ts";
import type { Handlers } from "./handlers.ts";

export function createApiTokenHandlers({
  apiTokens,
}: {
  apiTokens: ApiTokenService;
}): Pick<Handlers, "listApiTokens" | "createApiToken" | "revokeApiToken"> {
  return {
    async listApiTokens({ session }) {
      const items = (await apiTokens.list(session.userId)).map(present);
      return { items, nextCursor: null, total: items.length };
    },
    async createApiToken({ body, session, actor }) {
      const { token, row } = await apiTokens.create({ ...body, userId: session.userId, ownRole: session.role }, actor);
      return { ...present(row), token };
    },
    async revokeApiToken({ params, session, actor }) {
      await apiTokens.revoke({ tokenId: params.tokenId, userId: session.userId }, actor);
      return {};
    },
  };
}

function present(row: ApiTokenState) {
  return {
    tokenId: row.token_id,
    name: row.name,
    role: row.role,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
