import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import Fastify from "fastify";
import { consolePage } from "./console-page.ts";

async function start(t: TestContext, files: Record<string, string>) {
  const parent = await mkdtemp(join(tmpdir(), "cordon-page-"));
  t.after(() => rm(parent, { recursive: true, force: true }));
  const folder = join(parent, "dist");
  const add = async (added: Record<string, string>) => {
    await mkdir(join(folder, "assets"), { recursive: true });
    for (const [name, text] of Object.entries(added)) await writeFile(join(folder, name), text);
  };
  await writeFile(join(parent, "secret.txt"), "not the page's");
  if (Object.keys(files).length > 0) await add(files);
  const app = Fastify();
  await app.register(consolePage({ folder }));
  t.after(() => app.close());
  return { add, get: (url: string) => app.inject({ method: "GET", url }) };
}

const built = {
  "index.html": "<!doctype html><title>Cordon</title>",
  "assets/index-3f2a.js": "console.log(1)",
  "favicon.svg": "<svg/>",
};

test("every path of the page is the page, which browsers ask for again each time", async (t) => {
  const { get } = await start(t, built);
  for (const path of ["/", "/hosts", "/hosts/4711?filter=a:is:b", "/set-up", "//", "//evil.example/x"]) {
    const answer = await get(path);
    assert.deepEqual([answer.statusCode, answer.body], [200, built["index.html"]], path);
    assert.match(String(answer.headers["content-type"]), /^text\/html/);
    assert.equal(answer.headers["cache-control"], "no-cache");
    const policy = String(answer.headers["content-security-policy"]);
    for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]) {
      assert.ok(policy.split("; ").includes(part), part);
    }
    assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe|https?:|\*/);
  }
});

test("what has its digest in its name is kept by browsers for good, everything else is asked for again", async (t) => {
  const { get } = await start(t, built);
  const script = await get("/assets/index-3f2a.js");
  assert.equal(script.statusCode, 200);
  assert.match(String(script.headers["content-type"]), /javascript/);
  assert.equal(script.headers["cache-control"], "public, max-age=31536000, immutable");
  assert.equal((await get("/favicon.svg")).headers["cache-control"], "no-cache");
});

test("what is not there is not the page, and nothing outside of the folder is there", async (t) => {
  const { get } = await start(t, built);
  for (const path of [
    "/assets/index-gone.js",
    "/api/v2/hosts",
    "/kata/x",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/assets/%00.js",
    "/assets/%zz.js",
  ]) {
    const answer = await get(path);
    assert.ok([400, 403, 404].includes(answer.statusCode), `${path}: ${answer.statusCode}`);
    assert.doesNotMatch(answer.body, /not the page's|<title>Cordon/, path);
  }
  assert.notEqual((await get("/assets/index-gone.js")).headers["cache-control"], "public, max-age=31536000, immutable");
});

test("where no page was built, that is said with what to do, and a page that is built later is there at once", async (t) => {
  const { get, add } = await start(t, {});
  const answer = await get("/");
  assert.equal(answer.statusCode, 503);
  assert.match(answer.body, /was not built/);
  assert.match(answer.body, /--console-files/);
  assert.doesNotMatch(answer.body, /<script/);
  await add(built);
  assert.equal((await get("/")).body, built["index.html"]);
});
