/** How every list of the console API is asked for and answered. */
import { type TSchema, Type } from "typebox";

/** IDs, names and hashes in paths and bodies. */
export const Uuid = Type.String({
  pattern: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
  rule: "must be a UUID",
});
export const Timestamp = Type.String({ maxLength: 40, description: "ISO 8601, UTC" });
export const orNull = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** Text from a host or a caller: bounded, and never markup wherever it is shown. */
export const HostileText = (maxLength: number) => Type.String({ maxLength });

/**
 * `filter`: `field:operator:value`, any number of them, all must hold. Operators: `contains`, `not-contains` (case does not
 * count), `is`, `is-not` (exact), `before`, `after` (times, numbers). A field that the list does not have is refused.
 * `sort`: a field, with `-` before it for descending. `cursor`: `nextCursor` of the page before.
 */
export const ListQuery = Type.Object({
  filter: Type.Optional(
    Type.Union([Type.String({ maxLength: 1200 }), Type.Array(Type.String({ maxLength: 1200 }), { maxItems: 32 })]),
  ),
  sort: Type.Optional(Type.String({ maxLength: 64 })),
  cursor: Type.Optional(Type.String({ maxLength: 512 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
});

export const listOf = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    /** Null: this is the last page. */
    nextCursor: orNull(Type.String()),
    /** How many there are in all under this filter. */
    total: Type.Integer({ minimum: 0 }),
  });

/** What an order, or a change, on several things at once came to, one by one: one that fails leaves the others. */
export const BulkReply = Type.Object({
  done: Type.Integer({ minimum: 0 }),
  failed: Type.Array(Type.Object({ id: Type.String(), code: Type.String(), message: Type.String() })),
});

export const Empty = Type.Object({});
