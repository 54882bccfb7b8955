import { parse } from "@cordon/contract";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import type { Actor } from "../audit/actor.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { BlockService } from "../blocks/block-service.ts";
import type { EnrolmentService } from "../enrolment/enrolment-service.ts";
import type { ExternalSystemService } from "../external-systems/external-system-service.ts";
import type { HostService } from "../hosts/host-service.ts";
import { cleanText } from "../text/clean-text.ts";
import { type UserService, userRoles } from "../users/user-service.ts";
import type { Backup } from "./backup.ts";
import type { DoctorCheck } from "./doctor.ts";

/** Says who calls, for the audit log. The socket's mode is what lets them in: whoever can open it may call itself anything. */
export const accountHeader = "cordon-local-account";

export type NodeStatus = {
  pid: number;
  version: string;
  startedAt: string;
  api: string;
  console: string;
  metrics: string;
  database: "sqlite" | "postgres";
  ready: boolean;
  hosts: number;
  pendingExternalSystems: number;
};

const Text = (maxLength: number) => Type.String({ maxLength });
const Choice = Type.Object({ fingerprint: Type.Optional(Text(100)) });
const NameBody = Type.Object({ fingerprint: Type.Optional(Text(100)), name: Text(1000) });
const JoinTokenBody = Type.Object({ ttlSec: Type.Number(), uses: Type.Number() });
const UserBody = Type.Object({ name: Text(1000), role: Type.Enum([...userRoles]), password: Text(10_000) });
const PasswordBody = Type.Object({ password: Text(10_000) });
const BackupBody = Type.Object({ file: Text(4096) });
const AuditQuery = Type.Object({
  after: Type.Optional(Type.String({ pattern: "^[0-9]{1,15}$", rule: "must be a number" })),
});

const BlocksQuery = Type.Object({
  sensorId: Type.Optional(Text(64)),
  hash: Type.Optional(Text(64)),
  limit: Type.Optional(Type.String({ pattern: "^[1-9][0-9]{0,3}$", rule: "must be a number from 1 to 9999" })),
});

const auditPageSize = 1000;

/** Everything that `cordon-server` administers, as JSON. */
export function adminRoutes(
  app: FastifyInstance,
  needs: {
    externalSystems: Pick<ExternalSystemService, "list" | "accept" | "reject" | "withdraw" | "name">;
    enrolment: Pick<EnrolmentService, "createJoinToken" | "listJoinTokens" | "revokeJoinToken">;
    hosts: Pick<HostService, "list" | "remove">;
    users: Pick<UserService, "add" | "list" | "disable" | "enable" | "setPassword">;
    blocks: Pick<BlockService, "list">;
    audit: Pick<AuditLog, "list" | "verify">;
    backup(file: string, actor: Actor): Promise<Backup>;
    diagnose(): Promise<DoctorCheck[]>;
    status(): Promise<NodeStatus>;
  },
): void {
  const { externalSystems, enrolment, hosts, users, blocks, audit } = needs;

  app.get("/status", () => needs.status());
  app.get("/doctor", () => needs.diagnose());

  app.get("/external-systems", () => externalSystems.list());
  for (const verb of ["accept", "reject", "withdraw"] as const) {
    app.post<ById>(`/external-systems/:id/${verb}`, (request) => {
      const { fingerprint } = parse(Choice, request.body);
      return externalSystems[verb]({ externalSystemId: request.params.id, fingerprint }, actorOf(request));
    });
  }
  app.post<ById>("/external-systems/:id/name", (request) => {
    const { fingerprint, name } = parse(NameBody, request.body);
    return externalSystems.name({ externalSystemId: request.params.id, fingerprint, name }, actorOf(request));
  });

  app.get("/join-tokens", () => enrolment.listJoinTokens());
  app.post("/join-tokens", async (request) => {
    const { token } = await enrolment.createJoinToken(parse(JoinTokenBody, request.body), actorOf(request));
    return { token };
  });
  app.delete<ById>("/join-tokens/:id", async (request) => {
    await enrolment.revokeJoinToken(request.params.id, actorOf(request));
    return {};
  });

  app.get("/hosts", () => hosts.list());
  app.delete<ById>("/hosts/:id", async (request) => {
    await hosts.remove(request.params.id.toLowerCase(), actorOf(request));
    return {};
  });

  app.get("/users", () => users.list());
  app.post("/users", (request) => users.add(parse(UserBody, request.body), actorOf(request)));
  app.post<ById>("/users/:id/disable", (request) => users.disable(request.params.id, actorOf(request)));
  app.post<ById>("/users/:id/enable", (request) => users.enable(request.params.id, actorOf(request)));
  app.post<ById>("/users/:id/password", (request) =>
    users.setPassword(request.params.id, parse(PasswordBody, request.body).password, actorOf(request)),
  );

  app.get("/blocks", (request) => {
    const { sensorId, hash, limit = "50" } = parse(BlocksQuery, request.query);
    const filter = { ...(sensorId === undefined ? {} : { sensorId }), ...(hash === undefined ? {} : { hash }) };
    return blocks.list(filter, Number(limit));
  });

  app.get("/audit", (request) => audit.list(Number(parse(AuditQuery, request.query).after ?? 0), auditPageSize));
  app.get("/audit/verify", () => audit.verify());

  app.post("/backup", (request) => needs.backup(parse(BackupBody, request.body).file, actorOf(request)));
}

type ById = { Params: { id: string } };

function actorOf(request: Pick<FastifyRequest, "headers">): Actor {
  const account = request.headers[accountHeader];
  const id = typeof account === "string" ? cleanText(account, 64) : "";
  return { kind: "local-administrator", id: id === "" ? "unknown" : id, address: null, fingerprint: null };
}
