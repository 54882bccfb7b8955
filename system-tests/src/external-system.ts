/** An external system as it is in the field: a certificate made by openssl, and curl. */
import { spawnSync } from "node:child_process";
import { randomUUID, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { responseApiBase } from "@cordon/contract";
import { until } from "./namespaces.ts";
import {
  type AgentProcess,
  type CentralNodeProcess,
  createFolder,
  type Owner,
  type Place,
  thisMachine,
} from "./programs.ts";

export type ExternalSystem = {
  id: string;
  /** SHA-256 of the certificate, lower hex without colons. */
  fingerprint: string;
  /** What curl is told to show itself with. */
  curlFlags: string[];
};
/** `body` is null when the answer is not JSON, `status` 0 when there was none; `why` is then curl's word. */
// biome-ignore lint/suspicious/noExplicitAny: a test looks into each answer and compares what it finds there
export type Answer = { status: number; body: any; text: string; contentType: string; why: string };
export type ResponseApi = ReturnType<typeof curlAs>;

const keyFlags = {
  rsa: ["-newkey", "rsa:2048"],
  ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
};

/** `inOneFile`: key and certificate in one PEM, as some integrators keep them. */
export function createExternalSystem(
  owner: Owner,
  { id = randomUUID() as string, keys = "ecdsa" as keyof typeof keyFlags, inOneFile = false } = {},
): ExternalSystem {
  const folder = createFolder(owner, "system");
  const [key, certificate, both] = ["key.pem", "certificate.pem", "both.pem"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const flags = ["req", "-x509", ...keyFlags[keys], "-nodes", "-days", "30", "-subj", "/CN=a SOAR"];
  const made = spawnSync("openssl", [...flags, "-keyout", key, "-out", certificate], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`openssl: ${made.stderr || made.error}`);
  const pem = readFileSync(certificate, "utf8");
  writeFileSync(both, readFileSync(key, "utf8") + pem, { mode: 0o600 });
  return {
    id,
    fingerprint: new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase(),
    curlFlags: inOneFile ? ["--cert", both] : ["--cert", certificate, "--key", key],
  };
}

/**
 * Calls as this external system makes them. A path without a leading slash is below its own base:
 * `get("sensors?ip=192.0.2.20")`. `id`: how the ID is spelt in the path.
 */
export function curlAs(
  system: ExternalSystem,
  central: Pick<CentralNodeProcess, "api">,
  { place = thisMachine, id = system.id }: { place?: Place; id?: string } = {},
) {
  const urlOf = (path: string) =>
    path.startsWith("/") ? central.api + path : `${central.api}${responseApiBase}/${id}/${path}`;
  const json = ["-H", "content-type: application/json"];
  const send = (method: string, path: string, body: unknown, flags: string[] = json) =>
    curl(place, urlOf(path), {
      flags: [...system.curlFlags, "-X", method, ...(body === undefined ? [] : ["--data-binary", "@-", ...flags])],
      ...(body === undefined ? {} : { stdin: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return {
    get: (path: string, flags: string[] = []) => curl(place, urlOf(path), { flags: [...system.curlFlags, ...flags] }),
    /** A string is sent as it stands, anything else as JSON. `flags`: curl's, in place of the JSON content type. */
    post: (path: string, body?: unknown, flags?: string[]) => send("POST", path, body, flags),
    delete: (path: string) => send("DELETE", path, undefined),
  };
}

/** What the API tells of a task once it has ended, output included. */
export async function untilTaskEnds(soar: Pick<ResponseApi, "get">, taskId: string) {
  return until(`task ${taskId} ends`, async () => {
    const { body } = await soar.get(`tasks/${taskId}?settings=true`);
    return ["completed", "failed", "cancelled"].includes(body.state) ? body : null;
  });
}

/** The setting's state on the host, as `GET sensors` tells it. */
export async function settingStateOf(
  soar: Pick<ResponseApi, "get">,
  host: Pick<AgentProcess, "sensorId">,
  type = "network_isolation",
) {
  const { body } = await soar.get(`sensors?sensor_id=${host.sensorId}`);
  return body.sensors[0].settingStates.find((state: { type: string }) => state.type === type);
}

/** One request by the real curl, which does not know our CA. */
export async function curl(
  place: Place,
  url: string,
  { flags = [], stdin }: { flags?: string[]; stdin?: string } = {},
): Promise<Answer> {
  const all = ["-sS", "-k", "--max-time", "20", "-w", "\n%{http_code} %{content_type}", ...flags, url];
  const { stdout, stderr } = await place.run("curl", all, {
    withinMs: 25_000,
    ...(stdin === undefined ? {} : { stdin }),
  });
  const end = stdout.lastIndexOf("\n");
  const [status = "0", ...contentType] = stdout.slice(end + 1).split(" ");
  const text = stdout.slice(0, Math.max(0, end));
  return { status: Number(status), body: parse(text), text, contentType: contentType.join(" "), why: stderr.trim() };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: a test that expects some fails on the null, and has the text beside it.
    return null;
  }
}
