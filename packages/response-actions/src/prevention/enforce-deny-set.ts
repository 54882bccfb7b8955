/** Banned digests, as compact as they can be: sorted one after the other in buffers, and found by halving. */
import { createHash } from "node:crypto";

export type Scope = "host" | "all";
export const scopes = ["host", "all"] as const;
export type Algorithm = "sha256" | "md5";
export const digestBytes = { sha256: 32, md5: 16 } as const;

/** Sorted digests of one scope, without repetition. */
export type ScopeDigests = { [A in Algorithm]: Buffer };
export type DenySet = { [S in Scope]: ScopeDigests };

export type Found = { scope: Scope; algorithm: Algorithm; hash: Buffer };

export const nothingBanned = (): ScopeDigests => ({ sha256: Buffer.alloc(0), md5: Buffer.alloc(0) });

/** Takes digests one after the other in any order. */
export function sortDigests(digests: Buffer, algorithm: Algorithm): Buffer {
  const bytes = digestBytes[algorithm];
  const count = digests.length / bytes;
  // Six bytes are exact in a number, and tell nearly all digests apart.
  const heads = Float64Array.from({ length: count }, (_, index) => digests.readUIntBE(index * bytes, 6));
  const order = Uint32Array.from({ length: count }, (_, index) => index).sort(
    (a, b) =>
      (heads[a] ?? 0) - (heads[b] ?? 0) ||
      digests.compare(digests, b * bytes, (b + 1) * bytes, a * bytes, (a + 1) * bytes),
  );
  const sorted = Buffer.allocUnsafeSlow(digests.length);
  let end = 0;
  for (const index of order) {
    const from = index * bytes;
    const isRepeated = end > 0 && digests.compare(sorted, end - bytes, end, from, from + bytes) === 0;
    if (!isRepeated) end += digests.copy(sorted, end, from, from + bytes);
  }
  return end === sorted.length ? sorted : Buffer.from(sorted.subarray(0, end));
}

/** Where `digest` stands among the sorted ones, counted in digests; -1: it does not. */
export function indexOfDigest(sorted: Buffer, digest: Buffer): number {
  const bytes = digest.length;
  let low = 0;
  let high = sorted.length / bytes - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const order = digest.compare(sorted, middle * bytes, (middle + 1) * bytes);
    if (order === 0) return middle;
    if (order < 0) high = middle - 1;
    else low = middle + 1;
  }
  return -1;
}

/** The rule that bans a file: the host's own before the one of all hosts. */
export function findBanned(set: DenySet, digests: { sha256: Buffer | null; md5: Buffer | null }): Found | null {
  for (const scope of scopes) {
    for (const algorithm of ["sha256", "md5"] as const) {
      const hash = digests[algorithm];
      if (hash !== null && indexOfDigest(set[scope][algorithm], hash) >= 0) return { scope, algorithm, hash };
    }
  }
  return null;
}

export const countOf = ({ sha256, md5 }: ScopeDigests): number =>
  sha256.length / digestBytes.sha256 + md5.length / digestBytes.md5;

/** What two holders compare to know that they hold the same. */
export function digestOfDigests({ sha256, md5 }: ScopeDigests): string {
  return createHash("sha256").update(sha256).update("/").update(md5).digest("hex").slice(0, 32);
}

/** As it travels: the four lengths are in `lengths`, in the order of `packDenySet`. */
export function packDenySet(set: DenySet): { lengths: number[]; bytes: Buffer } {
  const parts = scopes.flatMap((scope) => [set[scope].sha256, set[scope].md5]);
  return { lengths: parts.map((part) => part.length), bytes: Buffer.concat(parts) };
}

export function unpackDenySet({ lengths, bytes }: { lengths: number[]; bytes: Buffer }): DenySet {
  let at = 0;
  const next = (index: number) => {
    const from = at;
    at += lengths[index] ?? 0;
    return bytes.subarray(from, at);
  };
  return { host: { sha256: next(0), md5: next(1) }, all: { sha256: next(2), md5: next(3) } };
}
