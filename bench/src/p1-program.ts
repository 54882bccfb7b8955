/**
 * What P1 does inside a namespace: sends orders as an external system does, watches a stream of datagrams for the first that
 * is refused, and does the floor's work. All times are of the one clock of the machine (CLOCK_MONOTONIC), in milliseconds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { endOwnedText, liftText } from "../../packages/response-actions/src/network-isolation/nftables-ruleset.ts";
import { serveCalls } from "../../system-tests/src/called-program.ts";

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const udp = createSocket("udp4");
let client: { agent: Agent; url: string } | null = null;
let floor: { nft: ChildProcess; directory: string; commit(): void } | null = null;

const calls = {
  /** One connection for all orders, as a SOAR keeps it. `pem`: key and certificate in one file. */
  connect({ url, pem }: { url: string; pem: string }) {
    const identity = readFileSync(pem);
    client = { url, agent: new Agent({ keepAlive: true, key: identity, cert: identity, rejectUnauthorized: false }) };
  },

  /** Resolves with when the request left, once it is answered. */
  async send({ method, path, body }: { method: string; path: string; body?: object }): Promise<number> {
    if (client === null) throw new Error("not connected");
    const sent = request(client.url + path, {
      method,
      agent: client.agent,
      headers: { "content-type": "application/json" },
    });
    const answered = once(sent, "response");
    const leftMs = nowMs();
    sent.end(body === undefined ? "" : JSON.stringify(body));
    const [answer] = await answered;
    answer.resume();
    await once(answer, "end");
    if (answer.statusCode !== 200) throw new Error(`${method} ${path}: ${answer.statusCode}`);
    return leftMs;
  },

  /** Sends a datagram every millisecond until one is refused, or until one is not; resolves with when that was. */
  untilRefused: (to: { address: string; port: number; refused: boolean }): Promise<number> => untilRefused(to),

  /** A living nft and a database whose commits are durable: all that an isolation must cost at least. */
  prepareFloor({ directory, ruleset }: { directory: string; ruleset: string }) {
    writeFileSync(join(directory, "floor.nft"), ruleset);
    writeFileSync(join(directory, "end.nft"), [liftText, endOwnedText].join(""));
    const nft = spawn("nft", ["-j", "-i"], { cwd: directory, stdio: ["pipe", "ignore", "inherit"] });
    const database = new DatabaseSync(join(directory, "floor.sqlite"));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE orders (body TEXT)");
    const insert = database.prepare("INSERT INTO orders VALUES (?)");
    floor = { nft, directory, commit: () => void insert.run(ruleset.slice(0, 200)) };
  },

  /** Milliseconds from a durable commit's begin to the first datagram that the rules refuse. */
  async floorRound(to: { address: string; port: number }): Promise<number> {
    if (floor === null) throw new Error("not prepared");
    await untilRefused({ ...to, refused: false });
    const refused = untilRefused({ ...to, refused: true });
    const startedMs = nowMs();
    floor.commit();
    floor.nft.stdin?.write('include "./floor.nft"\n');
    const tookMs = (await refused) - startedMs;
    floor.nft.stdin?.write('include "./end.nft"\n');
    await untilRefused({ ...to, refused: false });
    return tookMs;
  },
};
export type P1Calls = typeof calls;

async function untilRefused({ address, port, refused }: { address: string; port: number; refused: boolean }) {
  for (;;) {
    const error = await new Promise<Error | null>((resolve) => udp.send("probe", port, address, resolve));
    if ((error !== null) === refused) return nowMs();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

serveCalls(calls);
