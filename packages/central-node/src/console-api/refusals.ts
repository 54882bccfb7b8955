import type { Problem } from "@cordon/contract";
import type { FastifyRequest } from "fastify";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Changes } from "../changes/changes.ts";
import { digestOf } from "../http/json-body.ts";
import type { Caller } from "./admission.ts";

export type Refusals = ReturnType<typeof createRefusals>;

/** Every change that was refused to somebody known, and every look at what is not theirs, is in the audit log. */
export function createRefusals({
  audit,
  changes,
}: {
  audit: Pick<AuditLog, "record">;
  changes: Pick<Changes, "tell">;
}) {
  return {
    async record(
      caller: Caller & { gate: { name: string } },
      problem: Problem,
      request: FastifyRequest,
    ): Promise<void> {
      if (caller.session === null || problem.status >= 500) return;
      if (request.method === "GET" && problem.status !== 403) return;
      try {
        await audit.record({
          actor: caller.actor,
          action: `console-api.${caller.gate.name}`,
          object: request.url.slice(0, 500),
          result: problem.code,
          detail: { ...digestOf(request), message: problem.message, ...tokenOf(caller) },
        });
        changes.tell("audit");
      } catch (error) {
        // Nothing was changed by the request, so its refusal may be sent all the same.
        request.log.error({ err: error }, "a refusal is missing in the audit log");
      }
    },
  };
}

function tokenOf({ session }: Caller): { apiToken?: string } {
  return session?.kind === "api-token" ? { apiToken: session.id } : {};
}
