/**
 * The agent as its own main composes it, with prevention in memory in place of the kernel's: its rules, journal and link are
 * the real ones. Each rule that it gets in force blocks its first file once, and raises an alarm once.
 */
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { startAgent } from "@cordon/endpoint-agent";
import { pino } from "pino";

const text = { type: "string" } as const;
// That it guards nothing is said to every agent of a test.
const { values } = parseArgs({ allowPositionals: true, options: { "state-dir": text, guard: text } });
const held = new Map<"host" | "all", number>();
const readBack = (scope: "host" | "all") => {
  const files = held.get(scope);
  if (files === undefined) return { state: "lifted" } as const;
  return { state: "in-effect", detail: `${files} files`, remainingSec: null } as const;
};

const agent = await startAgent({
  stateDir: values["state-dir"] ?? "",
  log: pino({ errorKey: "error" }, pino.destination({ fd: 2, sync: true })),
  enforcers: ({ onBlock, onAlarm }) => ({
    prevention: {
      ability: async () => ({ able: true }),
      async enforce({ scope, wish }) {
        const [first] = wish?.files ?? [];
        if (wish === null || first === undefined) held.delete(scope);
        else {
          held.set(scope, wish.files.length);
          const at = new Date().toISOString();
          const who = { userId: 0, userName: "root", processes: [{ pid: 1, name: "init", commandLine: "init" }] };
          const file = { path: "/tmp/dropper", hash: first.hash, algorithm: first.algorithm, fileSha256: null };
          onBlock({
            eventId: randomUUID(),
            at,
            kind: "denied",
            ...file,
            scope,
            ruleName: first.name,
            ...who,
            count: 1,
          });
          onAlarm({ code: "TEST_ALARM", detail: "as the test wants it", at });
        }
        return readBack(scope);
      },
      readBack: async (scope) => readBack(scope),
      close: async () => {},
    },
  }),
});
if (typeof agent === "string") throw new Error(agent);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void agent.close());
process.stdout.write(`${JSON.stringify({ ready: true, sensorId: agent.status().sensorId, pid: process.pid })}\n`);
