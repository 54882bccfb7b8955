/** The Central Node's endpoints as they stand in rules: checked, each once, in one spelling. */
import { isIPv4, isIPv6 } from "node:net";
import type { CentralNodeEndpoint } from "../kit/enforcer.ts";
import { checkedInteger } from "./checked-integer.ts";

/** Sorted. Throws RangeError when there is none, and for one that is not a number and a port. */
export function checkedEndpoints(centralNode: readonly CentralNodeEndpoint[]): {
  ipv4: CentralNodeEndpoint[];
  ipv6: CentralNodeEndpoint[];
} {
  if (centralNode.length === 0) throw new RangeError("the Central Node must have an address");
  const known = new Map<string, CentralNodeEndpoint>();
  for (const endpoint of centralNode) {
    const checked = { address: canonicalAddress(endpoint.address), port: checkedInteger(endpoint.port, 1, 65535) };
    known.set(endpointText(checked), checked);
  }
  const all = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
  return {
    ipv4: all.filter(({ address }) => isIPv4(address)),
    ipv6: all.filter(({ address }) => isIPv6(address)),
  };
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`. */
export function endpointText({ address, port }: CentralNodeEndpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * One spelling per address, as it stands in packets: an IPv4 address that a dual-stack socket spells as IPv6
 * (`::ffff:192.0.2.1`) is IPv4 on the wire, and a zone (`%eth0`) is not on the wire at all.
 */
export function canonicalAddress(address: string): string {
  if (typeof address !== "string") throw new RangeError("a Central Node's address must be text");
  if (isIPv4(address)) return address;
  const zoneless = address.split("%", 1)[0] ?? "";
  if (!isIPv6(zoneless)) throw new RangeError("a Central Node's address must be an IPv4 or IPv6 address");
  const canonical = new URL(`http://[${zoneless}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
