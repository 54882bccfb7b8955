import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { banned, everyCapability, isolationWish, sha256, soar, uptime } from "../test-services.ts";
import { alice, startOrders } from "./test-orders.ts";

const isolation = "network-isolation";

for (const kind of testDatabases) {
  test(`${kind.name}: the list's filters find each state of isolation and prevention that a host is shown with`, async (t) => {
    const { call, addHost, settings, report, clock } = await startOrders(t, kind);
    const order = (target: string) => settings.set({ actor: soar, target, action: isolation }, isolationWish(2));
    const ban = (target: string, ...hashes: string[]) =>
      settings.set({ actor: soar, target, action: "prevention" }, banned(...hashes));
    // Every way in which an order and a report can stand to each other, for each of them a host.
    const hosts: string[] = [];
    for (const name of ["none", "pending", "in-effect", "failed", "lifting", "lifted", "ended", "old", "unable"]) {
      hosts.push(await addHost({ hostName: name, capabilities: name === "unable" ? [] : everyCapability }));
    }
    const [
      none = "",
      pending = "",
      inEffect = "",
      failed = "",
      lifting = "",
      lifted = "",
      ended = "",
      old = "",
      unable = "",
    ] = hosts;
    for (const host of [inEffect, lifting, lifted, ended, old]) {
      await order(host);
      await report(host, { action: isolation, generation: 1 });
    }
    clock.pass(3 * 3_600_000);
    for (const host of [pending, inEffect, failed, lifting, lifted, old, unable]) await order(host);
    await report(inEffect, { action: isolation, generation: 2 });
    await report(failed, { action: isolation, generation: 1, state: "failed", reason: "NFT_MISSING" });
    for (const target of [lifting, lifted]) await settings.lift({ actor: soar, target, action: isolation });
    await report(lifted, { action: isolation, generation: 3, state: "lifted" });
    await ban(pending, sha256(1));
    await ban(inEffect, sha256(1));
    await report(inEffect, { action: "prevention", generation: 1 });
    await ban("all", sha256(2));
    for (const host of [none, inEffect, ended])
      await report(host, { action: "prevention", generation: 1, scope: "all" });
    await report(old, { action: "prevention", generation: 1, scope: "all", state: "failed", reason: "SIGNAL" });

    const shown = await call("listHosts", { query: {} });
    assert.equal(shown.total, 9);
    const states = (of: "isolation" | "prevention") =>
      Object.fromEntries(shown.items.map((host) => [host.hostName, host[of].state]));
    assert.deepEqual(states("isolation"), {
      none: "none",
      pending: "pending",
      "in-effect": "in-effect",
      failed: "failed",
      lifting: "pending",
      lifted: "lifted",
      ended: "pending",
      old: "pending",
      unable: "not-supported",
    });
    assert.deepEqual(states("prevention"), {
      none: "in-effect",
      pending: "pending",
      "in-effect": "in-effect",
      failed: "pending",
      lifting: "pending",
      lifted: "pending",
      ended: "in-effect",
      old: "failed",
      unable: "not-supported",
    });
    for (const column of ["isolation", "prevention"] as const) {
      for (const state of ["none", "pending", "in-effect", "lifted", "failed", "not-supported"]) {
        const found = await call("listHosts", { query: { filter: `${column}:is:${state}` } });
        const expected = shown.items.filter((host) => host[column].state === state);
        assert.deepEqual(found.items, expected, `${column} ${state}`);
        const others = await call("listHosts", { query: { filter: `${column}:is-not:${state}` } });
        assert.equal(others.total, 9 - expected.length);
      }
    }
    const failing = await call("listHosts", { query: { filter: "failuresLastDay:after:0", sort: "-hostName" } });
    assert.deepEqual(
      failing.items.map((host) => [host.hostName, host.failuresLastDay]),
      [
        ["old", 1],
        ["failed", 1],
      ],
    );
    const byEnd = await call("listHosts", {
      query: { filter: "isolationEndsAt:after:2026-11-24T14:00:00Z", sort: "-isolationEndsAt" },
    });
    assert.equal(byEnd.total, 5);
  });

  test(`${kind.name}: activity follows the thresholds, in the list, its filter and the overview`, async (t) => {
    const { call, addHost, clock, hosts } = await startOrders(t, kind);
    await addHost({ hostName: "silent" });
    clock.pass(150 * 3_600_000);
    await addHost({ hostName: "quiet" });
    clock.pass(25 * 3_600_000);
    const lively = await addHost({ hostName: "lively" });
    clock.pass(30 * 3_600_000);
    hosts.recordContact(lively);
    await hosts.flushContacts();
    const { items } = await call("listHosts", { query: { sort: "-activity" } });
    assert.deepEqual(
      items.map((host) => [host.hostName, host.activity]),
      [
        ["quiet", "warning"],
        ["lively", "normal"],
        ["silent", "critical"],
      ],
    );
    const { total } = await call("listHosts", { query: { filter: "activity:is:critical" } });
    assert.equal(total, 1);
    assert.deepEqual((await call("overview", {})).hosts, { total: 3, normal: 1, warning: 1, critical: 1 });
  });

  test(`${kind.name}: removing hosts removes those that there are, and names the others`, async (t) => {
    const { call, addHost, nudged, audited } = await startOrders(t, kind);
    const sensorIds = [await addHost(), await addHost()];
    const missing = "00000000-0000-4000-8000-0000000000ff";
    const reply = await call("removeHosts", {
      body: { sensorIds: [...sensorIds, missing, sensorIds[0]?.toUpperCase() ?? ""] },
    });
    assert.equal(reply.done, 2);
    assert.deepEqual(reply.failed, [{ id: missing, code: "NOT_FOUND", message: `there is no host ${missing}` }]);
    assert.equal((await call("listHosts", { query: {} })).total, 0);
    assert.deepEqual(
      nudged.map(({ about }) => about),
      ["removal", "removal"],
    );
    assert.equal((await audited()).filter(({ action }) => action === "host.remove").length, 2);
    await assert.rejects(call("getHost", { params: { sensorId: missing } }), { code: "NOT_FOUND" });
  });

  test(`${kind.name}: a host's history has its orders, its tasks' and those for all hosts, newest first, and no other host's`, async (t) => {
    const { call, addHost, settings, tasks, clock } = await startOrders(t, kind);
    const [host, other] = [await addHost(), await addHost()];
    await settings.set({ actor: soar, target: host, action: isolation }, isolationWish());
    await settings.set({ actor: soar, target: other, action: isolation }, isolationWish());
    clock.pass(1000);
    await settings.set({ actor: soar, target: "all", action: "prevention" }, banned(sha256(1)));
    clock.pass(1000);
    const taskId = "5d1f4d40-0000-4000-8000-000000000001";
    await tasks.create({
      actor: alice,
      taskId,
      sensorId: host,
      action: "run-process",
      parameters: uptime,
      startNow: true,
    });
    const { items, total } = await call("hostHistory", { params: { sensorId: host }, query: {} });
    assert.deepEqual(
      items.map(({ who, action, result, detail }) => [who, action, result, detail]),
      [
        ["user:alice", "run-process.create", "done", `sensorId: ${host}, startNow: true`],
        ["external-system:soar", "prevention.set", "done", "scope: all hosts, generation: 1"],
        ["external-system:soar", "network-isolation.set", "done", "generation: 1"],
      ],
    );
    assert.equal(total, 3);
    const filtered = await call("hostHistory", { params: { sensorId: host }, query: { filter: "who:contains:ALICE" } });
    assert.equal(filtered.total, 1);
  });

  test(`${kind.name}: the overview says what is isolated, what is not in effect and since when, and what failed`, async (t) => {
    const { call, addHost, settings, tasks, report, clock } = await startOrders(t, kind);
    const [isolated, waiting, failing] = [
      await addHost({ hostName: "isolated" }),
      await addHost({ hostName: "waiting" }),
      await addHost({ hostName: "failing" }),
    ];
    for (const target of [isolated, waiting, failing]) {
      await settings.set({ actor: soar, target, action: isolation }, isolationWish(4));
    }
    await report(isolated, { action: isolation, generation: 1 });
    clock.pass(3_600_000);
    await report(failing, { action: isolation, generation: 1, state: "failed", reason: "NFT_REFUSED" });
    await settings.set({ actor: soar, target: "all", action: "prevention" }, banned(sha256(1)));
    for (const host of [isolated, waiting]) await report(host, { action: "prevention", generation: 1, scope: "all" });
    const taskId = "5d1f4d40-0000-4000-8000-000000000002";
    await tasks.create({
      actor: alice,
      taskId,
      sensorId: waiting,
      action: "run-process",
      parameters: uptime,
      startNow: true,
    });
    const overview = await call("overview", {});
    assert.deepEqual(overview.isolated, [
      { sensorId: isolated, hostName: "isolated", state: "in-effect", endsAt: "2026-11-24T14:00:00.000Z" },
    ]);
    assert.deepEqual(
      overview.notInEffect
        .map(({ hostName, action, orderedAt, state, reason }) => [hostName, action, orderedAt, state, reason])
        .sort(),
      [
        ["failing", "network-isolation", "2026-11-24T10:00:00.000Z", "failed", "NFT_REFUSED"],
        ["failing", "prevention", "2026-11-24T11:00:00.000Z", "pending", null],
        ["waiting", "network-isolation", "2026-11-24T10:00:00.000Z", "pending", null],
        ["waiting", "run-process", "2026-11-24T11:00:00.000Z", "waiting", null],
      ],
    );
    assert.equal(overview.notInEffectTotal, 4);
    assert.deepEqual(overview.failuresLastDay, [
      {
        sensorId: failing,
        hostName: "failing",
        action: isolation,
        reason: "NFT_REFUSED",
        at: "2026-11-24T11:00:00.000Z",
      },
    ]);
    assert.deepEqual(overview.tasks, { waiting: 1, running: 0, completed: 0, failed: 0, cancelled: 0 });
    assert.equal(overview.hours.length, 24);
    assert.deepEqual(overview.hours.slice(-2), [
      { at: "2026-11-24T10:00:00.000Z", orders: 3, effects: 1, failures: 0 },
      { at: "2026-11-24T11:00:00.000Z", orders: 2, effects: 2, failures: 1 },
    ]);
  });

  test(`${kind.name}: however many ask for the overview at once, no answer is from before it was asked for`, async (t) => {
    const { call, addHost } = await startOrders(t, kind);
    const reads: { asked: number; total: Promise<number> }[] = [];
    for (let asked = 1; asked <= 6; asked++) {
      await addHost();
      for (let reader = 0; reader < 3; reader++) {
        reads.push({ asked, total: call("overview", {}).then((overview) => overview.hosts.total) });
      }
    }
    for (const { asked, total } of reads) assert.ok((await total) >= asked);
  });

  test(`${kind.name}: the hosts as CSV are those of the filter, all of them, and no cell is a formula`, async (t) => {
    const { download, addHost } = await startOrders(t, kind);
    for (let index = 0; index < 502; index++) await addHost({ hostName: `web-${index}` });
    await addHost({ hostName: '=HYPERLINK("http://evil","x")' });
    const { fileName, text } = await download("hosts", {});
    assert.equal(fileName, "hosts-2026-11-24.csv");
    const lines = text.trimEnd().split("\r\n");
    assert.equal(lines.length, 504);
    assert.match(lines[1] ?? "", /^"'=HYPERLINK\(""http:\/\/evil"",""x""\)",[0-9a-f-]{36},10\.16\.40\.243,/);
    const some = await download("hosts", { query: { filter: "hostName:is:web-7" } });
    assert.equal(some.text.trimEnd().split("\r\n").length, 2);
    await assert.rejects(download("hosts", { query: { filter: "nonsense:is:x" } }), { code: "BAD_REQUEST" });
  });
}
