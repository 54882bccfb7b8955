/** What the tests of the Response API start with: a real cordon-server on one of the databases, and one real host. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { testDatabases } from "@cordon/central-node/test-databases";
import { type Answer, createExternalSystem, curlAs, type ExternalSystem } from "./external-system.ts";
import { createNetwork, needsNamespaces } from "./namespaces.ts";
import { type CentralNodeProcess, enrolHost, startCentralNode, thisMachine } from "./programs.ts";

export { testDatabases };
export type Lab = Awaited<ReturnType<typeof createLab>>;
export const notFound = { error: "Not Found" };
export const unauthorized = { error: "Unauthorized" };
/** Nobody's. */
export const unknownId = "00000000-1111-4222-8333-444444444444";

/**
 * In namespaces of their own where those can be made; otherwise on loopback, where the agent has no right to isolate:
 * what the API answers is the same, only what happens on the host is not seen then.
 */
export async function createLab(t: TestContext, kind: (typeof testDatabases)[number]) {
  const network = needsNamespaces.skip === undefined ? await createNetwork() : null;
  if (network !== null) t.after(() => network.close());
  const location = await kind.locate(t);
  const central = await startCentralNode(t, {
    place: network?.central ?? thisMachine,
    ...(kind.name === "SQLite" ? {} : { database: network === null ? location : bySocket(location) }),
  });
  const host = await enrolHost(t, central, { place: network?.host ?? thisMachine });
  const curlPlace = network?.central ?? thisMachine;
  const callAs = (system: ExternalSystem, id = system.id) => curlAs(system, central, { place: curlPlace, id });
  return { network, central, host, curlPlace, callAs };
}

/** An accepted external system, and its calls. */
export async function acceptedSystem(t: TestContext, { central, callAs }: Lab) {
  const system = createExternalSystem(t);
  const soar = callAs(system);
  is(await soar.get("sensors"), 401, unauthorized);
  await central.acceptSystem(system);
  return { system, soar };
}

/** Insists on the status, the whole body, and that it is said to be JSON. */
export function is(answer: Answer, status: number, body: unknown): void {
  assert.deepEqual([answer.status, answer.body], [status, body], answer.why);
  assert.match(answer.contentType, /^application\/json/);
}

/** Insists on a refusal that names what is wrong. */
export function isRefused(answer: Answer, status: number, title: string, message: RegExp): void {
  assert.deepEqual([answer.status, answer.body?.error], [status, title], answer.why || answer.text);
  assert.match(answer.body.message, message);
  assert.deepEqual(Object.keys(answer.body), ["error", "message"]);
}

export function listSystems(central: CentralNodeProcess) {
  return central.admin<{ externalSystemId: string; fingerprint: string; state: string; knocks: number }[]>(
    "external-system",
    "list",
  );
}

/** Another namespace's loopback is not the server's, but a UNIX socket's path is the same in all of them. */
function bySocket(location: string): string {
  return location.replace("@127.0.0.1:", "@%2Ftmp:");
}
