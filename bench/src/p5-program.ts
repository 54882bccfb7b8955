/** What P5 does in processes of its own: loads a server as external systems do, is the floor's server, and commits. */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import autocannon from "autocannon";
import Fastify from "fastify";
import { serveCalls } from "../../system-tests/src/called-program.ts";

export type Load = { url: string; pem: string; method: "GET" | "POST"; body?: string; seconds: number };
export type Loaded = { requests: number; perSec: number; p99Ms: number };

const connections = 10;

const calls = {
  /** Requests a second over ten kept connections; rejects where one was not answered with 2xx. */
  async load({ url, pem, method, body, seconds }: Load): Promise<Loaded> {
    const identity = readFileSync(pem, "utf8");
    const result = await autocannon({
      url,
      method,
      connections,
      duration: seconds,
      tlsOptions: { key: identity, cert: identity, rejectUnauthorized: false },
      ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
    });
    const failed = result.non2xx + result.errors + result.timeouts;
    if (failed > 0 || result["2xx"] === 0) throw new Error(`${failed} of the requests to ${url} failed`);
    return { requests: result["2xx"], perSec: result["2xx"] / result.duration, p99Ms: result.latency.p99 };
  },

  /** One answer read to its end: its text where asked for, and the milliseconds it took. */
  async get({ url, pem, text }: { url: string; pem: string; text: boolean }) {
    const identity = readFileSync(pem);
    const agent = new Agent({ key: identity, cert: identity, rejectUnauthorized: false });
    const begun = performance.now();
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const sent = request(url, { agent }, (reply) => {
        let body = "";
        reply.setEncoding("utf8").on("data", (part: string) => {
          body += part;
        });
        reply.on("end", () => resolve({ status: reply.statusCode ?? 0, body }));
        reply.on("error", reject);
      });
      sent.on("error", reject);
      sent.end();
    });
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.body.slice(0, 200)}`);
    return { ms: performance.now() - begun, text: text ? answer.body : "" };
  },

  /** A bare Fastify that asks for a client certificate and answers what it was given. Resolves with its URL. */
  async serve({ pem, answers }: { pem: string; answers: Record<string, string> }): Promise<string> {
    const identity = readFileSync(pem);
    const https = {
      key: identity,
      cert: identity,
      minVersion: "TLSv1.2",
      requestCert: true,
      rejectUnauthorized: false,
    };
    const app = Fastify({ https: https as { minVersion: "TLSv1.2" } & typeof https });
    for (const [name, answer] of Object.entries(answers)) {
      app.get(`/${name}`, (_request, reply) => reply.type("application/json; charset=utf-8").send(answer));
    }
    await app.listen({ host: "127.0.0.1", port: 0 });
    return `https://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  },

  /** Durable commits a second of a database with the Central Node's settings, one after the other. */
  commit({ directory, row, seconds }: { directory: string; row: string; seconds: number }): number {
    const database = new DatabaseSync(join(directory, "floor.sqlite"));
    database.exec("pragma journal_mode = wal; pragma synchronous = full");
    database.exec("create table if not exists orders (body text)");
    const insert = database.prepare("insert into orders values (?)");
    const begun = performance.now();
    let count = 0;
    for (; performance.now() < begun + seconds * 1000; count++) insert.run(row);
    const perSec = count / ((performance.now() - begun) / 1000);
    database.close();
    return perSec;
  },
};
export type P5Calls = typeof calls;

serveCalls(calls);
