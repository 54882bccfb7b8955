import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { password, root, startTestConsole } from "./test-console.ts";

for (const kind of testDatabases) {
  const start = async (t: Parameters<typeof kind.open>[0]) => startTestConsole(t, await kind.open(t));

  test(`${kind.name}: the session's cookie is for this host alone, and no script and no other site gets at it`, async (t) => {
    const console = await start(t);
    await console.users.add({ name: "alice", role: "administrator", password }, root);
    const { headers, body } = await console.call("POST", "/session", { body: { name: "alice", password } });
    const [session = "", familiar = ""] = headers["set-cookie"] as string[];
    assert.match(session, /^__Host-cordon-session=[0-9A-Za-z_-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    assert.match(familiar, /^__Host-cordon-familiar=[^;]+; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    assert.equal(headers["cache-control"], "no-store");
    assert.deepEqual(Object.keys(body).sort(), [
      "csrfToken",
      "expiresAt",
      "hasSecondFactor",
      "mustChangePassword",
      "name",
      "role",
      "userId",
    ]);
  });

  test(`${kind.name}: a change by cookie needs the session's CSRF token; by API token it needs none`, async (t) => {
    const console = await start(t);
    const [alice, bob] = [await console.person("administrator", "alice"), await console.person("administrator", "bob")];
    const cookie = `__Host-cordon-session=${alice.cookies.get("__Host-cordon-session")}`;
    const token = { ttlHours: 1, uses: 1 };
    const bobs = (await bob.call("GET", "/session")).body;
    for (const csrf of [undefined, "", "x", bobs.csrfToken]) {
      const headers = { cookie, ...(csrf === undefined ? {} : { "x-cordon-csrf": csrf }) };
      const { status, body } = await console.call("POST", "/join-tokens", { headers, body: token });
      assert.deepEqual([status, body.code], [403, "FORBIDDEN"], String(csrf));
    }
    assert.equal((await alice.call("POST", "/join-tokens", token)).status, 200);
    const made = await alice.call("POST", "/api-tokens", { name: "script", role: "administrator", days: null });
    const headers = { authorization: `Bearer ${made.body.token}` };
    assert.equal((await console.call("POST", "/join-tokens", { headers, body: token })).status, 200);
    // A form of another site can send these, but never JSON.
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const answer = await console.call("POST", "/session", { body: "name=alice", headers: { "content-type": type } });
      assert.equal(answer.status, 415, type);
    }
  });

  test(`${kind.name}: of two who change one thing at once, the second is told so`, async (t) => {
    const console = await start(t);
    const [alice, bob] = [await console.person("administrator", "alice"), await console.person("administrator", "bob")];
    const seen = await alice.call("GET", "/settings");
    assert.equal(seen.headers.etag, '"1"');
    const change = (who: typeof alice, hours: number, ifMatch?: string) =>
      who.call(
        "PATCH",
        "/settings",
        { activityWarningHours: hours },
        ifMatch === undefined ? {} : { "if-match": ifMatch },
      );
    assert.equal((await change(alice, 12)).status, 428);
    assert.equal((await change(alice, 12, "*")).status, 400);
    const changed = await change(alice, 12, '"1"');
    assert.deepEqual([changed.status, changed.headers.etag], [200, '"2"']);
    const late = await change(bob, 48, 'W/"1"');
    assert.deepEqual([late.status, late.body.version], [412, 2]);
    assert.equal((await change(bob, 48, 'W/"2"')).status, 200);
    const refused = await change(bob, 500, '"3"');
    assert.match(refused.body.detail, /500 h must be less than 168 h/);
  });

  test(`${kind.name}: an order under one idempotency key is given once, however often it is sent`, async (t) => {
    const console = await start(t);
    const officer = await console.person("senior-security-officer");
    const sensorId = await console.services.addHost();
    const order = {
      sensorIds: [sensorId],
      program: "/usr/bin/uptime",
      commandLine: null,
      workingDirectory: null,
      startNow: true,
    };
    const give = (key: string, body: object = order) =>
      officer.call("POST", "/tasks", body, { "idempotency-key": key });
    const answers = await Promise.all([1, 2, 3, 4].map(() => give("one")));
    const given = answers.filter(({ status }) => status === 200);
    assert.ok(given.length >= 1);
    assert.ok(answers.every(({ status }) => status === 200 || status === 409));
    assert.deepEqual((await give("one")).body, given[0]?.body);
    const count = async () => (await officer.call("GET", "/tasks")).body.total;
    assert.equal(await count(), 1);
    assert.equal((await give("one", { ...order, program: "/usr/bin/id" })).status, 409, "another order under the key");
    assert.equal((await give("two")).status, 200);
    assert.equal(await count(), 2);
    assert.equal((await give("three", { ...order, program: "" })).status, 400);
    assert.equal((await give("three")).status, 200, "a refused call leaves its key free");
    assert.equal((await give("white space")).status, 400);
    const other = await console.person("senior-security-officer", "carol");
    assert.equal(
      (await other.call("POST", "/tasks", order, { "idempotency-key": "one" })).status,
      200,
      "keys are one's own",
    );
    console.clock.pass(86_400_000 + 1);
    await console.people.sweep();
    assert.deepEqual(await console.database.read.selectFrom("idempotent_calls").selectAll().execute(), []);
  });

  test(`${kind.name}: an order whose outcome is not known is not given again under its key`, async (t) => {
    const console = await start(t);
    const officer = await console.person("senior-security-officer");
    const body = { sensorIds: [await console.services.addHost()], hours: 2, exclusions: [] };
    const headers = { "idempotency-key": "lost" };
    assert.equal((await officer.call("POST", "/isolation-rules", body, headers)).status, 200);
    // As a Central Node leaves it that is killed between the order and its answer.
    await console.database.write((tx) => tx.updateTable("idempotent_calls").set({ answer: null }).execute());
    const again = await officer.call("POST", "/isolation-rules", body, headers);
    assert.equal(again.status, 409);
    assert.match(again.body.detail, /look whether the order is there/);
  });

  test(`${kind.name}: a refusal is problem+json that says what to do, and shows nothing of the inside`, async (t) => {
    const console = await start(t);
    const alice = await console.person("administrator");
    const unknown = await alice.call("GET", "/nothing");
    assert.equal(unknown.status, 404);
    assert.match(String(unknown.headers["content-type"]), /^application\/problem\+json/);
    const { requestId, ...body } = unknown.body;
    assert.equal(typeof requestId, "string");
    assert.deepEqual(body, {
      type: "about:blank",
      title: "Not Found",
      status: 404,
      detail: "there is no such call; /api/v1/openapi.json has them all",
      code: "NOT_FOUND",
    });
    for (const [method, path, sent, detail] of [
      ["POST", "/users", { name: "x" }, /^role must be one of/],
      ["GET", "/users/nonsense", undefined, /^userId must be a UUID, not "nonsense"/],
      ["GET", "/users?limit=0", undefined, /^limit must be an integer from 1 to 500, not 0/],
      ["GET", "/users?filter=secret:is:x", undefined, /the fields of this list are name, role, state/],
      ["POST", "/users", [], /must/],
    ] as const) {
      const answer = await alice.call(method, path, sent);
      assert.equal(answer.status, 400, path);
      assert.match(answer.body.detail, detail);
    }
    const broken = await console.app.inject({
      method: "POST",
      url: "/api/v1/session",
      headers: { "content-type": "application/json" },
      payload: "{",
    });
    assert.match(broken.json().detail, /^the body is not JSON/);
    const long = await console.call("POST", "/session", { body: { name: "x", password: "x".repeat(20_000) } });
    assert.equal(long.status, 413);
  });

  test(`${kind.name}: with a one-time password nothing is possible but setting a new one`, async (t) => {
    const console = await start(t);
    const alice = await console.person("administrator");
    const { user } = await console.person("security-officer", "bob");
    const reset = await alice.call("POST", `/users/${user.userId}/reset`);
    const oneTime = reset.body.password;
    const bob = console.browser();
    const signedIn = await bob.call("POST", "/session", { name: "bob", password: oneTime });
    assert.equal(signedIn.body.mustChangePassword, true);
    const refused = await bob.call("GET", "/hosts");
    assert.deepEqual([refused.status, refused.body.code], [403, "PASSWORD_CHANGE_NEEDED"]);
    const next = "a new long password";
    assert.equal((await bob.call("PUT", "/account/password", { current: oneTime, next })).status, 200);
    assert.equal((await bob.call("GET", "/hosts")).status, 200);
    assert.ok(!JSON.stringify(await console.audited()).includes(oneTime));
  });

  test(`${kind.name}: sessions are listed and ended one by one, and signing out ends one's own`, async (t) => {
    const console = await start(t);
    const first = await console.person("security-auditor", "alice");
    const second = console.browser("198.51.100.3");
    await second.call(
      "POST",
      "/session",
      { name: "alice", password },
      { "user-agent": "<img src=x onerror=alert(1)>" },
    );
    assert.equal((await first.call("GET", "/sign-in-methods")).body.signedIn, true);
    const { items } = (await first.call("GET", "/sessions")).body;
    assert.equal(items.length, 2);
    const other = items.find(({ current }) => current === false);
    assert.deepEqual([other?.address, other?.userAgent], ["198.51.100.3", "<img src=x onerror=alert(1)>"]);
    const stranger = await console.person("security-auditor", "bob");
    assert.equal((await stranger.call("DELETE", `/sessions/${other?.sessionId}`)).status, 404, "not one's own");
    assert.equal((await first.call("DELETE", `/sessions/${other?.sessionId}`)).status, 200);
    assert.equal((await second.call("GET", "/session")).status, 401);
    assert.equal((await second.call("GET", "/sign-in-methods")).body.signedIn, false);
    assert.equal((await first.call("DELETE", "/session")).status, 200);
    assert.equal(first.cookies.has("__Host-cordon-session"), false);
    assert.equal((await first.call("GET", "/session")).status, 401);
  });

  test(`${kind.name}: the setup link makes the first administrator, once, within a day, and only while there is none`, async (t) => {
    const console = await start(t);
    const methods = async () => (await console.call("GET", "/sign-in-methods")).body;
    assert.deepEqual(await methods(), { signedIn: false, setupNeeded: true, password: true, oidc: null });
    const offer = async () => {
      await console.people.offerSetup("https://node.example:8443");
      const { link } = JSON.parse(console.lines.findLast((line) => line.includes("/set-up#token=")) ?? "{}");
      const { origin, pathname, hash } = new URL(link);
      assert.deepEqual([origin, pathname], ["https://node.example:8443", "/set-up"]);
      return new URLSearchParams(hash.slice(1)).get("token") ?? "";
    };
    const setUp = (token: string, name = "alice") =>
      console.browser().call("POST", "/set-up", { token, name, password });
    const stale = await offer();
    console.clock.pass(24 * 3_600_000);
    assert.equal((await setUp(stale)).status, 401);
    assert.equal((await setUp("guessed")).status, 401);
    const token = await offer();
    assert.equal((await setUp(token, "not a name")).status, 400);
    const atOnce = await Promise.all([setUp(token, "alice"), setUp(token, "mallory")]);
    assert.deepEqual(atOnce.map(({ status }) => status).sort(), [200, 409]);
    assert.equal((await setUp(token, "bob")).status, 409);
    assert.equal((await console.users.list()).length, 1);
    assert.equal((await methods()).setupNeeded, false);
    const linesBefore = console.lines.length;
    await console.people.offerSetup("https://node.example:8443");
    assert.equal(console.lines.length, linesBefore, "with an administrator no link is made");
    assert.ok(
      !JSON.stringify(await console.database.read.selectFrom("setup_tokens").selectAll().execute()).includes(token),
    );
  });
}
