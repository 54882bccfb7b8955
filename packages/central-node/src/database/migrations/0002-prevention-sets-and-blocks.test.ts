import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { preventionLine } from "@cordon/contract";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { createTestServices } from "../../test-services.ts";
import { openDatabase } from "../database.ts";
import { createNodeSqliteDialect } from "../node-sqlite-dialect.ts";
import { testDatabases } from "../test-databases.ts";
import { initial } from "./0001-initial.ts";

const [one, two] = ["ab".repeat(32), "cd".repeat(16)];
const wish = {
  files: [
    { algorithm: "md5", hash: two, name: 'with "quotes"\u0000' },
    { algorithm: "sha256", hash: one, name: null },
  ],
};

for (const kind of testDatabases) {
  test(`${kind.name}: rules that were ordered before are the same rules after, and what was lifted stays lifted`, async (t) => {
    const location = await kind.locate(t);
    const old = new Kysely<unknown>({
      dialect:
        kind.name === "SQLite"
          ? createNodeSqliteDialect(new DatabaseSync(location))
          : new PostgresDialect({ pool: new pg.Pool({ connectionString: location }) }),
    });
    await initial.up(old);
    await sql`create table migrations (position integer primary key, name text not null)`.execute(old);
    await sql`insert into migrations (position, name) values (1, ${initial.name})`.execute(old);
    const host = "11111111-1111-4111-8111-111111111111";
    for (const [target, action, enabled, value] of [
      ["all", "prevention", 1, wish],
      [host, "prevention", 0, wish],
      [host, "network-isolation", 1, { autoTurnoffTimeoutInSec: 7200, exclusions: [] }],
    ] as const) {
      await sql`
        insert into settings (target, action, generation, wish, enabled, ordered_at, ordered_by)
        values (${target}, ${action}, 7, ${JSON.stringify(value)}, ${enabled}, '2026-11-24T10:00:00.000Z', '{}')`.execute(
        old,
      );
    }
    for (const { hash } of wish.files)
      await sql`insert into banned_hashes (hash, target) values (${hash}, 'all')`.execute(old);
    await old.destroy();

    const database = await openDatabase(location);
    t.after(() => database.close());
    const { settings } = await createTestServices({ database, now: () => new Date() });
    assert.deepEqual((await settings.findInForce("all", "prevention"))?.wish, wish);
    const set = await settings.readSet(host, { scope: "all", base: null });
    const digest = createHash("sha256");
    for (const { hash, name } of wish.files.toReversed()) digest.update(preventionLine(hash, name));
    assert.equal(JSON.parse(String(set?.parts[0])).digest, digest.digest("hex"));
    assert.equal(await settings.readSet(host, { scope: "host", base: null }), null);
    const files = await database.read.selectFrom("banned_files").select("target").execute();
    assert.deepEqual([...new Set(files.map(({ target }) => target))], ["all"]);
    const able = { sensorId: host, capabilities: ["network-isolation"] };
    const due = (await settings.readDue(able, new Map(), { inSets: false })).settings;
    assert.equal(due.length, 1);
  });
}
