import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { type PreventionSet, preventionLine } from "@cordon/contract";
import fc from "fast-check";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, isolationWish, sha256, soar } from "../test-services.ts";

type Rule = ReadonlyMap<string, string | null>;
const md5 = "d8e577bf078c45954f4531885478d5a9";
const hostile = 'a "name"\u0000\n\ud800 with all that a database may refuse';

function digestOf(rule: Rule): string {
  const digest = createHash("sha256");
  for (const [hash, name] of [...rule].sort(([a], [b]) => (a < b ? -1 : 1))) digest.update(preventionLine(hash, name));
  return digest.digest("hex");
}

/** What an agent makes of the parts. */
function apply(rule: Rule, parts: PreventionSet[]): Rule {
  const [first] = parts;
  const result = new Map(first?.base === null ? [] : rule);
  for (const { removed } of parts) for (const hash of removed) result.delete(hash);
  for (const { added } of parts) for (const { hash, name } of added) result.set(hash, name);
  return result;
}

for (const kind of testDatabases) {
  async function start(t: TestContext) {
    const { now } = createTestClock();
    const database = await kind.open(t);
    const services = await createTestServices({ database, now });
    const order = { actor: soar, target: "all", action: "prevention" };
    const set = (rule: Rule, modes: { scripts?: boolean; killRunning?: boolean } = {}) =>
      services.settings.set(order, {
        files: [...rule].map(([hash, name]) => ({ algorithm: hash.length === 32 ? "md5" : "sha256", hash, name })),
        ...modes,
      });
    const partsSince = async (base: number | null, target = "all"): Promise<PreventionSet[]> => {
      const frames = await services.settings.readSet(target, { scope: target === "all" ? "all" : "host", base });
      return (frames?.parts ?? []).map((part) => JSON.parse(part.toString("utf8")));
    };
    const rows = () => database.read.selectFrom("banned_files").selectAll().orderBy("hash").execute();
    return { database, set, lift: () => services.settings.lift(order), partsSince, rows, ...services };
  }

  test(`${kind.name}: what changed since any generation that is remembered makes the rule of then the one of now`, async (t) => {
    const { set, lift, partsSince } = await start(t);
    const names = fc.constantFrom(null, "x", hostile);
    const rules = fc.dictionary(fc.constantFrom(...Array.from({ length: 8 }, (_, n) => sha256(n)), md5), names, {
      maxKeys: 9,
    });
    const known: Rule[] = [new Map()];
    await fc.assert(
      fc.asyncProperty(rules, fc.nat(), async (files, back) => {
        const rule: Rule = new Map(Object.entries(files));
        // To lift what is lifted is no order.
        if (rule.size === 0 && known.at(-1)?.size === 0) return;
        if (rule.size === 0) await lift();
        else await set(rule);
        known.push(rule);
        if (rule.size === 0) return;
        const generation = known.length - 1;
        const base = generation - (back % Math.min(generation + 1, 50));
        for (const from of [base, null]) {
          const parts = await partsSince(from);
          assert.deepEqual([parts[0]?.base, parts[0]?.generation], [from, generation]);
          const result = apply(known[from ?? 0] ?? new Map(), parts);
          assert.deepEqual([...result].sort(), [...rule].sort());
          assert.equal(parts[0]?.digest, digestOf(rule));
        }
      }),
      { numRuns: kind.name === "SQLite" ? 100 : 25 },
    );
  });

  test(`${kind.name}: a change writes no row but those of what changed, and tells no agent more`, async (t) => {
    const { set, partsSince, rows } = await start(t);
    const first = new Map(Array.from({ length: 100 }, (_, n) => [sha256(n), null]));
    await set(first);
    const before = await rows();
    const second = new Map([...[...first].slice(1), [sha256(500), "new"]]);
    await set(second);
    const after = await rows();
    assert.deepEqual(
      after.filter(({ since_generation, until_generation }) => since_generation === 1 && until_generation === null),
      before.slice(1),
    );
    assert.deepEqual(
      (await partsSince(1)).map(({ base, added, removed }) => ({ base, added, removed })),
      [{ base: 1, added: [{ hash: sha256(500), name: "new" }], removed: [sha256(0)] }],
    );
  });

  test(`${kind.name}: an agent that was away for longer than is remembered, or knows what never was, gets the whole rule`, async (t) => {
    const { set, partsSince, rows } = await start(t);
    for (let generation = 1; generation <= 60; generation++) await set(new Map([[sha256(generation), null]]));
    const bases = await Promise.all([9, 10, 59, 60, 61].map(async (base) => (await partsSince(base))[0]?.base));
    assert.deepEqual(bases, [null, 10, 59, 60, null]);
    assert.equal((await rows()).length, 51, "what is older is forgotten");
  });

  test(`${kind.name}: the rule reads as it was ordered, with its names and modes, whatever is in them`, async (t) => {
    const { set, settings, partsSince } = await start(t);
    const rule = new Map([
      [sha256(9), hostile],
      [md5, null],
      [sha256(1), ""],
    ]);
    await set(rule, { scripts: true, killRunning: true });
    const { wish } = (await settings.findInForce("all", "prevention")) ?? assert.fail("no rule");
    assert.deepEqual(wish, {
      files: [...rule].map(([hash, name]) => ({ algorithm: hash.length === 32 ? "md5" : "sha256", hash, name })),
      scripts: true,
      killRunning: true,
    });
    const [part] = await partsSince(null);
    assert.deepEqual([part?.scripts, part?.killRunning], [true, true]);
    await set(rule);
    const [changed] = await partsSince(1);
    assert.deepEqual([changed?.scripts, changed?.added, changed?.removed], [false, [], []], "a mode is a change too");
  });

  test(`${kind.name}: orders of one rule at once each replace it whole; none is lost in another`, async (t) => {
    const { set, settings, partsSince } = await start(t);
    const rules = Array.from({ length: 12 }, (_, n) => new Map([0, 1, 2].map((k) => [sha256(10 * n + k), null])));
    const outcomes = await Promise.all(rules.map((rule) => set(rule)));
    assert.deepEqual(
      outcomes.map(({ generation }) => generation).sort((a, b) => a - b),
      [...Array(12).keys()].map((n) => n + 1),
    );
    const newest = rules[outcomes.findIndex(({ generation }) => generation === 12)] ?? new Map();
    const found = (await settings.findInForce("all", "prevention"))?.wish as { files: { hash: string }[] };
    assert.deepEqual(
      found.files.map(({ hash }) => hash),
      [...newest.keys()],
    );
    assert.equal((await partsSince(null))[0]?.digest, digestOf(newest));
  });

  test(`${kind.name}: 100,000 hashes travel in parts that are made once, and one more costs like one`, async (t) => {
    const { set, settings, partsSince, rows, addHost } = await start(t);
    const host = await addHost();
    const many = new Map(Array.from({ length: 99_999 }, (_, n) => [sha256(n), null]));
    await set(many);
    const [one, two] = await Promise.all([1, 2].map(() => settings.readSet("all", { scope: "all", base: null })));
    assert.equal(one?.parts.length, 20);
    assert.ok(one?.parts.every((part, index) => part === two?.parts[index]));
    const bytes = one?.parts.reduce((sum, part) => sum + part.length, 0) ?? 0;

    const order: string[] = [];
    const started = performance.now();
    const timed = (what: string) => {
      order.push(what);
      t.diagnostic(`${what}: ${Math.round(performance.now() - started)} ms`);
    };
    await Promise.all([
      set(new Map([...many, [sha256(100_000), null]])).then(() => timed("one more hash")),
      settings
        .set({ actor: soar, target: host, action: "network-isolation" }, isolationWish())
        .then(() => timed("an isolation that was ordered meanwhile")),
    ]);
    assert.equal(order[0], "an isolation that was ordered meanwhile");
    const [part, ...others] = await partsSince(1);
    assert.deepEqual([part?.added, part?.removed, others], [[{ hash: sha256(100_000), name: null }], [], []]);
    const delta = (await settings.readSet("all", { scope: "all", base: 1 }))?.parts[0]?.length ?? Infinity;
    t.diagnostic(`the whole rule: ${bytes} bytes; one more hash: ${delta} bytes`);
    assert.ok(delta < bytes / 1000);
    assert.equal((await rows()).filter(({ since_generation }) => since_generation === 2).length, 1);
  });
}
