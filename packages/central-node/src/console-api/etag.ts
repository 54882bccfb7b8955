import { Problem } from "@cordon/contract";

export const etagOf = (version: number): string => `"${version}"`;

/** The version that an If-Match header names. Throws PRECONDITION_REQUIRED without one, BAD_REQUEST for any other text. */
export function readIfMatch(header: string | undefined): number {
  if (header === undefined) {
    throw new Problem("PRECONDITION_REQUIRED", {
      message: "name the version that you have seen: send the ETag of its GET as If-Match",
    });
  }
  // A proxy that compresses makes the tag a weak one.
  const version = /^(?:W\/)?"([0-9]{1,15})"$/.exec(header.trim())?.[1];
  if (version === undefined) {
    throw new Problem("BAD_REQUEST", { message: 'If-Match must be one ETag as it was sent, such as "3"' });
  }
  return Number(version);
}
