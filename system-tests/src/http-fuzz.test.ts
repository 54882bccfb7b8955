import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { testDatabases } from "@cordon/central-node/test-databases";
import { findFault, responseApiBase, responseApiOpenApi } from "@cordon/contract";
import fc from "fast-check";
import { makeCertificate } from "../../packages/central-node/src/http/test-certificates.ts";
import { createTlsApp } from "../../packages/central-node/src/http/tls-server.ts";
import { responseApiRoutes } from "../../packages/central-node/src/response-api/response-api-routes.ts";
import { createTestServices, silentLog, soar } from "../../packages/central-node/src/test-services.ts";
import { type FuzzedRequest, fuzzedRequest } from "./http-fuzz-requests.ts";

/** For each database. */
const forMs = 10_000;

const document = responseApiOpenApi("0.1.0");
type Responses = Record<string, { content: { "application/json": { schema: Parameters<typeof findFault>[0] } } }>;
// Looked up by the names in the document itself.
const operations = document.paths as unknown as Record<string, Record<string, { responses: Responses }>>;

for (const kind of testDatabases) {
  test(`${kind.name}: no request to the Response API gives a fault, and every answer fits the document`, async (t) => {
    const { ask, host, audited } = await start(t, kind);
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(fc.array(fuzzedRequest(host), { minLength: 1, maxLength: 5 }), async (requests) => {
        for (const request of requests) {
          const answer = await ask(request);
          seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
          checkAnswer(request, answer);
        }
      }),
      { numRuns: 100_000, interruptAfterTimeLimit: forMs, maxSkipsPerRun: 0 },
    );
    t.diagnostic(
      `answers by status: ${[...seen]
        .sort()
        .map(([status, count]) => `${status}: ${count}`)
        .join(", ")}`,
    );
    // Orders got through: it was not all refused at the door.
    for (const status of [200, 400, 404, 409, 415]) assert.ok(seen.has(status), `no answer was ${status}`);
    assert.ok((await audited()).some((entry) => entry.result === "done"));
  });
}

async function start(t: TestContext, kind: (typeof testDatabases)[number]) {
  const services = await createTestServices({ database: await kind.open(t), now: () => new Date() });
  const host = await services.addHost();
  const { pem, key } = await makeCertificate();
  const app = createTlsApp({
    certificates: {
      defaultCertificate: () => ({ cert: pem, key }),
      secureContextFor: () => assert.fail("no connection is made"),
      onChange: () => {},
    },
    askForClientCertificate: true,
    maxBodyBytes: 512 * 1024,
    log: silentLog,
  });
  await app.register(responseApiRoutes({ ...services, authorise: async () => ({ actor: soar }), version: "0.1.0" }));
  await app.ready();
  t.after(() => app.close());
  return {
    host,
    audited: services.audited,
    async ask({ method, url, headers, body }: FuzzedRequest) {
      const answer = await app.inject({
        // Also methods that its type does not know.
        method: method as "GET",
        url,
        headers,
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, type: String(answer.headers["content-type"]), text: answer.body };
    },
  };
}

function checkAnswer(
  { method, url }: FuzzedRequest,
  { status, type, text }: { status: number; type: string; text: string },
) {
  assert.ok(status < 500, `${status} ${text}`);
  if (method === "HEAD") return assert.equal(text, "");
  assert.match(type, /^application\/json/, `${status} ${text}`);
  const answer: unknown = JSON.parse(text);
  assert.ok(typeof answer === "object" && answer !== null && !Array.isArray(answer), text);
  if (status >= 400) assert.ok("error" in answer && typeof answer.error === "string", text);
  if (status === 404) assert.deepEqual(answer, { error: "Not Found" });
  const operation = operations[templateOf(url)]?.[method.toLowerCase()];
  if (operation === undefined) return;
  const schema = operation.responses[String(status)]?.content["application/json"].schema;
  assert.ok(schema !== undefined, `${status} is not documented`);
  assert.deepEqual(findFault(schema, answer), null, text);
}

/** The document's path that a URL stands for, or what stands for none. */
function templateOf(url: string): string {
  // As inject resolves it: `.` and `..` are gone.
  const path = new URL(url, "https://central-node").pathname;
  if (!path.startsWith(`${responseApiBase}/`)) return "";
  const [system, call, id, verb, ...more] = path.slice(responseApiBase.length + 1).split("/");
  if (!system || more.length > 0) return "";
  const template = [
    "/{external_system_id}",
    call,
    ...(id === undefined ? [] : ["{task_id}"]),
    ...(verb === undefined ? [] : [verb]),
  ];
  return template.join("/");
}
