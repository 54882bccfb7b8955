import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { isolationWish, soar } from "../test-services.ts";
import { startOrders } from "./test-orders.ts";

const action = "network-isolation";
const dns = {
  direction: "outbound",
  protocol: 17,
  remoteAddress: "192.0.2.53",
  localPorts: null,
  remotePorts: { from: 53, to: 53 },
} as const;
const missing = "00000000-0000-4000-8000-0000000000ff";

for (const kind of testDatabases) {
  test(`${kind.name}: isolating hosts orders the same setting that the Response API orders, for each of them`, async (t) => {
    const { call, addHost, settings, nudged, told } = await startOrders(t, kind);
    const sensorIds = [await addHost({ hostName: "a" }), await addHost({ hostName: "b" })];
    told.length = 0;
    const reply = await call("isolate", { body: { sensorIds: [...sensorIds, missing], hours: 3, exclusions: [dns] } });
    assert.equal(reply.done, 2);
    assert.deepEqual(
      reply.failed.map(({ id, code }) => [id, code]),
      [[missing, "NOT_FOUND"]],
    );
    assert.deepEqual(new Set(nudged.map(({ target }) => target)), new Set(sensorIds));
    assert.deepEqual(
      new Set(told.map(({ topic, id }) => `${topic} ${id}`)),
      new Set(sensorIds.flatMap((id) => [`hosts ${id}`, `isolation-rules ${id}`])),
    );
    const wish = { autoTurnoffTimeoutInSec: 10_800, exclusions: [dns] };
    for (const sensorId of sensorIds) assert.deepEqual((await settings.findInForce(sensorId, action))?.wish, wish);
    const { items } = await call("listIsolationRules", { query: { sort: "hostName" } });
    assert.deepEqual(
      items.map(({ hostName, exclusions, hours, orderedBy, endsAt, state, generation }) => ({
        hostName,
        exclusions,
        hours,
        orderedBy,
        endsAt,
        state,
        generation,
      })),
      ["a", "b"].map((hostName) => ({
        hostName,
        exclusions: [dns],
        hours: 3,
        orderedBy: "user:alice",
        endsAt: "2026-11-24T13:00:00.000Z",
        state: "pending",
        generation: 1,
      })),
    );
  });

  test(`${kind.name}: an order that breaks the action's rules is refused as a whole, in words`, async (t) => {
    const { call, addHost } = await startOrders(t, kind);
    const sensorIds = [await addHost(), await addHost()];
    const exclusions = [{ ...dns, direction: "both" as const }];
    await assert.rejects(call("isolate", { body: { sensorIds, hours: 3, exclusions } }), {
      code: "BAD_REQUEST",
      message: /exclusions\[0\]\.remotePorts must not be given with direction "both"/,
    });
    assert.equal((await call("listIsolationRules", { query: {} })).total, 0);
  });

  test(`${kind.name}: a rule is changed only by who has seen what it is now`, async (t) => {
    const { callVersioned, call, addHost, settings, clock } = await startOrders(t, kind);
    const sensorId = await addHost();
    await call("isolate", { body: { sensorIds: [sensorId], hours: 1, exclusions: [] } });
    const seen = await callVersioned("getIsolationRule", { params: { sensorId } });
    assert.equal(seen.version, 1);
    clock.pass(60_000);
    await settings.set({ actor: soar, target: sensorId, action }, isolationWish(5));
    const change = { params: { sensorId }, body: { hours: 2, exclusions: [] } };
    await assert.rejects(call("changeIsolation", { ...change, ifMatch: 1 }), { code: "PRECONDITION_FAILED" });
    const changed = await callVersioned("changeIsolation", { ...change, ifMatch: 2 });
    assert.deepEqual([changed.version, changed.reply.hours, changed.reply.endsAt], [3, 2, "2026-11-24T12:01:00.000Z"]);
    await assert.rejects(call("changeIsolation", { ...change, params: { sensorId: missing }, ifMatch: 0 }), {
      code: "NOT_FOUND",
    });
  });

  test(`${kind.name}: each state of a rule is shown, and found by the filter`, async (t) => {
    const { call, addHost, settings, report, clock } = await startOrders(t, kind);
    const hosts: Record<string, string> = {};
    for (const name of ["ended", "disabled", "failed", "in-effect", "pending", "not-supported", "over"]) {
      hosts[name] = await addHost({ hostName: name, ...(name === "not-supported" ? { capabilities: [] } : {}) });
      await settings.set({ actor: soar, target: hosts[name], action }, isolationWish(name === "ended" ? 1 : 4));
    }
    for (const name of ["ended", "disabled", "in-effect"]) await report(hosts[name] ?? "", { action, generation: 1 });
    await report(hosts.failed ?? "", { action, generation: 1, state: "failed", reason: "NFT_MISSING" });
    await report(hosts.over ?? "", { action, generation: 1, state: "lifted" });
    clock.pass(2 * 3_600_000);
    await call("release", { body: { sensorIds: [hosts.disabled ?? ""] } });
    const { items } = await call("listIsolationRules", { query: { sort: "-hostName" } });
    const shown = (name: string) => (name === "over" ? "ended" : name);
    for (const rule of items) assert.equal(rule.state, shown(rule.hostName));
    assert.equal(items.find((rule) => rule.hostName === "failed")?.progress.reason, "NFT_MISSING");
    for (const state of ["ended", "disabled", "failed", "in-effect", "pending", "not-supported"]) {
      const found = await call("listIsolationRules", { query: { filter: `state:is:${state}`, sort: "-hostName" } });
      assert.deepEqual(
        found.items,
        items.filter((rule) => rule.state === state),
        state,
      );
    }
    const by = await call("listIsolationRules", { query: { filter: "orderedBy:contains:ALICE" } });
    assert.deepEqual(
      by.items.map((rule) => rule.hostName),
      ["disabled"],
    );
  });

  test(`${kind.name}: a rule is forgotten once it is over on its host, and not before; its generation goes on`, async (t) => {
    const { call, addHost, report, audited } = await startOrders(t, kind);
    const sensorId = await addHost();
    const forget = () => call("deleteIsolationRule", { params: { sensorId } });
    await assert.rejects(forget(), { code: "NOT_FOUND" });
    const order = { body: { sensorIds: [sensorId], hours: 1, exclusions: [] } };
    await call("isolate", order);
    await report(sensorId, { action, generation: 1 });
    await assert.rejects(forget(), { code: "CONFLICT", message: /release the host first/ });
    await call("release", { body: { sensorIds: [sensorId] } });
    await assert.rejects(forget(), { code: "CONFLICT", message: /has not said yet that it is lifted/ });
    await report(sensorId, { action, generation: 2, state: "failed", reason: "NFT_REFUSED" });
    await assert.rejects(forget(), { code: "CONFLICT" });
    await report(sensorId, { action, generation: 2, state: "lifted" });
    await forget();
    assert.equal((await audited()).at(-1)?.action, "network-isolation.forget");
    assert.equal((await call("listIsolationRules", { query: {} })).total, 0);
    await assert.rejects(call("getIsolationRule", { params: { sensorId } }), { code: "NOT_FOUND" });
    await call("isolate", order);
    assert.equal((await call("getIsolationRule", { params: { sensorId } })).generation, 3);
  });
}
