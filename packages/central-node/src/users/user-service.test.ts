import assert from "node:assert/strict";
import { argon2Sync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import type { Actor } from "../audit/actor.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { createChanges } from "../changes/changes.ts";
import { testDatabases } from "../database/test-databases.ts";
import { hashPassword } from "./password.ts";
import { createUserService } from "./user-service.ts";

const administrator: Actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null };
const password = "correct horse battery";
const now = () => new Date("2026-11-24T10:00:00.000Z");
const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

test("a password is kept as an argon2id PHC string with a salt of its own, which its parameters reproduce", async () => {
  const [phc, again] = await Promise.all([hashPassword(password), hashPassword(password)]);
  assert.notEqual(phc, again);
  const match = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([0-9A-Za-z+/]+)\$([0-9A-Za-z+/]+)$/.exec(phc);
  assert.ok(match !== null, phc);
  const [, memory, passes, parallelism, salt = "", hash] = match;
  const computed = argon2Sync("argon2id", {
    message: password,
    nonce: Buffer.from(salt, "base64"),
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: 32,
  });
  assert.equal(computed.toString("base64").replace(/=+$/, ""), hash);
});

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const database = await kind.open(t);
    const audit = createAuditLog({ database, now });
    return { audit, database, users: createUserService({ database, audit, changes: createChanges(), now }) };
  }

  test(`${kind.name}: a user is added once, whatever the case of the name, and the password is nowhere`, async (t) => {
    const { users, audit, database } = await start(t);
    const added = await users.add({ name: "Alice", role: "security-officer", password }, administrator);
    assert.deepEqual([added.name, added.role, added.disabledAt], ["Alice", "security-officer", null]);
    await assert.rejects(
      users.add({ name: "aLICE", role: "administrator", password }, administrator),
      isProblem("CONFLICT"),
    );
    const rows = await database.read.selectFrom("users").selectAll().execute();
    const everything = JSON.stringify([rows, await audit.list(0, 10), await users.list()]);
    assert.ok(!everything.includes(password));
    assert.ok(!JSON.stringify(await users.list()).includes("argon2"));
  });

  test(`${kind.name}: two who add one name at once make one user`, async (t) => {
    const { users } = await start(t);
    const add = (name: string) => users.add({ name, role: "security-auditor", password }, administrator);
    const outcomes = await Promise.allSettled([add("bob"), add("Bob")]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await users.list()).length, 1);
  });

  test(`${kind.name}: the last administrator cannot be disabled, also by two at once`, async (t) => {
    const { users } = await start(t);
    await users.add({ name: "alice", role: "administrator", password }, administrator);
    await users.add({ name: "carol", role: "security-officer", password }, administrator);
    await assert.rejects(users.disable("Alice", administrator), isProblem("CONFLICT"));
    assert.notEqual((await users.disable("carol", administrator)).disabledAt, null);
    await users.add({ name: "bob", role: "administrator", password }, administrator);
    const outcomes = await Promise.allSettled([
      users.disable("alice", administrator),
      users.disable("bob", administrator),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.equal((await users.enable("carol", administrator)).disabledAt, null);
  });

  test(`${kind.name}: a password is replaced, and only an existing user has one`, async (t) => {
    const { users, database } = await start(t);
    await users.add({ name: "alice", role: "administrator", password }, administrator);
    const hash = async () =>
      (await database.read.selectFrom("users").select("password_hash").execute())[0]?.password_hash;
    const before = await hash();
    await users.setPassword("ALICE", "another long password", administrator);
    assert.notEqual(await hash(), before);
    await assert.rejects(users.setPassword("nobody", password, administrator), isProblem("NOT_FOUND"));
  });

  test(`${kind.name}: names and passwords that break a rule are refused`, async (t) => {
    const { users } = await start(t);
    for (const name of ["", " alice", "a b", "-x", "x".repeat(65), "a\0", "<b>"]) {
      await assert.rejects(
        users.add({ name, role: "administrator", password }, administrator),
        isProblem("BAD_REQUEST"),
      );
    }
    for (const weak of ["", "short", "x".repeat(257), "the name is alice!"]) {
      await assert.rejects(
        users.add({ name: "alice", role: "administrator", password: weak }, administrator),
        isProblem("BAD_REQUEST"),
      );
    }
    assert.deepEqual(await users.list(), []);
  });
}
