/** What stands in the kernel, as `nft -j list table` tells it (libnftables-json(5)). */
import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { canonicalAddress, endpointText } from "./central-node-endpoints.ts";
import { confirmedCounter, type Mark, parseMark, settledCounter } from "./nftables-ruleset.ts";

export type IsolationTable = {
  /** Null when a base chain's rule does not carry the same mark as the others, or a form that this code does not know. */
  mark: Mark | null;
  rules: number;
  /** Digest of every chain, rule and always open endpoint: unchanged while nobody adds, removes or changes one. */
  fingerprint: string;
  /** Whole seconds until the kernel opens the host again, the earlier of both families; null: nothing is cut now. */
  remainingSec: number | null;
  /** Address families that are cut now: `ipv4`, `ipv6`. */
  families: string[];
  /** Endpoints that are always open: `192.0.2.1:443`, `[2001:db8::1]:443`. Sorted. */
  centralNode: string[];
  /** No connection from before the isolation is left that an exclusion might take for one of its own. */
  settled: boolean;
  /** The Central Node was proven reachable behind these rules. */
  confirmed: boolean;
  refusedPackets: number;
};

/** Throws SyntaxError for what is not such a listing. */
export function parseIsolationTable(listing: string): IsolationTable {
  const objects = listedObjects(listing);
  const chains = objects.flatMap((object) => (isRecord(object.chain) ? [object.chain] : []));
  const rules = objects.flatMap((object) => (isRecord(object.rule) ? [object.rule] : []));
  const counters = objects.flatMap((object) => (isRecord(object.counter) ? [object.counter] : []));
  const timers = elementsOf(objects, "active").flatMap(timerOf);
  const centralNode = [...elementsOf(objects, "central_node_ipv4"), ...elementsOf(objects, "central_node_ipv6")]
    .map(listedEndpoint)
    .sort();
  return {
    mark: commonMark(rules),
    rules: rules.length,
    fingerprint: createHash("sha256")
      .update(
        JSON.stringify([
          chains.map(({ name, type, hook, prio, policy }) => [name, type, hook, prio, policy]),
          rules.map(({ chain, expr, comment }) => [chain, expr, comment]),
          centralNode,
        ]),
      )
      .digest("hex"),
    remainingSec: timers.length === 0 ? null : Math.min(...timers.map((timer) => timer.remainingSec)),
    families: timers.map((timer) => timer.family).sort(),
    centralNode,
    settled: counters.some((counter) => counter.name === settledCounter),
    confirmed: counters.some((counter) => counter.name === confirmedCounter),
    refusedPackets: counters.reduce((sum, counter) => sum + Number(counter.packets ?? 0), 0),
  };
}

type Listed = Record<string, unknown>;

function listedObjects(listing: string): Listed[] {
  const parsed: unknown = JSON.parse(listing);
  if (!isRecord(parsed) || !Array.isArray(parsed.nftables)) throw new SyntaxError("not a listing of nft");
  return parsed.nftables.filter(isRecord);
}

function commonMark(rules: Listed[]): Mark | null {
  // The base chains' rules alone: one that is gone, or of another version, must not go unnoticed.
  const comments = ["input", "output", "forward"].map(
    (chain) => rules.find((rule) => rule.chain === chain && rule.comment !== undefined)?.comment,
  );
  const [first] = comments;
  if (typeof first !== "string" || comments.some((comment) => comment !== first)) return null;
  return parseMark(first);
}

function elementsOf(objects: Listed[], setName: string): unknown[] {
  const set = objects
    .map((object) => object.set)
    .find((candidate) => isRecord(candidate) && candidate.name === setName);
  return isRecord(set) && Array.isArray(set.elem) ? set.elem : [];
}

function timerOf(element: unknown): { family: string; remainingSec: number }[] {
  if (!isRecord(element) || !isRecord(element.elem)) return [];
  const { val, expires } = element.elem;
  return [{ family: String(val), remainingSec: Number(expires ?? 0) }];
}

function listedEndpoint(element: unknown): string {
  const [address, port] = isRecord(element) && Array.isArray(element.concat) ? element.concat : [];
  // nft spells some IPv6 addresses in another way than we do.
  return endpointText({ address: isIPv6(String(address)) ? canonicalAddress(address) : String(address), port });
}

function isRecord(value: unknown): value is Listed {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
