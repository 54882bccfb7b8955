import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import pino from "pino";
import type { Actor } from "../audit/actor.ts";
import { createAuditLog } from "../audit/audit-log.ts";
import { createChanges } from "../changes/changes.ts";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { dayMs, makeCertificate, makeRsaKeys } from "../http/test-certificates.ts";
import { fingerprintOfPeer } from "./client-certificate.ts";
import { createExternalSystemService } from "./external-system-service.ts";

const id = "15301050-0490-4A41-81EA-B0391CF21EF3";
const address = "192.0.2.1";
const administrator: Actor = { kind: "local-administrator", id: "root", address: null, fingerprint: null };
const isProblem = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;
const [client, other, third] = [await makeCertificate(), await makeCertificate(), await makeCertificate()];

async function makeNode(
  t: TestContext,
  location: string,
  limits: Partial<{ pendingExternalSystems: number; pendingPerAddress: number }> = {},
) {
  const clock = { now: new Date("2026-11-24T10:00:00.000Z") };
  const now = () => clock.now;
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  const database = await openDatabase(location);
  t.after(() => database.close());
  const audit = createAuditLog({ database, now });
  const systems = createExternalSystemService({
    database,
    audit,
    changes: createChanges(),
    limits: { pendingExternalSystems: 100, pendingPerAddress: 10, pendingDays: 7, ...limits },
    now,
    log,
  });
  return {
    clock,
    lines,
    systems,
    pass: (msLater: number) => {
      clock.now = new Date(clock.now.getTime() + msLater);
    },
    knock: (peer = client, externalSystemId = id, from = address) =>
      systems.authorise({ externalSystemId, peer: peer.certificate, address: from }),
    audited: async (action: string) =>
      (await audit.list(0, 1000))
        .filter((entry) => entry.action === action)
        .map((entry) => ({ ...JSON.parse(entry.detail), object: entry.object, actor: entry.actor_id })),
  };
}

for (const kind of testDatabases) {
  const start = async (t: TestContext, limits = {}) => makeNode(t, await kind.locate(t), limits);
  const denied = isProblem("UNAUTHORIZED");

  test(`${kind.name}: a pair waits as one row until it is accepted, and then orders at once, its ID in any case`, async (t) => {
    const { systems, knock, pass, audited } = await start(t);
    await assert.rejects(knock(), denied);
    pass(1000);
    await assert.rejects(knock(client, id.toLowerCase()), denied);
    await systems.flush();
    const [row, ...rest] = await systems.list();
    assert.deepEqual(rest, []);
    assert.deepEqual(
      [row?.externalSystemId, row?.state, row?.knocks, row?.address, row?.subject],
      [id, "pending", 2, address, "CN=a client"],
    );
    assert.equal(row?.fingerprint, fingerprintOfPeer(client.certificate));
    assert.deepEqual([row?.firstSeenAt, row?.lastSeenAt], ["2026-11-24T10:00:00.000Z", "2026-11-24T10:00:01.000Z"]);
    const accepted = await systems.accept({ externalSystemId: id.toUpperCase() }, administrator);
    assert.deepEqual([accepted.state, accepted.decidedBy], ["accepted", "local-administrator:root"]);
    const { actor } = await knock(client, id.toLowerCase());
    assert.deepEqual(actor, { kind: "external-system", id, address, fingerprint: row?.fingerprint });
    assert.equal((await audited("external-system.accept")).length, 1);
  });

  test(`${kind.name}: first knocks that come at once make one row, also on two Central Nodes`, async (t) => {
    const location = await kind.locate(t);
    const first = await makeNode(t, location);
    const second = kind.name === "PostgreSQL" ? await makeNode(t, location) : first;
    const knocks = [first, second, first, second].map((node) => assert.rejects(node.knock(), denied));
    await Promise.all(knocks);
    assert.equal((await first.systems.list()).length, 1);
    assert.equal((await first.audited("external-system.knock")).length, 1);
  });

  test(`${kind.name}: without a certificate there is a refusal and no row`, async (t) => {
    const { systems } = await start(t);
    await assert.rejects(systems.authorise({ externalSystemId: id, peer: null, address }), denied);
    assert.deepEqual(await systems.list(), []);
    assert.equal(systems.strangersRefused()["no-certificate"], 1);
  });

  test(`${kind.name}: a rejected pair stays out for good, and makes no new row`, async (t) => {
    const { systems, knock } = await start(t);
    await assert.rejects(knock(), denied);
    await systems.reject({ externalSystemId: id }, administrator);
    await assert.rejects(knock(), denied);
    assert.deepEqual(
      (await systems.list()).map((system) => system.state),
      ["rejected"],
    );
    await assert.rejects(systems.accept({ externalSystemId: id }, administrator), isProblem("NOT_FOUND"));
    // A mind may be changed, by the very fingerprint.
    const fingerprint = client.certificate.fingerprint256;
    await systems.accept({ externalSystemId: id, fingerprint }, administrator);
    await knock();
  });

  test(`${kind.name}: another certificate of an accepted ID waits by itself, and the first goes on working`, async (t) => {
    const { systems, knock } = await start(t);
    await assert.rejects(knock(), denied);
    await systems.accept({ externalSystemId: id }, administrator);
    await assert.rejects(knock(other), denied);
    assert.deepEqual((await systems.list()).map((system) => system.state).sort(), ["accepted", "pending"]);
    await knock();
  });

  test(`${kind.name}: a withdrawn system is shut out from the next request on`, async (t) => {
    const { systems, knock } = await start(t);
    await assert.rejects(knock(), denied);
    await assert.rejects(systems.withdraw({ externalSystemId: id }, administrator), isProblem("NOT_FOUND"));
    await systems.accept({ externalSystemId: id }, administrator);
    await knock();
    const fingerprint = fingerprintOfPeer(client.certificate);
    await assert.rejects(systems.reject({ externalSystemId: id, fingerprint }, administrator), isProblem("CONFLICT"));
    await systems.withdraw({ externalSystemId: id }, administrator);
    await assert.rejects(knock(), denied);
    assert.equal((await systems.list())[0]?.state, "withdrawn");
  });

  test(`${kind.name}: of several pending certificates of an ID the one to accept must be named`, async (t) => {
    const { systems, knock } = await start(t);
    for (const peer of [client, other, third]) await assert.rejects(knock(peer), denied);
    const all = [client, other, third].map(({ certificate }) => fingerprintOfPeer(certificate)).sort();
    await assert.rejects(systems.accept({ externalSystemId: id }, administrator), (error) => {
      assert.ok(error instanceof Problem && error.code === "CONFLICT");
      assert.deepEqual((error.details.fingerprints as string[]).toSorted(), all);
      return true;
    });
    const fingerprint = fingerprintOfPeer(other.certificate);
    await systems.accept({ externalSystemId: id, fingerprint }, administrator);
    await knock(other);
    await assert.rejects(knock(client), denied);
    const unknown = { externalSystemId: id, fingerprint: "ab".repeat(32) };
    await assert.rejects(systems.accept(unknown, administrator), isProblem("NOT_FOUND"));
  });

  test(`${kind.name}: nobody fills the database: so many wait from one address, so many in all`, async (t) => {
    const { systems, knock, audited } = await start(t, { pendingPerAddress: 2, pendingExternalSystems: 3 });
    const full = isProblem("TOO_MANY_PENDING");
    await assert.rejects(knock(client, "a"), denied);
    await assert.rejects(knock(client, "b"), denied);
    await assert.rejects(knock(client, "c"), full);
    await assert.rejects(knock(client, "a"), denied);
    await assert.rejects(knock(client, "c", "192.0.2.2"), denied);
    await assert.rejects(knock(client, "d", "192.0.2.3"), full);
    assert.equal((await systems.list()).length, 3);
    assert.equal((await audited("external-system.knock")).length, 3);
    // One decided is one place free.
    await systems.reject({ externalSystemId: "a" }, administrator);
    await assert.rejects(knock(client, "d", "192.0.2.3"), denied);
  });

  test(`${kind.name}: the caps hold when all come at once`, async (t) => {
    const { systems, knock } = await start(t, { pendingPerAddress: 5 });
    const ids = Array.from({ length: 30 }, (_, index) => `system-${index}`);
    await Promise.allSettled(ids.map((externalSystemId) => knock(client, externalSystemId)));
    assert.equal((await systems.list()).length, 5);
  });

  test(`${kind.name}: who waits longer than a week is forgotten, rejected and withdrawn ones are not`, async (t) => {
    const { systems, knock, pass } = await start(t);
    for (const externalSystemId of ["waits", "rejected"]) await assert.rejects(knock(client, externalSystemId), denied);
    await systems.reject({ externalSystemId: "rejected" }, administrator);
    pass(7 * dayMs);
    await systems.sweep();
    assert.equal((await systems.list()).length, 2);
    pass(1);
    // Also before the sweep has run: it begins a new wait.
    await assert.rejects(knock(client, "waits"), denied);
    const [rejected, waits] = await systems.list();
    assert.deepEqual([rejected?.state, waits?.firstSeenAt], ["rejected", "2026-12-01T10:00:00.001Z"]);
    pass(7 * dayMs + 1);
    await systems.sweep();
    assert.deepEqual(
      (await systems.list()).map((system) => system.externalSystemId),
      ["rejected"],
    );
  });

  test(`${kind.name}: an expired certificate of an accepted system works, is flagged, and logged once a day`, async (t) => {
    const { systems, knock, pass, lines } = await start(t);
    await assert.rejects(knock(), denied);
    await systems.accept({ externalSystemId: id }, administrator);
    assert.equal((await systems.list())[0]?.expired, false);
    pass(400 * dayMs);
    for (let request = 0; request < 3; request++) await knock();
    assert.equal((await systems.list())[0]?.expired, true);
    const flagged = () => lines.filter((line) => line.includes("has expired")).length;
    assert.equal(flagged(), 1);
    pass(dayMs);
    await knock();
    assert.equal(flagged(), 2);
  });

  test(`${kind.name}: refusals of a known system are audited, one entry a minute that says how many`, async (t) => {
    const { systems, knock, pass, audited } = await start(t);
    await assert.rejects(knock(), denied);
    await systems.accept({ externalSystemId: id }, administrator);
    await systems.withdraw({ externalSystemId: id }, administrator);
    const refused = async () => (await audited("external-system.refused")).map(({ reason, count }) => [reason, count]);
    for (let request = 0; request < 50; request++) await assert.rejects(knock(), denied);
    assert.deepEqual(await refused(), [["withdrawn", 1]]);
    pass(59_000);
    await systems.flush();
    assert.equal((await refused()).length, 1);
    pass(1000);
    await systems.flush();
    assert.deepEqual(await refused(), [
      ["withdrawn", 1],
      ["withdrawn", 49],
    ]);
    // However many certificates a stranger makes for a known ID: they share the one entry.
    await assert.rejects(knock(other), denied);
    await assert.rejects(knock(third), denied);
    assert.deepEqual((await refused()).at(-1), ["another certificate of a known ID", 1]);
    assert.equal((await refused()).length, 3);
    await systems.flush({ everything: true });
    assert.deepEqual((await refused()).at(-1), ["another certificate of a known ID", 1]);
    assert.equal((await refused()).length, 4);
  });

  test(`${kind.name}: refusals of strangers are summed up in one entry an hour`, async (t) => {
    const { systems, knock, pass, audited } = await start(t);
    for (let request = 0; request < 20; request++) await assert.rejects(knock(), denied);
    await assert.rejects(systems.authorise({ externalSystemId: id, peer: null, address }), denied);
    await systems.flush();
    assert.deepEqual(await audited("external-system.strangers-refused"), []);
    pass(3_600_000);
    await systems.flush();
    await systems.flush();
    assert.deepEqual(await audited("external-system.strangers-refused"), [
      { "no-certificate": 1, "not-accepted": 20, "too-many-pending": 0, object: "strangers", actor: "central-node" },
    ]);
  });

  test(`${kind.name}: hostile certificates are recorded cleaned and bounded, whatever they carry`, async (t) => {
    const { systems, knock } = await start(t);
    const year = (at: number) => new Date(Date.UTC(at, 0, 1));
    const hostile = [
      await makeCertificate({ commonName: "\u001b[31mred\u0000\u0007\nsecond line\u202e" }),
      await makeCertificate({ commonName: "x".repeat(64 * 1024) }),
      await makeCertificate({ commonName: "<script>alert(1)</script>', DROP TABLE \ud83d\ude00" }),
      await makeCertificate({ keys: await makeRsaKeys(1024) }),
      await makeCertificate({ from: year(1970), to: year(1971) }),
      await makeCertificate({ from: year(9998), to: year(9999) }),
    ];
    for (const peer of hostile) await assert.rejects(knock(peer), denied);
    const listed = await systems.list();
    assert.equal(listed.length, hostile.length);
    for (const system of listed) {
      assert.doesNotMatch(system.subject, /\p{Cc}/u);
      assert.ok(system.subject.length <= 512);
      await systems.accept({ externalSystemId: id, fingerprint: system.fingerprint }, administrator);
    }
    for (const peer of hostile) await knock(peer);
  });

  test(`${kind.name}: an ID of another form is a bad request and leaves no trace`, async (t) => {
    const { systems, knock } = await start(t);
    for (const bad of ["", "a b", "x".repeat(65), "id\0", "../etc", "é"]) {
      await assert.rejects(knock(client, bad), isProblem("BAD_REQUEST"));
    }
    assert.deepEqual(await systems.list(), []);
  });

  test(`${kind.name}: a name for people is kept, changed and taken away`, async (t) => {
    const { systems, knock } = await start(t);
    await assert.rejects(knock(), denied);
    assert.equal((await systems.name({ externalSystemId: id, name: " SOAR " }, administrator)).name, "SOAR");
    assert.equal((await systems.list())[0]?.name, "SOAR");
    assert.equal((await systems.name({ externalSystemId: id, name: "" }, administrator)).name, null);
    for (const name of ["a\nb", "x".repeat(101)]) {
      await assert.rejects(systems.name({ externalSystemId: id, name }, administrator), isProblem("BAD_REQUEST"));
    }
    await assert.rejects(
      systems.name({ externalSystemId: "nobody", name: "x" }, administrator),
      isProblem("NOT_FOUND"),
    );
  });
}
