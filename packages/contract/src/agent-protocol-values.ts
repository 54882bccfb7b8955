/** Values that several messages of the agent protocol carry. */
import { Type } from "typebox";

export const Name = Type.String({ minLength: 1, maxLength: 64 });
export const Uuid = Type.String({
  pattern: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
  rule: "must be a UUID",
});
export const Timestamp = Type.String({ maxLength: 40, description: "ISO 8601, UTC" });
export const Generation = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Whose wish a setting is: this host's own, or the one of all hosts. */
export const Scope = Type.Union([Type.Literal("host"), Type.Literal("all")]);
/** Hostile text from a host: bounded, and never markup wherever it is shown. */
export const HostText = (maxLength: number) => Type.String({ maxLength });
