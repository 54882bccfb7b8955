import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "../database/test-databases.ts";
import { banned, sha256, soar } from "../test-services.ts";
import { startOrders } from "./test-orders.ts";

const missing = "00000000-0000-4000-8000-0000000000ff";
const md5 = "d41d8cd98f00b204e9800998ecf8427e";

for (const kind of testDatabases) {
  async function start(t: Parameters<typeof startOrders>[0]) {
    const services = await startOrders(t, kind);
    const create = (hash: string, scope: "all" | string[], name = "") =>
      services.call("createPreventionRule", { body: { name, hash, scope, enabled: true } });
    const list = (filter: string | string[], sort = "hash") =>
      services.call("listPreventionRules", { query: { filter, sort } });
    const block = (sensorId: string, hash: string, scope: "host" | "all", count: number) =>
      services.blocks.record(
        sensorId,
        {
          blocks: [
            {
              ...{
                eventId: crypto.randomUUID(),
                at: services.clock.now().toISOString(),
                kind: "denied",
                path: "/tmp/x",
              },
              ...{ hash, algorithm: "sha256", scope, ruleName: null, fileSha256: null, userId: 0, userName: "root" },
              ...{ processes: [], count },
            },
          ],
          lostInAll: 0,
        },
        "00000000-0000-4000-8000-000000000001",
      );
    return { ...services, create, list, block };
  }

  test(`${kind.name}: a rule says on how many hosts it holds, by what they have reported, also where it was disabled and still holds`, async (t) => {
    const { callVersioned, create, addHost, report, block, call } = await start(t);
    const hosts = [
      await addHost({ hostName: "a" }),
      await addHost({ hostName: "b" }),
      await addHost({ hostName: "c" }),
    ];
    const [a = "", b = "", c = ""] = hosts;
    const effect = async (ruleId: string) => {
      const { inEffectOn, ofHosts, refusedOn, blocks } = await call("getPreventionRule", { params: { ruleId } });
      return [inEffectOn, ofHosts, refusedOn, blocks];
    };
    const first = await create(sha256(1), "all", "first");
    assert.deepEqual([first.inEffectOn, first.ofHosts], [0, 3]);
    for (const host of hosts) await report(host, { action: "prevention", scope: "all", generation: 1 });
    assert.deepEqual(await effect(first.ruleId), [3, 3, 0, 0]);
    const second = await create(sha256(2), "all");
    assert.deepEqual(
      [await effect(first.ruleId), await effect(second.ruleId)],
      [
        [3, 3, 0, 0],
        [0, 3, 0, 0],
      ],
    );
    await report(a, { action: "prevention", scope: "all", generation: 2 });
    await report(b, { action: "prevention", scope: "all", generation: 2, refused: [sha256(2)] });
    await report(c, { action: "prevention", scope: "all", generation: 2, state: "failed", reason: "NO_FANOTIFY" });
    assert.deepEqual(
      [await effect(first.ruleId), await effect(second.ruleId)],
      [
        [2, 3, 0, 0],
        [1, 3, 1, 0],
      ],
    );
    await block(a, sha256(1), "all", 4);
    await block(b, sha256(1), "all", 1);
    await block(b, sha256(1), "host", 100);
    assert.deepEqual(await effect(first.ruleId), [2, 3, 0, 5]);
    const changed = await callVersioned("changePreventionRule", {
      params: { ruleId: first.ruleId },
      body: { enabled: false },
      ifMatch: 1,
    });
    assert.deepEqual([changed.version, changed.reply.enabled, changed.reply.inEffectOn], [2, false, 2]);
    await report(a, { action: "prevention", scope: "all", generation: 3 });
    assert.deepEqual(await effect(first.ruleId), [1, 3, 0, 5]);

    const own = await create(sha256(3), [a, b]);
    await report(a, { action: "prevention", generation: 1 });
    await block(a, sha256(3), "host", 7);
    await block(c, sha256(3), "host", 1);
    assert.deepEqual(await effect(own.ruleId), [1, 2, 0, 7]);
    assert.deepEqual(own.scope === "all" ? [] : own.scope.map((host) => host.hostName).sort(), ["a", "b"]);
  });

  test(`${kind.name}: the list's filters find rules by each column`, async (t) => {
    const { create, list, addHost, settings, block } = await start(t);
    const [a, b] = [await addHost({ hostName: "a" }), await addHost({ hostName: "b" })];
    await create(sha256(1), "all", "Miner XMRig");
    await create(sha256(2), [a], "tunnel");
    await create(md5, [a, b]);
    await settings.set({ actor: soar, target: b, action: "prevention" }, banned(md5, sha256(4)));
    await block(a, sha256(2), "host", 3);
    const found = async (...filter: string[]) => (await list(filter)).items.map((rule) => rule.hash.slice(-1));
    assert.deepEqual(await found("name:contains:miner"), ["1"]);
    assert.deepEqual(await found("algorithm:is:md5"), ["e"]);
    assert.deepEqual(await found("scope:is:all"), ["1"]);
    assert.deepEqual(await found(`sensorId:is:${b}`), ["1", "4", "e"]);
    assert.deepEqual(await found(`sensorId:is-not:${b}`), ["2"]);
    assert.deepEqual(await found("author:is:external-system:soar"), ["4"]);
    assert.deepEqual(await found("enabled:is:true", "hash:contains:D41D8"), ["e"]);
    assert.deepEqual(await found("blocks:after:0"), ["2"]);
    assert.deepEqual((await list([], "-blocks")).items[0]?.hash, sha256(2));
  });

  test(`${kind.name}: a file that is banned elsewhere is refused, and the refusal names who has it`, async (t) => {
    const { create, addHost, call } = await start(t);
    const host = await addHost({ hostName: "web-1" });
    const rule = await create(sha256(1), [host]);
    await assert.rejects(create(sha256(1), "all"), { code: "RULE_CONFLICT", message: /in the rule of single hosts/ });
    const ruleIds = [rule.ruleId, missing];
    const reply = await call("deletePreventionRules", { body: { ruleIds } });
    assert.deepEqual(reply, {
      done: 1,
      failed: [{ id: missing, code: "NOT_FOUND", message: "there is no such rule any more" }],
    });
    await create(sha256(1), "all");
  });

  test(`${kind.name}: a list is previewed line by line, imported as one order, and can be exported and imported again`, async (t) => {
    const { create, addHost, call, settings, download, audited } = await start(t);
    const host = await addHost();
    await create(sha256(1), "all");
    await create(sha256(2), [host]);
    const text = [
      `hash,name`,
      `${sha256(1)},known`,
      `${sha256(2)},elsewhere`,
      `${sha256(3)},"=cmd()"`,
      "nonsense,x",
      `${sha256(3)},again`,
      md5,
    ].join("\r\n");
    const body = { text, scope: "all" as const };
    const preview = await call("previewImport", { body });
    assert.deepEqual(preview.counts, { new: 2, known: 1, conflicting: 1, malformed: 1, duplicate: 1 });
    assert.deepEqual(
      preview.lines.map(({ line, verdict, why }) => [line, verdict, why]),
      [
        [2, "known", "a rule has it already"],
        [3, "conflicting", "single hosts have it: take it out there first"],
        [4, "new", null],
        [5, "malformed", "it is neither 64 hex digits of SHA-256 nor 32 of MD5"],
        [6, "duplicate", "it is further up in the list"],
        [7, "new", null],
      ],
    );
    assert.equal((await settings.listOrdered(["all"], "prevention"))[0]?.generation, 1, "a preview orders nothing");
    assert.deepEqual(await call("importPreventionRules", { body }), preview);
    assert.equal((await settings.listOrdered(["all"], "prevention"))[0]?.generation, 2);
    assert.deepEqual(
      (await audited())
        .filter(({ action }) => action === "prevention-rule.import")
        .map(({ object, detail }) => [object, detail]),
      [["all", { rules: 2 }]],
    );
    assert.equal((await call("importPreventionRules", { body })).counts.new, 0);
    const exported = await download("preventionRules", { query: { sort: "hash" } });
    const lines = exported.text.trimEnd().split("\r\n");
    assert.equal(lines.length, 5);
    assert.match(lines[3] ?? "", /^0{63}3,"'=cmd\(\)",all,true,user:alice,/);
    const again = await call("previewImport", { body: { text: exported.text, scope: "all" } });
    assert.deepEqual(again.counts, { new: 0, known: 3, conflicting: 1, malformed: 0, duplicate: 0 });
  });
}
