/**
 * An agent's core on a real journal file, in a process of its own that the crash tests kill. What its programs do is real;
 * isolation is a file beside the journal, as a test never isolates the machine it runs on.
 * Arguments: state directory · checkpoint to be killed at, or "none" · messages, JSON, fed after the welcome.
 * Prints each message that the core sends; ends when all is done.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { linuxEnforcers } from "@cordon/response-actions/enforcers";
import { createAgentCore } from "../agent-core.ts";
import { createHostClock } from "../host/clock.ts";
import { journalInUse, openJournal } from "../journal/journal.ts";
import { allowAll } from "../local-policy.ts";
import { silentLog } from "../log.ts";
import { welcome } from "./core-under-test.ts";

const [stateDir = "", killAt = "none", messages = "[]"] = process.argv.slice(2);
const isolationFile = join(stateDir, "isolation");
const journal = openJournal({ path: join(stateDir, "journal.sqlite"), log: silentLog });
if (journal === journalInUse) throw new Error("the journal is still in use");

const core = createAgentCore({
  journal,
  enforcers: {
    "network-isolation": {
      ability: async () => ({ able: true }),
      async enforce({ wish }) {
        if (wish === null) rmSync(isolationFile, { force: true });
        else writeFileSync(isolationFile, JSON.stringify(wish));
        return wish === null ? { state: "lifted" } : { state: "in-effect", detail: "a file", remainingSec: null };
      },
      readBack: async () => ({ state: "lifted" }),
      close: async () => {},
    },
    "run-process": linuxEnforcers["run-process"](),
  },
  facts: () => ({ hostName: "h", ipAddresses: [], osFamily: "linux", osName: "x", agentVersion: "0.1.0" }),
  policy: allowAll,
  centralNode: async () => [],
  clock: createHostClock(),
  log: silentLog,
  checkpoint(name) {
    if (name === killAt) process.kill(process.pid, "SIGKILL");
  },
});
await core.start();
core.opened({
  send(message) {
    process.stdout.write(`${JSON.stringify(message)}\n`);
    return true;
  },
  close: () => {},
});
core.receive(welcome());
// Written by the test that started this process.
for (const message of JSON.parse(messages) as unknown[]) core.receive(message);
await core.idle();
await core.close();
journal.close();
