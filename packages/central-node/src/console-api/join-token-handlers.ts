import type { EnrolmentService, JoinTokenState } from "../enrolment/enrolment-service.ts";
import type { Handlers } from "./handlers.ts";

export function createJoinTokenHandlers(needs: {
  enrolment: Pick<EnrolmentService, "createJoinToken" | "listJoinTokens" | "revokeJoinToken">;
  /** Where agents connect, as far as this node knows how they reach it. */
  agentUrl(): string;
  now: () => Date;
}): Pick<Handlers, "listJoinTokens" | "createJoinToken" | "revokeJoinToken"> {
  const { enrolment, agentUrl, now } = needs;

  return {
    async listJoinTokens() {
      const at = now().toISOString();
      const usable = (await enrolment.listJoinTokens()).filter((state) => state.usesLeft > 0 && state.expiresAt > at);
      return { items: usable.map(present), nextCursor: null, total: usable.length };
    },
    async createJoinToken({ body, actor }) {
      const { token, state } = await enrolment.createJoinToken(
        { ttlSec: body.ttlHours * 3600, uses: body.uses },
        actor,
      );
      return { ...present(state), token, command: `cordon-agent enroll --server ${agentUrl()} --token ${token}` };
    },
    async revokeJoinToken({ params, actor }) {
      await enrolment.revokeJoinToken(params.tokenId, actor);
      return {};
    },
  };
}

function present({ id, ...state }: JoinTokenState) {
  return { tokenId: id, ...state };
}
