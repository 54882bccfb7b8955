import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Problem } from "@cordon/contract";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { banned, createTestClock, createTestServices, sha256, soar } from "../test-services.ts";
import type { RuleConflict } from "./prevention-conflict.ts";

const md5 = "d8e577bf078c45954f4531885478d5a9";
const conflictOf = (error: unknown): RuleConflict => {
  assert.ok(error instanceof Problem);
  assert.equal(error.code, "RULE_CONFLICT");
  return error.details as RuleConflict;
};
const refused = (order: Promise<unknown>) =>
  order.then(
    () => assert.fail("it was accepted"),
    (error: unknown) => conflictOf(error),
  );

for (const kind of testDatabases) {
  async function start(t: TestContext, maxFilesPerScope = 100_000) {
    const { now } = createTestClock();
    const database = await kind.open(t);
    const services = await createTestServices({ database, now, maxFilesPerScope });
    const ban = (target: string, ...hashes: string[]) =>
      services.settings.set({ actor: soar, target, action: "prevention" }, banned(...hashes));
    const lift = (target: string) => services.settings.lift({ actor: soar, target, action: "prevention" });
    const hashesOf = async (target: string) => {
      const found = await services.settings.findInForce(target, "prevention");
      return (found?.wish as ReturnType<typeof banned> | undefined)?.files.map((file) => file.hash) ?? null;
    };
    return { database, ban, lift, hashesOf, ...services };
  }

  test(`${kind.name}: a hash of the rule of all hosts is refused for a host, and nothing changes`, async (t) => {
    const { ban, hashesOf, addHost } = await start(t);
    const host = await addHost();
    await ban("all", md5, sha256(1));
    await ban(host, sha256(9));
    const conflict = await refused(ban(host, sha256(2), sha256(1), md5));
    assert.deepEqual(conflict.file, { algorithm: "sha256", hash: sha256(1), name: null }, "the first that offends");
    assert.equal(conflict.hosts, "all");
    assert.deepEqual(await hashesOf(host), [sha256(9)]);
  });

  test(`${kind.name}: a hash in rules of hosts is refused for all, and every host that has it is named`, async (t) => {
    const { ban, hashesOf, addHost } = await start(t);
    const [one, two, three] = [
      await addHost({ hostName: "one" }),
      await addHost({ hostName: "two" }),
      await addHost({ hostName: "three" }),
    ];
    await ban(one, sha256(1), sha256(2));
    await ban(two, sha256(2));
    await ban(three, sha256(3));
    const conflict = await refused(ban("all", sha256(7), sha256(2), sha256(1)));
    assert.equal(conflict.file.hash, sha256(2));
    assert.ok(conflict.hosts !== "all");
    assert.deepEqual(
      conflict.hosts.toSorted((a, b) => a.hostName.localeCompare(b.hostName)),
      [
        { sensorId: one, hostName: "one" },
        { sensorId: two, hostName: "two" },
      ],
    );
    assert.equal(await hashesOf("all"), null);
  });

  test(`${kind.name}: the same hash on two hosts, and again on the same one, is no conflict`, async (t) => {
    const { ban, hashesOf, addHost } = await start(t);
    const [one, two] = [await addHost(), await addHost()];
    await ban(one, sha256(1));
    await ban(two, sha256(1));
    await ban(one, sha256(1), sha256(2));
    await ban("all", md5);
    await ban("all", md5, sha256(5));
    assert.deepEqual(await hashesOf(one), [sha256(1), sha256(2)]);
  });

  test(`${kind.name}: what was replaced or lifted conflicts no more`, async (t) => {
    const { ban, lift, addHost, hosts } = await start(t);
    const [one, two] = [await addHost(), await addHost()];
    await ban(one, sha256(1));
    await ban(one, sha256(2));
    await ban("all", sha256(1));
    await lift("all");
    await ban(one, sha256(1));
    await lift(one);
    await ban(two, sha256(3));
    await hosts.remove(two, soar);
    await ban("all", sha256(1), sha256(3));
  });

  test(`${kind.name}: of orders at once that conflict only those that fit each other are accepted`, async (t) => {
    const location = await kind.locate(t);
    // On PostgreSQL the orders come to two Central Nodes.
    const databases = await Promise.all((kind.name === "SQLite" ? [0] : [0, 1]).map(() => openDatabase(location)));
    t.after(() => Promise.all(databases.map((database) => database.close())));
    const nodes = await Promise.all(
      databases.map((database) => createTestServices({ database, now: () => new Date() })),
    );
    const [first] = nodes;
    assert.ok(first);
    const host = await first.addHost();
    for (let round = 1; round <= 10; round++) {
      const order = (target: string, at: number) =>
        (nodes[at % nodes.length] ?? first).settings.set(
          { actor: soar, target, action: "prevention" },
          banned(sha256(round)),
        );
      const outcomes = await Promise.allSettled([order("all", 0), order(host, 1), order("all", 1), order(host, 0)]);
      const accepted = outcomes.map((outcome) => outcome.status === "fulfilled");
      assert.ok(
        (accepted[0] && accepted[2] && !accepted[1] && !accepted[3]) ||
          (!accepted[0] && !accepted[2] && accepted[1] && accepted[3]),
        `round ${round}: ${accepted}`,
      );
      for (const outcome of outcomes) if (outcome.status === "rejected") conflictOf(outcome.reason);
      for (const target of ["all", host]) await first.settings.lift({ actor: soar, target, action: "prevention" });
    }
  });

  test(`${kind.name}: more files than a scope may have are refused`, async (t) => {
    const { ban } = await start(t, 2);
    await ban("all", sha256(1), sha256(2));
    await assert.rejects(
      ban("all", sha256(1), sha256(2), sha256(3)),
      (error) => error instanceof Problem && error.code === "BAD_REQUEST" && /at most 2 files/.test(error.message),
    );
  });

  test(`${kind.name}: 100,000 hashes are set, checked against all others, read and replaced`, async (t) => {
    const { hashesOf, addHost, settings } = await start(t);
    const host = await addHost();
    const ban = (target: string, hashes: string[]) => {
      const files = hashes.map((hash) => ({ algorithm: "sha256", hash, name: null }));
      return settings.set({ actor: soar, target, action: "prevention" }, { files });
    };
    const many = Array.from({ length: 100_000 }, (_, index) => sha256(index));
    const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const start = performance.now();
      const result = await work();
      t.diagnostic(`${what}: ${Math.round(performance.now() - start)} ms`);
      return result;
    };
    await timed("set 100,000 for all", () => ban("all", many));
    const conflict = await timed("refuse 100,000 for a host, the last one offends", () =>
      refused(
        ban(
          host,
          many.map((_, index) => sha256(199_998 - index)),
        ),
      ),
    );
    assert.equal(conflict.file.hash, sha256(99_999));
    assert.equal((await timed("read them", () => hashesOf("all")))?.length, 100_000);
    await timed("hand them to a host", () =>
      settings.readDue({ sensorId: host, capabilities: ["prevention"] }, new Map(), { inSets: false }),
    );
    await timed("replace them", () =>
      ban(
        "all",
        many.map((_, index) => sha256(index + 1)),
      ),
    );
    assert.equal((await hashesOf("all"))?.at(-1), sha256(100_000));
  });
}
