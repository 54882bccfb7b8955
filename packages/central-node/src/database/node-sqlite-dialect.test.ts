import assert from "node:assert/strict";
import { test } from "node:test";
import { promiseHooks } from "node:v8";
import { testDatabases } from "./test-databases.ts";

test("a read wakes nobody but the next, however many wait: thousands at once take no more steps each than 100", async (t) => {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const { read } = await sqlite.open(t);
  const find = () => read.selectFrom("hosts").selectAll().where("sensor_id", "=", "none").executeTakeFirst();
  const reads = 3000;
  /** How many promises each of the reads makes, so many of them at once. Counted, not timed: CPU time is the machine's as well. */
  async function promisesOfARead(atOnce: number): Promise<number> {
    let promises = 0;
    const stop = promiseHooks.onInit(() => {
      promises++;
    });
    try {
      for (let done = 0; done < reads; done += atOnce) await Promise.all(Array.from({ length: atOnce }, find));
    } finally {
      stop();
    }
    return promises / reads;
  }
  await promisesOfARead(100);
  const [few, many] = [await promisesOfARead(100), await promisesOfARead(reads)];
  assert.ok(few > 1, "promises are counted");
  assert.ok(many < 1.1 * few, `${many} promises a read of ${reads} at once, ${few} of 100`);
});
