import { type Static, Type } from "typebox";

/**
 * What `GET /api/v1/events` (server-sent events) says: that something of a kind changed, never what. Whoever shows it asks
 * for it again, with the rights that it has. `ids`: which ones, where they are few; absent: any of them.
 */
export const ConsoleEvent = Type.Object({
  topic: Type.Enum([
    "hosts",
    "isolation-rules",
    "prevention-rules",
    "tasks",
    "external-systems",
    "users",
    "audit",
    "settings",
    "join-tokens",
    "session-ended",
  ]),
  ids: Type.Optional(Type.Array(Type.String(), { maxItems: 100 })),
});
export type ConsoleEvent = Static<typeof ConsoleEvent>;
