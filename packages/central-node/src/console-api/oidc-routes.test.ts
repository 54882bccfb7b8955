import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type TestDatabase, testDatabases } from "../database/test-databases.ts";
import { password, root, startTestConsole } from "./test-console.ts";
import { consoleOrigin, type Person, startIdentityProvider } from "./test-identity-provider.ts";

async function start(t: TestContext, kind: TestDatabase) {
  const provider = await startIdentityProvider(t);
  const console = await startTestConsole(t, await kind.open(t), { identityProvider: provider.config });
  const host = { host: new URL(consoleOrigin).host };
  const begin = async (browser = console.browser()) => {
    const { status, headers } = await browser.call("GET", "/oidc/start", undefined, host);
    return { status, browser, location: String(headers.location) };
  };
  const comeBack = async (browser: ReturnType<typeof console.browser>, path: string) => {
    const answer = await browser.call("GET", path.replace(/^\/api\/v1/, ""), undefined, host);
    const location = String(answer.headers.location);
    return { status: answer.status, location, error: decodeURIComponent(location.split("#error=")[1] ?? "") };
  };
  return {
    ...console,
    provider,
    begin,
    comeBack,
    async signIn(person: Person) {
      provider.become(person);
      const { browser, location } = await begin();
      return { browser, ...(await comeBack(browser, await provider.goThrough(location))) };
    },
  };
}

const carol = { sub: "42", preferred_username: "carol", email: "carol@example.org", groups: ["staff", "soc"] };

for (const kind of testDatabases) {
  test(`${kind.name}: who signs in at the identity provider becomes a user with the role of the first group that fits`, async (t) => {
    const { signIn, users, call, audited } = await start(t, kind);
    assert.deepEqual((await call("GET", "/sign-in-methods")).body.oidc, { label: "Example" });
    const { browser, status, location } = await signIn(carol);
    assert.deepEqual([status, location], [302, "/"]);
    const { body } = await browser.call("GET", "/session");
    assert.deepEqual([body.name, body.role, body.mustChangePassword], ["carol", "security-officer", false]);
    assert.equal((await browser.call("GET", "/hosts")).status, 200);
    assert.equal((await browser.call("GET", "/users")).status, 403);
    const [user] = await users.list();
    assert.deepEqual([user?.isExternal, user?.role], [true, "security-officer"]);
    assert.deepEqual(
      (await audited()).map(({ action, who, result }) => [action, who, result]),
      [
        ["user.add", "user:carol", "done"],
        ["session.open", "user:carol", "done"],
        ["console-api.listUsers", "user:carol", "FORBIDDEN"],
      ],
    );
    // Nobody signs in under that name with a password.
    const byPassword = await call("POST", "/session", { body: { name: "carol", password: "none" } });
    assert.equal(byPassword.status, 401);
  });

  test(`${kind.name}: the role is the provider's at each sign-in, and with another role earlier sessions end`, async (t) => {
    const { signIn, users } = await start(t, kind);
    const first = await signIn(carol);
    await signIn(carol);
    assert.equal((await first.browser.call("GET", "/session")).status, 200);
    const promoted = await signIn({ ...carol, preferred_username: "carol-renamed", groups: "cordon-admins" });
    const { body } = await promoted.browser.call("GET", "/session");
    assert.deepEqual([body.name, body.role], ["carol", "administrator"], "known by what stays when a name changes");
    assert.equal((await first.browser.call("GET", "/session")).status, 401);
    assert.equal((await users.list()).length, 1);
  });

  test(`${kind.name}: who has no mapped group, or a disabled account, is refused with a sentence`, async (t) => {
    const { signIn, users, audited } = await start(t, kind);
    const { location, error, browser } = await signIn({ sub: "43", preferred_username: "dave", groups: ["staff"] });
    assert.match(location, /^\/sign-in#error=/);
    assert.equal(error, "Example gives you no role here: ask an administrator to put you into a group that has one");
    assert.equal((await browser.call("GET", "/session")).status, 401);
    assert.deepEqual(await users.list(), []);
    const [refusal] = await audited("session.open");
    assert.deepEqual([refusal?.result, refusal?.who.endsWith(" 43")], ["FORBIDDEN", true]);
    await signIn(carol);
    await users.disable("carol", root);
    assert.equal((await signIn(carol)).error, "your account is disabled here: ask an administrator");
  });

  test(`${kind.name}: a name at the provider never opens the account of somebody else`, async (t) => {
    const { signIn, users } = await start(t, kind);
    await users.add({ name: "alice", role: "administrator", password }, root);
    const { browser } = await signIn({ sub: "44", preferred_username: "Alice", groups: ["soc"] });
    const { body } = await browser.call("GET", "/session");
    assert.deepEqual([body.name, body.role], ["Alice@127.0.0.1", "security-officer"]);
    const hostile = { sub: "<img src=x onerror=alert(1)>", preferred_username: "<b>", email: "x y", groups: ["soc"] };
    assert.match((await signIn(hostile)).error, /a name that a user has here already, or none/);
  });

  test(`${kind.name}: an answer that is not one to this browser's question is refused`, async (t) => {
    const { begin, comeBack, provider, browser, audited } = await start(t, kind);
    provider.become(carol);
    const { browser: own, location } = await begin();
    const url = new URL(location);
    const asked = url.searchParams;
    assert.equal(asked.get("code_challenge_method"), "S256");
    for (const name of ["state", "nonce", "code_challenge"]) assert.ok((asked.get(name) ?? "").length >= 43, name);
    assert.equal(asked.get("redirect_uri"), `${consoleOrigin}/api/v1/oidc/callback`);
    assert.ok([...own.cookies.keys()].includes("__Host-cordon-oidc"));
    const path = await provider.goThrough(location);
    const refused = async (who: ReturnType<typeof browser>, back: string, why: RegExp) => {
      const { location: target, error } = await comeBack(who, back);
      assert.match(target, /^\/sign-in#error=/);
      assert.match(error, why);
      assert.equal((await who.call("GET", "/session")).status, 401);
    };
    // Somebody else's browser, which a link with this answer was sent to; then one with a sign-in of its own under way.
    await refused(browser(), path, /was begun in another browser/);
    await refused((await begin()).browser, path, /did not sign you in/);
    await refused(own, `${path}0`, /did not sign you in/);
    await refused(own, path, /was begun in another browser/);
    assert.deepEqual(await audited("session.open"), []);
  });
}

test("a Host header that is none is the caller's fault, not ours", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const provider = await startIdentityProvider(t);
  const console = await startTestConsole(t, await sqlite.open(t), { identityProvider: provider.config });
  const { headers } = await console.browser().call("GET", "/oidc/start", undefined, { host: "a b:%" });
  assert.match(decodeURIComponent(String(headers.location)), /the Host header is not a name/);
  assert.ok(!console.lines.some((line) => line.includes("a request failed")));
});

test("a provider that cannot be reached is said, and is asked again the next time", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const provider = await startIdentityProvider(t);
  const identityProvider = { ...provider.config, issuer: "http://127.0.0.1:9" };
  const console = await startTestConsole(t, await sqlite.open(t), { identityProvider });
  for (let time = 0; time < 2; time++) {
    const { headers } = await console.browser().call("GET", "/oidc/start");
    assert.match(decodeURIComponent(String(headers.location)), /Example did not sign you in: try again/);
  }
  assert.equal(console.lines.filter((line) => line.includes("could not reach the identity provider")).length, 2);
});
