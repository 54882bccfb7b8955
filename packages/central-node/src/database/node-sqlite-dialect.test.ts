import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabases } from "./test-databases.ts";

test("a read costs about as much when thousands come at once as when 100 do", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const { read } = await sqlite.open(t);
  const find = () => read.selectFrom("hosts").selectAll().where("sensor_id", "=", "none").executeTakeFirst();
  const reads = 3000;
  /** CPU time in µs of each of the reads, so many of them at once. */
  async function cost(atOnce: number): Promise<number> {
    const before = process.cpuUsage();
    for (let done = 0; done < reads; done += atOnce) await Promise.all(Array.from({ length: atOnce }, find));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / reads;
  }
  await cost(100);
  const [few, many] = [await cost(100), await cost(reads)];
  assert.ok(many < 4 * few, `${many} µs each of ${reads} at once, ${few} µs each of 100`);
});
