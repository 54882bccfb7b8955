/** The supervisor's thread in the agent: orders come in as messages, what it sees goes out as messages. */
import { parentPort, workerData } from "node:worker_threads";
import { createEngine } from "./enforce-engine.ts";
import type { FromWorker, ToWorker, WorkerData } from "./enforce-worker-messages.ts";

const port = parentPort;
if (port === null) throw new Error("it runs in a thread of the agent only");
const say = (message: FromWorker) => port.postMessage(message);

// The supervisor starts it with exactly that.
const engine = createEngine({
  ...(workerData as WorkerData),
  onSighting: (sighting) => say({ type: "sighting", sighting }),
  onAlarm: (code, detail) => say({ type: "alarm", code, detail, at: new Date().toISOString() }),
  onScan: (progress) => say({ type: "scan", progress }),
});

port.on("message", async ({ id, call }: ToWorker) => {
  try {
    say({ type: "answer", id, result: await answer(call) });
  } catch (error) {
    say({ type: "answer", id, error: error instanceof Error ? error.message : String(error) });
  }
  if (call.name === "close") port.close();
});

async function answer(call: ToWorker["call"]): Promise<unknown> {
  const at = await engine;
  switch (call.name) {
    case "enforce":
      return at.enforce(call.scope, call.order === null ? null : { ...call.order, digests: asBuffers(call.order) });
    case "readBack":
      return at.readBack(call.scope);
    case "startProbe":
      return at.startProbe();
    case "endProbe":
      return at.endProbe();
    case "close":
      return at.close();
  }
}

/** What came from another thread is plain bytes. */
function asBuffers({ digests }: NonNullable<Extract<ToWorker["call"], { name: "enforce" }>["order"]>) {
  const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength);
  return { sha256: asBuffer(digests.sha256), md5: asBuffer(digests.md5) };
}
