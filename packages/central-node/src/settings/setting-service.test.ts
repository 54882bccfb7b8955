import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Problem, type SettingReport } from "@cordon/contract";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, everyCapability, isolationWish, soar } from "../test-services.ts";

const isProblem = (code: string, message?: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === code && (message?.test(error.message) ?? true);
const [nobody, journalId] = [randomUUID(), randomUUID()];
const hour = 3_600_000;
const none = new Map<string, number>();

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const clock = createTestClock();
    const database = await kind.open(t);
    const services = await createTestServices({ database, now: clock.now });
    const host = await services.addHost();
    const isolation = { actor: soar, target: host, action: "network-isolation" };
    const report = (changes: Partial<SettingReport>): SettingReport => ({
      type: "setting-report",
      reportId: randomUUID(),
      action: "network-isolation",
      scope: "host",
      lineage: services.lineage,
      generation: 1,
      state: "in-effect",
      at: clock.now().toISOString(),
      ...changes,
    });
    const say = (said: SettingReport, journal = journalId) => services.settings.recordReport(host, said, journal);
    const stateOf = async (sensorId = host) =>
      (await services.settings.listStates([{ sensorId, capabilities: everyCapability }])).get(sensorId);
    return { clock, database, host, isolation, report, say, stateOf, ...services };
  }

  test(`${kind.name}: of reports that arrive together each is taken or not by itself, and the newest of a host wins`, async (t) => {
    const { settings, host, isolation, report, say, database, addHost, lineage } = await start(t);
    const other = await addHost();
    await settings.set(isolation, isolationWish());
    await settings.set(isolation, isolationWish());
    await settings.set({ ...isolation, target: other }, isolationWish());
    let writes = 0;
    const { write } = database;
    database.write = (work) => {
      writes += 1;
      return write(work);
    };
    await Promise.all([
      say(report({ generation: 1, reportNumber: 1, state: "failed" })),
      say(report({ generation: 2, reportNumber: 3 })),
      say(report({ generation: 2, reportNumber: 2, state: "failed" })),
      say(report({ generation: 9, reportNumber: 4, state: "failed" })),
      say(report({ action: "never-heard-of", reportNumber: 5 })),
      settings.recordReport(other, report({ lineage, reportNumber: 1 }), journalId),
    ]);
    const rows = await database.read.selectFrom("setting_reports").selectAll().execute();
    assert.deepEqual(
      rows.map((row) => [row.sensor_id, row.generation, row.report_number, row.state]).sort(),
      [
        [host, 2, 3, "in-effect"],
        [other, 1, 1, "in-effect"],
      ].sort(),
    );
    assert.equal(writes, 1, "all of them are one work");
  });

  test(`${kind.name}: each order has a generation of its own, and the newest replaces the whole wish`, async (t) => {
    const { settings, host, isolation, clock } = await start(t);
    const exclusion = {
      direction: "both" as const,
      protocol: 6,
      remoteAddress: "10.0.0.1",
      localPorts: null,
      remotePorts: null,
    };
    assert.deepEqual(await settings.set(isolation, { autoTurnoffTimeoutInSec: 7200, exclusions: [exclusion] }), {
      generation: 1,
      endsAt: "2026-11-24T12:00:00.000Z",
    });
    clock.pass(hour);
    assert.deepEqual(await settings.set(isolation, isolationWish(3)), {
      generation: 2,
      endsAt: "2026-11-24T14:00:00.000Z",
    });
    assert.deepEqual(await settings.findInForce(host, "network-isolation"), {
      wish: isolationWish(3),
      endsAt: "2026-11-24T14:00:00.000Z",
    });
  });

  test(`${kind.name}: lifting ends a setting with a generation of its own; lifting again, or nothing, changes nothing`, async (t) => {
    const { settings, host, isolation, audited, nudged } = await start(t);
    await settings.lift(isolation);
    assert.deepEqual([(await audited()).length, nudged.length], [0, 0]);
    await settings.set(isolation, isolationWish());
    await settings.lift(isolation);
    await settings.lift(isolation);
    assert.equal(await settings.findInForce(host, "network-isolation"), null);
    assert.deepEqual(
      (await audited()).map(({ action, object, detail }) => [action, object, detail.generation]),
      [
        ["network-isolation.set", host, 1],
        ["network-isolation.lift", host, 2],
      ],
    );
    assert.deepEqual(nudged, Array(2).fill({ target: host, about: "settings" }));
    assert.deepEqual(await settings.set(isolation, isolationWish()).then((set) => set.generation), 3);
  });

  test(`${kind.name}: an isolation whose time has run out is not in force, and its host is told that it is lifted`, async (t) => {
    const { settings, host, isolation, clock } = await start(t);
    await settings.set(isolation, isolationWish(2));
    const due = async () =>
      (await settings.readDue({ sensorId: host, capabilities: everyCapability }, none, { inSets: false })).settings;
    clock.pass(2 * hour - 1);
    assert.deepEqual(
      (await due()).map((setting) => [setting.wish, setting.remainingSec]),
      [[isolationWish(2), 0.001]],
    );
    clock.pass(1);
    assert.equal(await settings.findInForce(host, "network-isolation"), null);
    assert.deepEqual(await due(), [{ action: "network-isolation", scope: "host", generation: 1, wish: null }]);
  });

  test(`${kind.name}: a host that does not exist is NOT_FOUND for every call, and "all" is no host for an isolation`, async (t) => {
    const { settings, audited } = await start(t);
    const at = (target: string) => ({ actor: soar, target, action: "network-isolation" });
    await assert.rejects(settings.set(at(nobody), isolationWish()), isProblem("NOT_FOUND"));
    await assert.rejects(settings.lift(at(nobody)), isProblem("NOT_FOUND"));
    await assert.rejects(settings.findInForce(nobody, "network-isolation"), isProblem("NOT_FOUND"));
    await assert.rejects(settings.set(at("all"), isolationWish()), isProblem("BAD_REQUEST", /for one host/));
    await assert.rejects(settings.lift(at("all")), isProblem("BAD_REQUEST", /for one host/));
    assert.equal((await audited()).length, 0);
  });

  test(`${kind.name}: what is no setting, and a wish that breaks its rules, is refused and changes nothing`, async (t) => {
    const { settings, host, isolation, audited } = await start(t);
    for (const action of ["run-process", "toString", "__proto__", ""]) {
      await assert.rejects(settings.set({ ...isolation, action }, {}), isProblem("BAD_REQUEST", /there is no setting/));
    }
    await assert.rejects(
      settings.set(isolation, isolationWish(0)),
      isProblem("BAD_REQUEST", /autoTurnoffTimeoutInSec/),
    );
    assert.equal(await settings.findInForce(host, "network-isolation"), null);
    assert.equal((await audited()).length, 0);
  });

  test(`${kind.name}: only what the host does not have is due, an isolation first, and only what it can do`, async (t) => {
    const { settings, host, isolation } = await start(t);
    const files = { files: [{ algorithm: "md5", hash: "d".repeat(32), name: null }] };
    await settings.set({ ...isolation, action: "prevention" }, files);
    await settings.set(
      { ...isolation, target: "all", action: "prevention" },
      { files: [{ ...files.files[0], hash: "e".repeat(32) }] },
    );
    await settings.set(isolation, isolationWish());
    const due = async (known: [string, number][], capabilities = everyCapability) =>
      (await settings.readDue({ sensorId: host, capabilities }, new Map(known), { inSets: false })).settings.map(
        ({ action, scope, generation }) => `${action}/${scope} ${generation}`,
      );
    const [first, ...others] = await due([]);
    assert.equal(first, "network-isolation/host 1");
    assert.deepEqual(others.sort(), ["prevention/all 1", "prevention/host 1"]);
    assert.deepEqual(
      await due([
        ["network-isolation/host", 1],
        ["prevention/all", 1],
      ]),
      ["prevention/host 1"],
    );
    assert.deepEqual(await due([], ["network-isolation"]), ["network-isolation/host 1"]);
    assert.deepEqual(await due([], []), []);
  });

  test(`${kind.name}: a host that holds a setting is told that it is lifted, also when it can no longer do it`, async (t) => {
    const { settings, host, isolation } = await start(t);
    await settings.set(isolation, isolationWish());
    await settings.lift(isolation);
    const due = async (known: [string, number][]) =>
      (await settings.readDue({ sensorId: host, capabilities: [] }, new Map(known), { inSets: false })).settings;
    assert.deepEqual(await due([["network-isolation/host", 1]]), [
      { action: "network-isolation", scope: "host", generation: 2, wish: null },
    ]);
    assert.deepEqual(await due([["network-isolation/host", 2]]), []);
    assert.deepEqual(await due([]), [], "it never had it");
  });

  test(`${kind.name}: the newest generation that a host reports stands, and an older report changes nothing`, async (t) => {
    const { settings, isolation, report, say, stateOf, counted } = await start(t);
    await settings.set(isolation, isolationWish());
    await settings.set(isolation, isolationWish());
    await say(report({ generation: 2, state: "failed", reason: "NFT_MISSING", detail: "no nft" }));
    await say(report({ generation: 1, state: "in-effect" }));
    const [state] = (await stateOf()) ?? [];
    assert.deepEqual([state?.state, state?.reason, state?.detail], ["failed", "NFT_MISSING", "no nft"]);
    await say(report({ generation: 2, state: "in-effect", detail: "3 rules" }));
    assert.deepEqual(
      (await stateOf())?.map(({ state, reason, detail }) => [state, reason, detail]),
      [["in-effect", null, "3 rules"]],
    );
    assert.deepEqual(counted.slice(2), ["network-isolation failed", "network-isolation in-effect"]);
  });

  test(`${kind.name}: of reports about one generation the newer stands, though it came first; a new journal counts anew`, async (t) => {
    const { settings, isolation, report, say, stateOf } = await start(t);
    await settings.set(isolation, isolationWish());
    const states = async () => (await stateOf())?.map((state) => state.state);
    await say(report({ reportNumber: 7, state: "in-effect" }));
    await say(report({ reportNumber: 6, state: "failed", reason: "NFT_REFUSED" }));
    assert.deepEqual(await states(), ["in-effect"]);
    await say(report({ reportNumber: 8, state: "failed", reason: "NFT_REFUSED" }));
    assert.deepEqual(await states(), ["failed"]);
    await say(report({ reportNumber: 1, state: "in-effect" }), randomUUID());
    assert.deepEqual(await states(), ["in-effect"]);
  });

  test(`${kind.name}: a report about what was never ordered, or by another history of the database, is not taken`, async (t) => {
    const { settings, isolation, report, say, stateOf, database } = await start(t);
    await say(report({}));
    await settings.set(isolation, isolationWish());
    await say(report({ generation: 2 }));
    await say(report({ generation: Number.MAX_SAFE_INTEGER }));
    await say(report({ lineage: randomUUID() }));
    assert.deepEqual(
      (await stateOf())?.map((state) => state.state),
      ["pending"],
    );
    assert.deepEqual(await database.read.selectFrom("setting_reports").selectAll().execute(), []);
  });

  test(`${kind.name}: text and times of a hostile host are kept harmless`, async (t) => {
    const { settings, isolation, report, say, stateOf } = await start(t);
    await settings.set(isolation, isolationWish());
    await say(report({ state: "failed", reason: "A\0", detail: "\u001b[2J\ud800", at: "yesterday" }));
    const [state] = (await stateOf()) ?? [];
    assert.deepEqual([state?.reason, state?.detail], ["A\uFFFD", "\uFFFD[2J\uFFFD"]);
    assert.equal(state?.reportedAt, "2026-11-24T10:00:00.000Z", "a time that is none is when the report came");
  });

  test(`${kind.name}: a setting of all hosts shows at each host with what that host reported`, async (t) => {
    const { settings, host, addHost, report, say } = await start(t);
    const other = await addHost();
    const files = { files: [{ algorithm: "md5", hash: "d".repeat(32), name: null }] };
    await settings.set({ actor: soar, target: "all", action: "prevention" }, files);
    await say(report({ action: "prevention", scope: "all" }));
    const states = await settings.listStates([
      { sensorId: host, capabilities: everyCapability },
      { sensorId: other, capabilities: [] },
    ]);
    const short = (sensorId: string) => states.get(sensorId)?.map(({ scope, state }) => [scope, state]);
    assert.deepEqual(short(host), [["all", "in-effect"]]);
    assert.deepEqual(short(other), [["all", "not-supported"]]);
  });

  test(`${kind.name}: the oldest order without a report is the one that counts as waiting`, async (t) => {
    const { settings, isolation, report, say, clock } = await start(t);
    assert.equal(await settings.oldestUnreported(), null);
    await settings.set(isolation, isolationWish());
    assert.equal(await settings.oldestUnreported(), clock.now().toISOString());
    await say(report({}));
    assert.equal(await settings.oldestUnreported(), null);
    clock.pass(1000);
    await settings.lift(isolation);
    assert.equal(await settings.oldestUnreported(), clock.now().toISOString());
  });

  test(`${kind.name}: targets of orders are listed by time, so that a lost nudge is found`, async (t) => {
    const { settings, host, isolation, clock } = await start(t);
    await settings.set(isolation, isolationWish());
    assert.deepEqual(await settings.listTargetsSince(clock.now()), [host]);
    const before = clock.now();
    clock.pass(1);
    assert.deepEqual(await settings.listTargetsSince(clock.now()), []);
    assert.deepEqual(await settings.listTargetsSince(before), [host]);
  });

  test(`${kind.name}: orders of one host at once are all accepted, each with a generation of its own`, async (t) => {
    const { settings, isolation } = await start(t);
    const orders = await Promise.all(Array.from({ length: 25 }, () => settings.set(isolation, isolationWish())));
    assert.deepEqual(
      orders.map((order) => order.generation).sort((a, b) => a - b),
      Array.from({ length: 25 }, (_, index) => index + 1),
    );
  });
}
