import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "@cordon/contract";
import type { PreventionWish } from "@cordon/response-actions";
import fc from "fast-check";
import { testDatabases } from "../database/test-databases.ts";
import { banned, createTestClock, createTestServices, sha256, soar } from "../test-services.ts";
import type { RuleHosts } from "./prevention-rule-service.ts";

const alice = { kind: "user", id: "alice", address: null, fingerprint: null } as const;
const missing = "00000000-0000-4000-8000-0000000000ff";

for (const kind of testDatabases) {
  async function start(t: Parameters<typeof kind.open>[0], maxFilesPerScope = 100) {
    const database = await kind.open(t);
    const clock = createTestClock();
    const services = await createTestServices({ database, now: clock.now, maxFilesPerScope });
    const { settings } = services;
    const rules = settings.preventionRules;
    const all = async () => {
      const ids = await database.read.selectFrom("prevention_rules").select("rule_id").execute();
      return rules.list(ids.map((row) => row.rule_id));
    };
    return {
      ...services,
      database,
      clock,
      rules,
      create: (hash: string, scope: RuleHosts, enabled = true, name = "") =>
        rules.create({ actor: alice }, { name, hash, scope, enabled }),
      /** As the Response API orders it: the whole of a scope. */
      set: (target: string, ...hashes: string[]) =>
        settings.set({ actor: soar, target, action: "prevention" }, banned(...hashes)),
      lift: (target: string) => settings.lift({ actor: soar, target, action: "prevention" }),
      wish: async (target: string) => {
        const found = await settings.findInForce(target, "prevention");
        return found === null
          ? null
          : (found.wish as { files: { hash: string }[] }).files.map((file) => file.hash).sort();
      },
      all,
      /** Each rule as `hash hosts enabled author`. */
      shown: async () =>
        (await all())
          .map((rule) => {
            const of = rule.scope === "all" ? "all" : rule.hosts.length;
            return `${Number.parseInt(rule.hash, 16)} ${of} ${rule.enabled} ${JSON.parse(rule.author).id}`;
          })
          .sort(),
      generation: async (target: string) => (await settings.listOrdered([target], "prevention"))[0]?.generation ?? 0,
    };
  }

  test(`${kind.name}: a rule is one file in the wish of each of its hosts, ordered and audited like any other order`, async (t) => {
    const { create, addHost, wish, nudged, counted, audited, set } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    await set(a, sha256(9));
    nudged.length = 0;
    const rule = await create(sha256(1).toUpperCase(), [a, b, a.toUpperCase()], true, "miner");
    assert.deepEqual([rule.hash, rule.version, new Set(rule.hosts)], [sha256(1), 1, new Set([a, b])]);
    assert.deepEqual(await wish(a), [sha256(1), sha256(9)]);
    assert.deepEqual(await wish(b), [sha256(1)]);
    assert.deepEqual(new Set(nudged.map((nudge) => nudge.target)), new Set([a, b]));
    assert.equal(counted.filter((count) => count === "prevention ordered").length, 3);
    assert.deepEqual(
      (await audited()).slice(1).map(({ action }) => action),
      ["prevention-rule.create", "prevention.set", "prevention.set"],
    );
  });

  test(`${kind.name}: a disabled rule orders nothing, and enabling, renaming and disabling it each order its scope once`, async (t) => {
    const { create, wish, rules, generation, set, settings, shown } = await start(t);
    await settings.set({ actor: soar, target: "all", action: "prevention" }, { ...banned(sha256(9)), scripts: true });
    const { rule_id } = await create(sha256(1), "all", false);
    assert.equal(await generation("all"), 1);
    const change = (what: Parameters<typeof rules.change>[2], version: number) =>
      rules.change({ actor: alice }, rule_id, what, version);
    await change({ enabled: true }, 1);
    assert.deepEqual([await generation("all"), await wish("all")], [2, [sha256(1), sha256(9)]]);
    await change({ name: "renamed" }, 2);
    assert.equal(await generation("all"), 3);
    const found = await settings.findInForce("all", "prevention");
    const wished = found?.wish as PreventionWish;
    assert.deepEqual([wished.files.find((file) => file.hash === sha256(1))?.name, wished.scripts], ["renamed", true]);
    await change({ enabled: false }, 3);
    assert.deepEqual([await generation("all"), await wish("all")], [4, [sha256(9)]]);
    await set("all", sha256(8));
    assert.deepEqual(await shown(), ["1 all 0 alice", "8 all 1 soar"], "the disabled rule stays");
    await assert.rejects(change({ enabled: true }, 3), { code: "PRECONDITION_FAILED" });
  });

  test(`${kind.name}: a rule moves between hosts and all hosts without standing in its own way`, async (t) => {
    const { create, addHost, wish, rules, generation } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    const { rule_id } = await create(sha256(1), [a]);
    await rules.change({ actor: alice }, rule_id, { scope: "all" }, 1);
    assert.deepEqual([await wish(a), await wish("all")], [null, [sha256(1)]]);
    const moved = await rules.change({ actor: alice }, rule_id, { scope: [a, b] }, 2);
    assert.deepEqual([await wish("all"), await wish(a), await wish(b)], [null, [sha256(1)], [sha256(1)]]);
    assert.deepEqual([moved.scope, moved.version, await generation(a)], ["hosts", 3, 3]);
    await rules.change({ actor: alice }, rule_id, { scope: [b] }, 3);
    assert.deepEqual([await wish(a), await wish(b), await generation(b)], [null, [sha256(1)], 1]);
  });

  test(`${kind.name}: what the Response API orders shows rule by rule, with its author, and replaces what was there`, async (t) => {
    const { create, addHost, set, lift, shown, all } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    await create(sha256(1), [a, b]);
    await create(sha256(2), [a]);
    await set(a, sha256(2), sha256(3));
    assert.deepEqual(await shown(), ["1 1 1 alice", "2 1 1 alice", "3 1 1 soar"]);
    assert.equal(
      (await all()).find((rule) => rule.hash === sha256(1))?.version,
      2,
      "it lost a host, so it is another version",
    );
    await lift(a);
    assert.deepEqual(await shown(), ["1 1 1 alice"]);
    await lift(b);
    assert.deepEqual(await shown(), []);
  });

  test(`${kind.name}: another label from the Response API renames a rule, and splits one that other hosts have as well`, async (t) => {
    const { create, addHost, settings, all } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    const { rule_id } = await create(sha256(1), [a, b], true, "old");
    const label = (target: string, name: string) =>
      settings.set(
        { actor: soar, target, action: "prevention" },
        { files: [{ algorithm: "sha256", hash: sha256(1), name }] },
      );
    await label(a, "new");
    const named = async () =>
      (await all()).map((rule) => [rule.name, rule.hosts, JSON.parse(rule.author).id, rule.rule_id === rule_id]).sort();
    assert.deepEqual(await named(), [
      ["new", [a], "soar", false],
      ["old", [b], "alice", true],
    ]);
    await label(b, "newer\0");
    assert.deepEqual((await named())[1], ["newer\uFFFD", [b], "alice", true]);
  });

  test(`${kind.name}: a file is banned for all hosts or for single ones, and only by one rule`, async (t) => {
    const { create, addHost, set, rules, shown, audited, generation } = await start(t);
    const [a, b] = [await addHost({ hostName: "web-1" }), await addHost()];
    await create(sha256(1), [a]);
    await assert.rejects(create(sha256(1), "all"), (error) => {
      assert.ok(error instanceof Problem);
      assert.deepEqual([error.code, error.details.hosts], ["RULE_CONFLICT", [{ sensorId: a, hostName: "web-1" }]]);
      return true;
    });
    await set("all", sha256(2));
    await assert.rejects(create(sha256(2), [b]), { code: "RULE_CONFLICT" });
    await assert.rejects(create(sha256(1), [a, b]), { code: "CONFLICT", message: /bans this file there already/ });
    const { rule_id } = await create(sha256(3), "all", false);
    await assert.rejects(create(sha256(3), "all"), { code: "CONFLICT", message: /a disabled rule is there/ });
    await set("all", sha256(2), sha256(3));
    await assert.rejects(rules.change({ actor: alice }, rule_id, { enabled: true }, 1), { code: "CONFLICT" });
    await assert.rejects(create(sha256(4), [missing]), { code: "NOT_FOUND" });
    await assert.rejects(create(sha256(4), [missing], false), { code: "NOT_FOUND" });
    const before = await shown();
    assert.deepEqual(before, ["1 1 1 alice", "2 all 1 soar", "3 all 0 alice", "3 all 1 soar"]);
    assert.equal(await generation("all"), 2);
    assert.equal((await audited()).filter(({ action }) => action === "prevention-rule.create").length, 2);
  });

  test(`${kind.name}: a scope holds only so many files, and a refused rule leaves nothing behind`, async (t) => {
    const { create, shown, generation } = await start(t, 2);
    await create(sha256(1), "all");
    await create(sha256(2), "all");
    await assert.rejects(create(sha256(3), "all"), { code: "BAD_REQUEST", message: /at most 2 files/ });
    assert.deepEqual([await shown(), await generation("all")], [["1 all 1 alice", "2 all 1 alice"], 2]);
  });

  test(`${kind.name}: deleting many rules is one order a scope, and says which there were`, async (t) => {
    const { create, addHost, rules, wish, generation, shown } = await start(t);
    const host = await addHost();
    const ids = [];
    for (const number of [1, 2, 3]) ids.push((await create(sha256(number), "all")).rule_id);
    ids.push((await create(sha256(4), [host])).rule_id);
    const deleted = await rules.delete({ actor: alice }, [...ids.slice(1), missing]);
    assert.deepEqual(new Set(deleted), new Set(ids.slice(1)));
    assert.deepEqual([await wish("all"), await wish(host)], [[sha256(1)], null]);
    assert.deepEqual([await generation("all"), await generation(host)], [4, 2]);
    assert.deepEqual(await shown(), ["1 all 1 alice"]);
  });

  test(`${kind.name}: an import orders what is new in one order, and leaves out what is known or in conflict`, async (t) => {
    const { create, addHost, rules, wish, generation, shown } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    await create(sha256(1), [a]);
    await create(sha256(2), "all", false);
    await create(sha256(3), "all");
    const files = banned(sha256(1), sha256(2), sha256(3), sha256(4), sha256(5)).files as Parameters<
      typeof rules.import
    >[2];
    assert.equal(await rules.import({ actor: alice }, "all", files), 2);
    assert.deepEqual([await wish("all"), await generation("all")], [[3, 4, 5].map(sha256), 2]);
    assert.equal(await rules.import({ actor: alice }, "all", files), 0);
    assert.equal(await generation("all"), 2);
    assert.equal(
      await rules.import({ actor: alice }, [a, b], files),
      2,
      "1 for the other host, and the disabled 2 for both",
    );
    assert.deepEqual(
      [await wish(a), await wish(b)],
      [
        [sha256(1), sha256(2)],
        [sha256(1), sha256(2)],
      ],
    );
    assert.deepEqual(await shown(), [
      "1 1 1 alice",
      "1 1 1 alice",
      "2 2 1 alice",
      "2 all 0 alice",
      "3 all 1 alice",
      "4 all 1 alice",
      "5 all 1 alice",
    ]);
  });

  test(`${kind.name}: a removed host is gone from its rules, and a rule without any host left is gone`, async (t) => {
    const { create, addHost, hosts, shown, all } = await start(t);
    const [a, b] = [await addHost(), await addHost()];
    await create(sha256(1), [a, b]);
    await create(sha256(2), [a]);
    await create(sha256(3), [a, b], false);
    await hosts.remove(a, alice);
    assert.deepEqual(await shown(), ["1 1 1 alice", "3 1 0 alice"]);
    assert.deepEqual(
      (await all()).map((rule) => rule.hosts),
      [[b], [b]],
    );
  });

  test(`${kind.name}: however orders of people and of external systems mix, also at once, enabled rules and wishes say the same`, async (t) => {
    const { create, addHost, set, lift, rules, wish, all } = await start(t);
    const hosts = [await addHost(), await addHost()];
    const targets = [...hosts, "all"];
    const scope = fc.constantFrom<RuleHosts>("all", [hosts[0] ?? ""], [hosts[1] ?? ""], hosts);
    const hash = fc.integer({ min: 1, max: 5 }).map(sha256);
    const pick = <T>(from: readonly T[], at: number) => from[at % Math.max(1, from.length)];
    const order = fc.oneof(
      fc.tuple(hash, scope, fc.boolean()).map(
        ([h, s, enabled]) =>
          () =>
            create(h, s, enabled),
      ),
      fc.tuple(fc.constantFrom(...targets), fc.uniqueArray(hash, { minLength: 1, maxLength: 4 })).map(
        ([target, hashes]) =>
          () =>
            set(target, ...hashes),
      ),
      fc.constantFrom(...targets).map((target) => () => lift(target)),
      fc
        .tuple(fc.nat(20), fc.option(scope, { nil: undefined }), fc.boolean(), fc.constantFrom("a", "b"))
        .map(([at, s, enabled, name]) => async () => {
          const rule = pick(await all(), at);
          if (rule !== undefined)
            await rules.change(
              { actor: alice },
              rule.rule_id,
              { name, enabled, ...(s === undefined ? {} : { scope: s }) },
              rule.version,
            );
        }),
      fc.tuple(fc.nat(20), fc.nat(20)).map(([x, y]) => async () => {
        const ids = (await all()).map((rule) => rule.rule_id);
        await rules.delete(
          { actor: alice },
          [pick(ids, x), pick(ids, y)].filter((id) => id !== undefined),
        );
      }),
      fc.tuple(fc.uniqueArray(hash, { minLength: 1 }), scope).map(
        ([hashes, s]) =>
          () =>
            rules.import({ actor: alice }, s, banned(...hashes).files as never),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(order, { minLength: 1, maxLength: 3 }), { maxLength: 6 }), async (rounds) => {
        for (const round of rounds) {
          const outcomes = await Promise.allSettled(round.map((give) => give()));
          for (const outcome of outcomes) {
            if (outcome.status === "rejected" && !(outcome.reason instanceof Problem)) throw outcome.reason;
          }
          const kept = await all();
          for (const target of targets) {
            const ofTarget = kept.filter(
              (rule) => rule.enabled === 1 && (target === "all" ? rule.scope === "all" : rule.hosts.includes(target)),
            );
            assert.deepEqual(ofTarget.map((rule) => rule.hash).sort(), (await wish(target)) ?? []);
          }
          assert.deepEqual(
            kept.filter((rule) => rule.scope === "hosts" && rule.hosts.length === 0),
            [],
          );
          const everywhere = new Set((await wish("all")) ?? []);
          for (const host of hosts)
            assert.deepEqual(
              ((await wish(host)) ?? []).filter((h) => everywhere.has(h)),
              [],
            );
        }
      }),
      { numRuns: kind.name === "SQLite" ? 40 : 10 },
    );
  });
}
