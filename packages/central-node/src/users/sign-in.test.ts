import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import { Secret, TOTP } from "otpauth";
import { createAuditLog } from "../audit/audit-log.ts";
import { createChanges } from "../changes/changes.ts";
import { type TestDatabase, testDatabases } from "../database/test-databases.ts";
import { createTestClock } from "../test-services.ts";
import { createAccountService } from "./account-service.ts";
import { createApiTokenService } from "./api-token-service.ts";
import { createSessionService } from "./session-service.ts";
import { createSetupService } from "./setup-service.ts";
import { createSignInService } from "./sign-in-service.ts";
import { createUserService } from "./user-service.ts";

const root = { kind: "local-administrator", id: "root", address: null, fingerprint: null } as const;
const password = "correct horse battery";
const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;
const from = (address: string, familiarity: string | null = null) => ({ address, userAgent: "a browser", familiarity });
const home = from("192.0.2.1");
const hourMs = 3_600_000;

async function start(t: TestContext, kind: TestDatabase) {
  const database = await kind.open(t);
  const clock = createTestClock();
  const { now } = clock;
  const audit = createAuditLog({ database, now });
  const changes = createChanges();
  const ended: (string | undefined)[] = [];
  changes.onChange(({ topic, id }) => topic === "session-ended" && ended.push(id));
  const people = { database, audit, changes, now };
  const users = createUserService(people);
  const sessions = createSessionService({ ...people, limits: { sessionIdleHours: 8, sessionHours: 24 } });
  const signIn = createSignInService({ ...people, sessions });
  const alice = await users.add({ name: "Alice", role: "administrator", password }, root);
  await users.add({ name: "bob", role: "administrator", password }, root);
  return {
    ...people,
    alice,
    clock,
    ended,
    users,
    sessions,
    account: createAccountService({ ...people, signIn }),
    apiTokens: createApiTokenService(people),
    setup: createSetupService({ ...people, sessions }),
    flush: signIn.flush,
    signIn: (changed: { name?: string; password?: string; code?: string } = {}, client = home) =>
      signIn.signIn({ name: "alice", password, ...changed }, client),
    refusals: async () =>
      (await audit.list(0, 1000))
        .filter((row) => row.result !== "done")
        .map((row) => ({ action: row.action, who: row.actor_id, detail: JSON.parse(row.detail) })),
  };
}

const codeOf = (secret: string, at: Date) =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at.getTime() });

for (const kind of testDatabases) {
  test(`${kind.name}: who knows the password gets a session, and the database holds nothing that opens it`, async (t) => {
    const { signIn, sessions, database, alice, users } = await start(t, kind);
    const opened = await signIn({ name: "ALICE" });
    const found = await sessions.find(opened.secret);
    assert.deepEqual([found?.userId, found?.role, found?.mustChangePassword], [alice.userId, "administrator", false]);
    assert.equal(found?.csrfToken, opened.state.csrfToken);
    const rows = await database.read.selectFrom("sessions").selectAll().execute();
    const kept = JSON.stringify(rows);
    for (const secret of [opened.secret, opened.state.csrfToken, opened.familiarity]) assert.ok(!kept.includes(secret));
    assert.equal(Buffer.from(opened.secret, "base64url").length, 32);
    assert.equal(await sessions.find("nonsense"), null);
    assert.notEqual((await users.get(alice.userId)).lastSignInAt, null);
  });

  test(`${kind.name}: unknown, wrong and disabled are refused in one and the same words`, async (t) => {
    const { signIn, users, refusals, flush, audit } = await start(t, kind);
    await users.disable("bob", root);
    const messages: string[] = [];
    for (const attempt of [
      { name: "nobody" },
      { password: "wrong horse battery" },
      { name: "bob" },
      { name: "a\0b" },
    ]) {
      await assert.rejects(signIn(attempt), (error: Problem) => {
        messages.push(`${error.code} ${error.message}`);
        return true;
      });
    }
    assert.equal(new Set(messages).size, 1, messages.join("\n"));
    // What was typed as a name may be a password: it is counted, not kept.
    assert.deepEqual(
      (await refusals()).map(({ who }) => who),
      ["Alice", "bob"],
    );
    await flush();
    const last = (await audit.list(0, 1000)).at(-1);
    assert.deepEqual([last?.action, JSON.parse(last?.detail ?? "")], ["session.strangers-refused", { count: 2 }]);
    assert.ok(!JSON.stringify(await audit.list(0, 1000)).includes("nobody"));
  });

  test(`${kind.name}: the waits after failures grow, also for many attempts at once, and pass`, async (t) => {
    const { signIn, clock } = await start(t, kind);
    const wrong = () => signIn({ password: "wrong horse battery" }).catch((error: Problem) => error);
    const outcomes = (await Promise.all(Array.from({ length: 20 }, wrong))) as Problem[];
    assert.equal(outcomes.filter(({ code }) => code === "UNAUTHORIZED").length, 5);
    assert.equal(outcomes.filter(({ code }) => code === "TOO_MANY_REQUESTS").length, 15);
    await assert.rejects(signIn(), isProblem("TOO_MANY_REQUESTS"), "the right password has to wait as well");
    const waits = [];
    for (let time = 0; time < 4; time++) {
      const { retryAfterSec } = ((await wrong()) as Problem).details as { retryAfterSec: number };
      waits.push(retryAfterSec);
      clock.pass(retryAfterSec * 1000);
      assert.equal(((await wrong()) as Problem).code, "UNAUTHORIZED");
    }
    assert.deepEqual(waits, [1, 2, 4, 8]);
    clock.pass(60_000);
    assert.equal((await signIn()).state.name, "Alice");
  });

  test(`${kind.name}: a stranger who tries a name on and on keeps nobody out at a browser that is known`, async (t) => {
    const { signIn, clock, users } = await start(t, kind);
    const { familiarity } = await signIn();
    for (let n = 0; n < 30; n++) {
      await assert.rejects(signIn({ password: "wrong horse battery" }, from(`198.51.100.${n}`)));
      clock.pass(1000);
    }
    await assert.rejects(signIn(), isProblem("TOO_MANY_REQUESTS"));
    assert.equal((await signIn({}, from("203.0.113.7", familiarity))).state.name, "Alice");
    // Neither another account nor a changed text is known, and a new password ends it.
    await assert.rejects(signIn({}, from("203.0.113.7", `${familiarity}x`)), isProblem("TOO_MANY_REQUESTS"));
    await users.setPassword("alice", "another horse battery", root);
    await assert.rejects(
      signIn({ password: "another horse battery" }, from("203.0.113.7", familiarity)),
      isProblem("TOO_MANY_REQUESTS"),
    );
  });

  test(`${kind.name}: a code of the second factor is asked for, counts once, and one period early or late`, async (t) => {
    const { signIn, account, alice, clock } = await start(t, kind);
    const own = { userId: alice.userId, sessionId: (await signIn()).state.sessionId, actor: root };
    await assert.rejects(account.confirmSecondFactor(own, "123456"), isProblem("CONFLICT"));
    const { secret, uri } = await account.offerSecondFactor(own);
    assert.match(uri, /^otpauth:\/\/totp\/Cordon:Alice\?/);
    assert.equal((await signIn()).state.hasSecondFactor, false, "it does not count before it is confirmed");
    await assert.rejects(account.confirmSecondFactor(own, "000000"), isProblem("BAD_REQUEST"));
    const confirming = codeOf(secret, clock.now());
    await account.confirmSecondFactor(own, confirming);
    await assert.rejects(signIn(), isProblem("SECOND_FACTOR_NEEDED"));
    await assert.rejects(signIn({ password: "wrong horse battery" }), isProblem("UNAUTHORIZED"));
    await assert.rejects(signIn({ code: confirming }), isProblem("UNAUTHORIZED"), "used to confirm");
    const codeAt = (offsetSec: number) => codeOf(secret, new Date(clock.now().getTime() + offsetSec * 1000));
    await assert.rejects(signIn({ code: codeAt(90) }), isProblem("UNAUTHORIZED"));
    clock.pass(hourMs);
    const codes = [codeAt(-30), codeAt(30)];
    const atOnce = await Promise.allSettled([1, 2].map(() => signIn({ code: codes[0] ?? "" })));
    assert.deepEqual(atOnce.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await signIn({ code: codes[1] ?? "" })).state.hasSecondFactor, true);
    await assert.rejects(signIn({ code: codeAt(0) }), isProblem("UNAUTHORIZED"), "an earlier one than the last");
    await assert.rejects(account.removeSecondFactor(own, "wrong horse battery"), isProblem("BAD_REQUEST"));
    await account.removeSecondFactor(own, password);
    assert.equal((await signIn()).state.hasSecondFactor, false);
  });

  test(`${kind.name}: codes cannot be tried on and on by who has the password`, async (t) => {
    const { signIn, account, alice, clock } = await start(t, kind);
    const own = { userId: alice.userId, sessionId: "", actor: root };
    const { secret } = await account.offerSecondFactor(own);
    await account.confirmSecondFactor(own, codeOf(secret, clock.now()));
    for (let n = 0; n < 16; n++) {
      await assert.rejects(signIn({ code: "000000" }));
      clock.pass(900_000);
    }
    const started = clock.now().getTime();
    let tried = 0;
    while (clock.now().getTime() - started < 2 * hourMs) {
      const refusal = (await signIn({ code: "000000" }).catch((error: Problem) => error)) as Problem;
      if (refusal.code === "UNAUTHORIZED") tried += 1;
      clock.pass(refusal.code === "TOO_MANY_REQUESTS" ? Number(refusal.details.retryAfterSec) * 1000 : 1000);
    }
    assert.ok(tried <= 9, `${tried} codes in two hours`);
  });

  test(`${kind.name}: a session ends when it is not used, and after a day however much it is used`, async (t) => {
    const { signIn, sessions, clock, database } = await start(t, kind);
    const idle = await signIn();
    const used = await signIn();
    for (let hour = 0; hour < 23; hour++) {
      clock.pass(hourMs);
      assert.notEqual(await sessions.find(used.secret), null, `after ${hour + 1} h`);
      const isIdleOpen = (await sessions.find(idle.secret, { quietly: true })) !== null;
      assert.equal(isIdleOpen, hour + 1 < 8, `looking quietly is no use: after ${hour + 1} h`);
    }
    clock.pass(hourMs);
    assert.equal(await sessions.find(used.secret), null);
    await sessions.sweep();
    assert.deepEqual(await database.read.selectFrom("sessions").selectAll().execute(), []);
  });

  test(`${kind.name}: another role, a disabled account, a reset and a new password end sessions at once`, async (t) => {
    const { signIn, sessions, users, account, alice, ended } = await start(t, kind);
    const isOpen = async ({ secret }: { secret: string }) => (await sessions.find(secret)) !== null;
    let session = await signIn();
    const { version } = await users.change(alice.userId, { role: "security-auditor" }, 1, root);
    assert.equal(await isOpen(session), false);
    session = await signIn();
    await users.change(alice.userId, { disabled: true }, version, root);
    assert.equal(await isOpen(session), false);
    await users.enable("alice", root);
    const [kept, other] = [await signIn(), await signIn()];
    const own = { userId: alice.userId, sessionId: kept.state.sessionId, actor: root };
    await assert.rejects(
      account.changePassword(own, { current: "wrong horse battery", next: "a new long password" }),
      isProblem("BAD_REQUEST"),
    );
    await assert.rejects(account.changePassword(own, { current: password, next: password }), isProblem("BAD_REQUEST"));
    await account.changePassword(own, { current: password, next: "a new long password" });
    assert.deepEqual([await isOpen(kept), await isOpen(other)], [true, false]);
    await users.reset(alice.userId, root);
    assert.equal(await isOpen(kept), false);
    assert.ok(ended.length >= 5 && ended.every((id) => id === alice.userId));
  });

  test(`${kind.name}: a reset leaves a one-time password, which must be changed, and no other way in`, async (t) => {
    const { signIn, users, account, apiTokens, alice, clock } = await start(t, kind);
    const own = { userId: alice.userId, sessionId: "", actor: root };
    const { secret } = await account.offerSecondFactor(own);
    await account.confirmSecondFactor(own, codeOf(secret, clock.now()));
    const { token } = await apiTokens.create(
      { userId: alice.userId, ownRole: "administrator", name: "script", role: "administrator", days: null },
      root,
    );
    const oneTime = await users.reset(alice.userId, root);
    assert.match(oneTime, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
    assert.equal(await apiTokens.find(token), null);
    await assert.rejects(signIn(), isProblem("UNAUTHORIZED"));
    const { state } = await signIn({ password: oneTime });
    assert.equal(state.mustChangePassword, true);
    await account.changePassword(
      { ...own, sessionId: state.sessionId },
      { current: oneTime, next: "a new long password" },
    );
    assert.equal((await signIn({ password: "a new long password" })).state.mustChangePassword, false);
  });

  test(`${kind.name}: an API token opens what its role allows, and never more than its owner may now`, async (t) => {
    const { users, apiTokens, alice, clock, database } = await start(t, kind);
    const wanted = { userId: alice.userId, ownRole: "administrator", name: "script", days: 1 } as const;
    await assert.rejects(
      apiTokens.create({ ...wanted, role: "senior-security-officer" }, root),
      isProblem("FORBIDDEN"),
    );
    const { token, row } = await apiTokens.create({ ...wanted, role: "administrator" }, root);
    assert.match(token, /^cordon_[0-9A-Za-z_-]{43}$/);
    assert.ok(!JSON.stringify(await database.read.selectFrom("api_tokens").selectAll().execute()).includes(token));
    assert.equal((await apiTokens.find(token))?.role, "administrator");
    assert.notEqual((await apiTokens.list(alice.userId))[0]?.last_used_at, null);
    const demoted = await users.change(alice.userId, { role: "security-auditor" }, 1, root);
    assert.equal((await apiTokens.find(token))?.role, "security-auditor");
    const senior = await users.change(alice.userId, { role: "senior-security-officer" }, demoted.version, root);
    assert.equal(await apiTokens.find(token), null, "neither role is within the other");
    const back = await users.change(alice.userId, { role: "administrator" }, senior.version, root);
    await users.change(alice.userId, { disabled: true }, back.version, root);
    assert.equal(await apiTokens.find(token), null, "disabled");
    await users.enable("alice", root);
    assert.notEqual(await apiTokens.find(token), null);
    clock.pass(24 * hourMs);
    assert.equal(await apiTokens.find(token), null, "expired");
    await assert.rejects(
      apiTokens.revoke({ tokenId: row.token_id, userId: "somebody else" }, root),
      isProblem("NOT_FOUND"),
    );
    await apiTokens.revoke({ tokenId: row.token_id, userId: alice.userId }, root);
    assert.deepEqual(await apiTokens.list(alice.userId), []);
  });

  test(`${kind.name}: the last administrator cannot be given another role, also by two at once`, async (t) => {
    const { users, alice } = await start(t, kind);
    const bob = (await users.list()).find(({ name }) => name === "bob");
    assert.ok(bob !== undefined);
    const outcomes = await Promise.allSettled([
      users.change(alice.userId, { role: "security-auditor" }, 1, root),
      users.change(bob.userId, { disabled: true }, 1, root),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const last = (await users.list()).find(({ role, disabledAt }) => role === "administrator" && disabledAt === null);
    assert.ok(last !== undefined);
    for (const change of [{ role: "security-officer" }, { disabled: true }] as const) {
      await assert.rejects(users.change(last.userId, change, last.version, root), isProblem("CONFLICT"));
    }
  });
}
