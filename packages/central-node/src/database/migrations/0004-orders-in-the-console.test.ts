import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import { createTestServices, sha256, soar } from "../../test-services.ts";
import { openDatabase } from "../database.ts";
import { createNodeSqliteDialect } from "../node-sqlite-dialect.ts";
import { testDatabases } from "../test-databases.ts";
import { migrations } from "./index.ts";

const host = "11111111-1111-4111-8111-111111111111";
const at = "2026-11-24T10:00:00.000Z";

for (const kind of testDatabases) {
  test(`${kind.name}: each file that was banned before is a rule of whoever ordered it, and what was taken out is none`, async (t) => {
    const location = await kind.locate(t);
    const old = new Kysely<unknown>({
      dialect:
        kind.name === "SQLite"
          ? createNodeSqliteDialect(new DatabaseSync(location))
          : new PostgresDialect({ pool: new pg.Pool({ connectionString: location }) }),
    });
    await sql`create table migrations (position integer primary key, name text not null)`.execute(old);
    for (const [index, migration] of migrations.slice(0, 3).entries()) {
      await migration.up(old);
      await sql`insert into migrations (position, name) values (${index + 1}, ${migration.name})`.execute(old);
    }
    for (const target of ["all", host]) {
      await sql`
        insert into settings (target, action, generation, wish, enabled, ordered_at, ordered_by, digest, deltas_since)
        values (${target}, 'prevention', 3, '{}', 1, ${at}, ${JSON.stringify(soar)}, '', 0)`.execute(old);
    }
    const files = [
      ...Array.from({ length: 2300 }, (_, index) => ["all", sha256(index), null, null] as const),
      [host, sha256(5000), JSON.stringify('with "quotes"\0'), null] as const,
      [host, sha256(5001), null, 2] as const,
    ];
    const rows = files.map(([target, hash, name, until]) => sql`(${target}, ${hash}, ${name}, 0, 1, ${until})`);
    await sql`
      insert into banned_files (target, hash, name, position, since_generation, until_generation)
      values ${sql.join(rows)}`.execute(old);
    await old.destroy();

    const database = await openDatabase(location);
    t.after(() => database.close());
    const { settings } = await createTestServices({ database, now: () => new Date(at) });
    const ids = await database.read.selectFrom("prevention_rules").select("rule_id").execute();
    assert.equal(ids.length, 2301);
    const rules = await settings.preventionRules.list(ids.map((row) => row.rule_id));
    const [own, ...more] = rules.filter((rule) => rule.scope === "hosts");
    assert.deepEqual(more, []);
    assert.deepEqual(
      [own?.hosts, own?.hash, own?.name, own?.enabled, JSON.parse(own?.author ?? ""), own?.created_at, own?.version],
      [[host], sha256(5000), 'with "quotes"\uFFFD', 1, soar, at, 1],
    );
    assert.equal(new Set(rules.map((rule) => rule.hash)).size, 2301);
    await settings.set(
      { actor: soar, target: "all", action: "prevention" },
      { files: [{ algorithm: "sha256", hash: sha256(7), name: null }] },
    );
    assert.equal((await database.read.selectFrom("prevention_rules").select("rule_id").execute()).length, 2);
  });
}
