import assert from "node:assert/strict";
import { test } from "node:test";
import { openDatabase } from "../database/database.ts";
import { testDatabases } from "../database/test-databases.ts";
import { createTicketKeys } from "./ticket-keys.ts";

const weekMs = 7 * 86_400_000;

for (const kind of testDatabases) {
  test(`${kind.name}: the keys of TLS tickets are one for all Central Nodes of a database, and another after a week`, async (t) => {
    const location = await kind.locate(t);
    const databases = [await openDatabase(location), await openDatabase(location)] as const;
    t.after(() => Promise.all(databases.map((database) => database.close())));
    const clock = { now: new Date() };
    const [one, other] = await Promise.all(
      databases.map((database) => createTicketKeys({ database, now: () => clock.now })),
    );
    assert.ok(one !== undefined && other !== undefined);
    const first = one.current();
    assert.equal(first.length, 48);
    assert.deepEqual(other.current(), first);
    clock.now = new Date(clock.now.getTime() + weekMs - 1000);
    await one.refresh();
    assert.deepEqual(one.current(), first);
    clock.now = new Date(clock.now.getTime() + 2000);
    await other.refresh();
    assert.notDeepEqual(other.current(), first);
    await one.refresh();
    assert.deepEqual(one.current(), other.current());
    // The old ones are nowhere any more.
    const kept = await databases[0].read.selectFrom("meta").selectAll().execute();
    assert.ok(!kept.some(({ value }) => value.includes(first.toString("base64"))));
  });
}
