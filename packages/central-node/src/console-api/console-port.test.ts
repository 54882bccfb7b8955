import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { consolePage } from "./console-page.ts";
import { consolePort } from "./console-port.ts";

const health = {
  startClosing: () => {},
  check: async () => ({ ready: true, checks: { database: true, nudges: true, closing: false } }),
};

async function start(t: TestContext) {
  const app = Fastify();
  await app.register(consolePort({ health, version: "1.2.3", parts: [consolePage({ folder: "/nonexistent" })] }));
  t.after(() => app.close());
  return (url: string) => app.inject({ method: "GET", url });
}

for (const [path, document, title] of [
  ["/docs/response-api", "/kata/response_api/v1/openapi.json", "Cordon Response API"],
  ["/docs/console-api", "/api/v1/openapi.json", "Cordon console API"],
] as const) {
  test(`${path} is a readable page of the document that is served`, async (t) => {
    const get = await start(t);
    const page = await get(`${path}/`);
    assert.equal(page.statusCode, 200);
    assert.match(page.body, new RegExp(`<title>${title}</title>`));
    const { info } = (await get(`${path}/json`)).json();
    assert.deepEqual([info.title, info.version], [title, "1.2.3"]);
    assert.deepEqual((await get(document)).json().info, info);
  });
}

test("the page takes nothing from elsewhere, sends nothing elsewhere, and cannot be framed", async (t) => {
  const get = await start(t);
  const page = await get("/docs/response-api/");
  const policy = Object.fromEntries(
    String(page.headers["content-security-policy"])
      .split(";")
      .map((part) => part.trim().split(/ (.*)/s)),
  );
  assert.equal(policy["default-src"], "'none'");
  assert.equal(policy["script-src"], "'self'");
  assert.equal(policy["connect-src"], "'self'");
  assert.equal(policy["frame-ancestors"], "'none'");
  assert.equal(policy["form-action"], "'none'");
  assert.equal(policy["base-uri"], "'none'");
  // What the policy would keep from running is not on the page, and all that it loads is there.
  assert.doesNotMatch(page.body, /<script(?![^>]*\bsrc=)/);
  const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target = ""]) => target);
  assert.ok(loaded.length > 3);
  for (const target of loaded) {
    const { pathname, host } = new URL(target, "https://console/docs/response-api/");
    assert.equal(host, "console", target);
    assert.equal((await get(pathname)).statusCode, 200, target);
  }
});

test("every answer of the console's port says how browsers must treat it", async (t) => {
  const get = await start(t);
  for (const url of ["/", "/docs/response-api/", "/api/v1/openapi.json", "/health/live", "/health/ready", "/nothing"]) {
    const { headers } = await get(url);
    assert.equal(headers["x-content-type-options"], "nosniff", url);
    assert.equal(headers["referrer-policy"], "no-referrer", url);
    assert.match(String(headers["content-security-policy"]), /default-src 'none'.*frame-ancestors 'none'/, url);
    assert.match(String(headers["strict-transport-security"]), /^max-age=\d+/, url);
  }
});
