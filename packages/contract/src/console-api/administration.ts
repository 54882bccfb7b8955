import { type Static, Type } from "typebox";
import { HostileText, orNull, Timestamp, Uuid } from "./lists.ts";
import { consoleRoles } from "./roles.ts";

export const Role = Type.Enum([...consoleRoles]);
const Password = Type.String({ minLength: 1, maxLength: 1024 });
const UserName = Type.String({ minLength: 1, maxLength: 64 });

/** Who is signed in, and what goes with every request that changes something (header `x-cordon-csrf`). */
export const Session = Type.Object({
  userId: Uuid,
  name: Type.String(),
  role: Role,
  csrfToken: Type.String(),
  hasSecondFactor: Type.Boolean(),
  /** A one-time password was used: only a new password may be set until then. */
  mustChangePassword: Type.Boolean(),
  expiresAt: Timestamp,
});
export type Session = Static<typeof Session>;

export const SignIn = Type.Object({
  name: UserName,
  password: Password,
  code: Type.Optional(Type.String({ pattern: "^[0-9]{6}$" })),
});
export const SignInMethods = Type.Object({
  /** This browser has a session, so that a page need not ask in vain. */
  signedIn: Type.Boolean(),
  /** No administrator exists yet: the setup link from the log makes the first one. */
  setupNeeded: Type.Boolean(),
  password: Type.Boolean(),
  /** Label of the identity provider's button; null: none is set up. */
  oidc: orNull(Type.Object({ label: Type.String() })),
});
export const SetUp = Type.Object({ token: Type.String({ maxLength: 128 }), name: UserName, password: Password });
export const SessionOfUser = Type.Object({
  sessionId: Uuid,
  createdAt: Timestamp,
  lastSeenAt: Timestamp,
  address: Type.String(),
  userAgent: HostileText(512),
  current: Type.Boolean(),
});
export const PasswordChange = Type.Object({ current: Password, next: Password });
export const SecondFactorOffer = Type.Object({ secret: Type.String(), uri: Type.String() });

export const ApiToken = Type.Object({
  tokenId: Uuid,
  name: Type.String(),
  role: Role,
  createdAt: Timestamp,
  expiresAt: orNull(Timestamp),
  lastUsedAt: orNull(Timestamp),
});
export const NewApiToken = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100 }),
  /** Not above one's own. */
  role: Role,
  days: orNull(Type.Integer({ minimum: 1, maximum: 3650 })),
});
/** `token` is shown here and never again: `Authorization: Bearer <token>`. */
export const NewApiTokenReply = Type.Intersect([ApiToken, Type.Object({ token: Type.String() })]);

export const ConsoleUser = Type.Object({
  userId: Uuid,
  name: Type.String(),
  role: Role,
  createdAt: Timestamp,
  lastSignInAt: orNull(Timestamp),
  disabledAt: orNull(Timestamp),
  hasSecondFactor: Type.Boolean(),
  /** Signs in at the identity provider, and has no password here. */
  isExternal: Type.Boolean(),
  version: Type.Integer(),
});
export type ConsoleUser = Static<typeof ConsoleUser>;
export const NewUser = Type.Object({ name: UserName, role: Role, password: Password });
export const UserChange = Type.Object({ role: Type.Optional(Role), disabled: Type.Optional(Type.Boolean()) });
/** For signing in and setting a new one; nothing else is possible with it. */
export const OneTimePassword = Type.Object({ password: Type.String() });

/** As in the Response API, where its owner makes it up. */
export const ConsoleExternalSystemId = Type.String({
  pattern: "^[0-9A-Za-z-]{1,64}$",
  rule: "must be 1 to 64 letters, digits or hyphens",
});
export const ConsoleExternalSystem = Type.Object({
  externalSystemId: ConsoleExternalSystemId,
  fingerprint: Type.String(),
  state: Type.Enum(["pending", "accepted", "rejected", "withdrawn"]),
  name: orNull(HostileText(255)),
  address: Type.String(),
  subject: HostileText(1024),
  validFrom: Timestamp,
  validTo: Timestamp,
  expired: Type.Boolean(),
  firstSeenAt: Timestamp,
  lastSeenAt: Timestamp,
  knocks: Type.Integer(),
  decidedAt: orNull(Timestamp),
  decidedBy: orNull(Type.String()),
});
export type ConsoleExternalSystem = Static<typeof ConsoleExternalSystem>;
export const ExternalSystemDecision = Type.Object({ decision: Type.Enum(["accept", "reject", "withdraw"]) });
export const ExternalSystemName = Type.Object({ name: Type.String({ maxLength: 255 }) });

export const AuditRecord = Type.Object({
  seq: Type.Integer(),
  at: Timestamp,
  actorKind: Type.String(),
  actorId: HostileText(255),
  address: orNull(Type.String()),
  action: Type.String(),
  object: HostileText(512),
  result: Type.String(),
  detail: Type.Object({}),
  hash: Type.String(),
});
export type AuditRecord = Static<typeof AuditRecord>;
export const ChainVerdict = Type.Object({
  intact: Type.Boolean(),
  entries: Type.Integer(),
  lastHash: orNull(Type.String()),
  brokenAtSeq: orNull(Type.Integer()),
  why: orNull(Type.String()),
});

export const ConsoleSettings = Type.Object({
  activityWarningHours: Type.Integer({ minimum: 1, maximum: 8760 }),
  activityCriticalHours: Type.Integer({ minimum: 1, maximum: 8760 }),
  /** Null: hosts are never removed by themselves. */
  removeInactiveAfterDays: orNull(Type.Integer({ minimum: 1, maximum: 3650 })),
  /** Read only: from the configuration of the Central Node. */
  limits: Type.Record(Type.String(), Type.Number()),
  serverCertificate: Type.Object({
    subject: Type.String(),
    fingerprint: Type.String(),
    notAfter: Timestamp,
    brought: Type.Boolean(),
  }),
  version: Type.Integer(),
});
export type ConsoleSettings = Static<typeof ConsoleSettings>;
export const SettingsChange = Type.Object({
  activityWarningHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8760 })),
  activityCriticalHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8760 })),
  removeInactiveAfterDays: Type.Optional(orNull(Type.Integer({ minimum: 1, maximum: 3650 }))),
});

export const ConsoleJoinToken = Type.Object({
  tokenId: Uuid,
  createdAt: Timestamp,
  expiresAt: Timestamp,
  usesLeft: Type.Integer(),
});
export const NewJoinToken = Type.Object({
  ttlHours: Type.Integer({ minimum: 1, maximum: 720 }),
  uses: Type.Integer({ minimum: 1, maximum: 100_000 }),
});
/** `token` is shown here and never again; `command` is what to run on the host. */
export const NewJoinTokenReply = Type.Intersect([
  ConsoleJoinToken,
  Type.Object({ token: Type.String(), command: Type.String() }),
]);
