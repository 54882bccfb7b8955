/** An entry of a bundle as it stands there: nobody has looked at the hash yet, unless there is a fault. */
type BundleEntry = { line: number; hash: string | null; name: string | null; fault: string | null };

/** `file:hashes.'SHA-256' = '…'`, also with double quotes or none, and `IN ('…', '…')`. */
const comparison =
  /(NOT\s+)?file:hashes\s*\.\s*(?:'([^']{1,32})'|"([^"]{1,32})"|([\w-]{1,32}))\s*(!=|=|NOT\s+IN|IN)\s*(\([^)]{0,65536}\)|'[^']{0,256}')/gi;
const bannable = /^(sha-?256|md5)$/i;

/** Hashes of files in the indicators and file objects of a STIX 2.1 bundle, or null: it is none. */
export function readStixBundle(bundle: unknown): BundleEntry[] | null {
  if (!isRecord(bundle) || bundle.type !== "bundle" || !Array.isArray(bundle.objects)) return null;
  return bundle.objects.flatMap((object: unknown, index) => {
    if (!isRecord(object)) return [];
    const name = typeof object.name === "string" ? object.name : null;
    const named = { line: index + 1, name };
    if (object.type === "file") return readFileObject(object, named);
    return object.type === "indicator" && typeof object.pattern === "string"
      ? readIndicator(object, object.pattern, named)
      : [];
  });
}

function readIndicator(
  object: Record<string, unknown>,
  pattern: string,
  named: Pick<BundleEntry, "line" | "name">,
): BundleEntry[] {
  const found = [...pattern.matchAll(comparison)].flatMap(
    ([, not, single, double, bare, operator = "", values = ""]) => {
      if (not !== undefined || /^(!=|not)/i.test(operator)) return [];
      const algorithm = single ?? double ?? bare ?? "";
      const hashes = [...values.matchAll(/'([^']*)'/g)].map(([, hash = ""]) => hash);
      return bannable.test(algorithm) ? hashes : [];
    },
  );
  if (found.length === 0) return [];
  if (object.revoked === true) return [{ ...named, hash: null, fault: "the indicator was revoked" }];
  return found.map((hash) => ({ ...named, hash, fault: null }));
}

/** One hash of a file is enough, and SHA-256 is the better one. */
function readFileObject(object: Record<string, unknown>, named: Pick<BundleEntry, "line" | "name">): BundleEntry[] {
  if (!isRecord(object.hashes)) return [];
  const hashes = Object.entries(object.hashes).filter(([algorithm]) => bannable.test(algorithm));
  const [, hash] = hashes.find(([algorithm]) => !/md5/i.test(algorithm)) ?? hashes[0] ?? [];
  if (hash === undefined) return [{ ...named, hash: null, fault: "it has neither SHA-256 nor MD5" }];
  return [{ ...named, hash: typeof hash === "string" ? hash : "", fault: null }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
