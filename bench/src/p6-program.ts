/** P6's external system: asks on while the storm goes, and says how long each answer took. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { serveCalls } from "../../system-tests/src/called-program.ts";

type Answers = { ms: number[]; failed: number };

const stops: (() => void)[] = [];
const seen: Record<"kept" | "fresh", Answers> = { kept: { ms: [], failed: 0 }, fresh: { ms: [], failed: 0 } };
const underWay = new Set<Promise<void>>();

const calls = {
  /** Every 20 ms over connections that are kept, every 250 ms over a new one. `pem`: key and certificate in one file. */
  start({ url, pem }: { url: string; pem: string }) {
    const identity = readFileSync(pem);
    const tls = { key: identity, cert: identity, rejectUnauthorized: false };
    const kept = new Agent({ ...tls, keepAlive: true });
    const ask = (agent: Agent, answers: Answers) => {
      const asked = get(url, agent, answers).finally(() => underWay.delete(asked));
      underWay.add(asked);
    };
    const timers = [
      setInterval(() => ask(kept, seen.kept), 20),
      setInterval(() => ask(new Agent({ ...tls, maxCachedSessions: 0 }), seen.fresh), 250),
    ];
    stops.push(() => timers.forEach(clearInterval));
  },

  /** Resolves once all that was asked is answered. */
  async stop() {
    for (const stop of stops) stop();
    await Promise.all(underWay);
    return seen;
  },
};

export type P6Calls = typeof calls;

async function get(url: string, agent: Agent, answers: Answers): Promise<void> {
  const startedMs = performance.now();
  try {
    const sent = request(url, { agent, timeout: 30_000 });
    sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
    sent.end();
    const [response] = await once(sent, "response");
    response.resume();
    await once(response, "end");
    if (response.statusCode !== 200) answers.failed += 1;
  } catch {
    answers.failed += 1;
  }
  // One that failed counts as long as it was waited for.
  answers.ms.push(performance.now() - startedMs);
}

serveCalls(calls);
