import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { responseApiBase } from "@cordon/contract";
import type { ExternalSystem } from "./external-system.ts";

export type Answer = { status: number; body: Record<string, unknown> };
export type OrdersClient = ReturnType<typeof createOrdersClient>;

/**
 * An external system that keeps its connections open, for more requests than curl could be started for. `nodes`: base URLs
 * of Central Nodes. A request that got no whole answer rejects: what came of it is unknown, as for every script.
 */
export function createOrdersClient({ nodes, system }: { nodes: readonly string[]; system: ExternalSystem }) {
  const [, certificateFile = "", , keyFile = ""] = system.curlFlags;
  // Our CA is as unknown to a script as it is to curl -k.
  const agent = new Agent({
    keepAlive: true,
    key: readFileSync(keyFile),
    cert: readFileSync(certificateFile),
    rejectUnauthorized: false,
  });
  const base = `${responseApiBase}/${system.id}`;

  function send(method: string, path: string, { node = 0, body }: { node?: number; body?: unknown } = {}) {
    return new Promise<Answer>((resolve, reject) => {
      const json = body === undefined ? undefined : JSON.stringify(body);
      const outgoing = request(
        `${nodes[node]}${base}${path}`,
        {
          agent,
          method,
          timeout: requestTimeoutMs,
          ...(json === undefined
            ? {}
            : { headers: { "content-type": "application/json", "content-length": Buffer.byteLength(json) } }),
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const text = Buffer.concat(chunks).toString();
            try {
              resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
            } catch {
              reject(new Error(`not JSON: ${text}`));
            }
          });
        },
      );
      outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${requestTimeoutMs} ms`)));
      outgoing.once("error", reject);
      outgoing.end(json);
    });
  }

  return {
    send,
    isolate: (sensorId: string, seconds: number, node = 0) =>
      send("POST", `/settings?sensor_id=${sensorId}&settings_type=network_isolation`, {
        node,
        body: { settings: { autoTurnoffTimeoutInSec: seconds } },
      }),
    endIsolation: (sensorId: string, node = 0) =>
      send("DELETE", `/settings?sensor_id=${sensorId}&settings_type=network_isolation`, { node }),
    /** Bans files by SHA-256 for a host or for `all`; none: takes the rule away. */
    ban: (target: string, hashes: string[], node = 0) =>
      send("POST", `/settings?sensor_id=${target}&settings_type=prevention`, {
        node,
        body: { settings: { objects: hashes.map((sha256) => ({ file: { sha256 } })) } },
      }),
    setting: (target: string, type: "network_isolation" | "prevention", node = 0) =>
      send("GET", `/settings?sensor_id=${target}&settings_type=${type}`, { node }),
    /** Runs a line of the shell on a host. */
    runShell: (taskId: string, sensorId: string, line: string, node = 0) =>
      send("POST", `/tasks/${taskId}?sensor_id=${sensorId}&task_type=run_process`, {
        node,
        body: { task: { execCommand: "/bin/sh", cmdLineParameters: `-c '${line}'` } },
      }),
    task: (taskId: string, node = 0) => send("GET", `/tasks/${taskId}?settings=true`, { node }),
    async sensor(sensorId: string, node = 0): Promise<SensorAnswer | null> {
      const { body } = await send("GET", `/sensors?sensor_id=${sensorId}`, { node });
      return (body as { sensors?: SensorAnswer[] }).sensors?.[0] ?? null;
    },
    close: () => agent.destroy(),
  };
}

/** What these tests look at of a host. */
export type SensorAnswer = {
  sensorId: string;
  settingStates: {
    type: string;
    scope: string;
    state: string;
    orderedGeneration: number;
    reportedGeneration: number | null;
    detail: string | null;
    reason: string | null;
  }[];
};

const requestTimeoutMs = 30_000;
