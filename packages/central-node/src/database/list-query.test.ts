import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { createTestClock, createTestServices } from "../test-services.ts";
import { type ListRequest, type ListSource, listPage } from "./list-query.ts";
import { testDatabases } from "./test-databases.ts";

const source: ListSource = {
  from: sql`hosts h`,
  joins: { counted: sql`left join host_addresses a on a.sensor_id = h.sensor_id` },
  key: sql`h.sensor_id`,
  columns: {
    hostName: { kind: "text", sql: sql`h.host_name` },
    ipAddresses: { kind: "text", sql: sql`h.ip_addresses`, isList: true },
    osFamily: { kind: "choice", sql: sql`h.os_family`, choices: ["linux", "windows"] },
    journalId: { kind: "text", sql: sql`h.journal_id` },
    enrolledAt: { kind: "time", sql: sql`h.enrolled_at` },
    letters: { kind: "number", sql: sql`length(h.host_name)` },
    has: { kind: "choice", sql: sql`null`, matches: (value) => sql`h.sensor_id = ${value}` },
  },
  defaultSort: "hostName",
};

for (const kind of testDatabases) {
  async function start(t: Parameters<typeof kind.open>[0]) {
    const database = await kind.open(t);
    const clock = createTestClock();
    const services = await createTestServices({ database, now: clock.now });
    const names = new Map<string, string>();
    const add = async (hostName: string, ipAddresses = ["10.0.0.1"], osFamily: "linux" | "windows" = "linux") => {
      clock.pass(60_000);
      const sensorId = await services.addHost({ hostName, ipAddresses, osFamily });
      names.set(sensorId, hostName);
      return sensorId;
    };
    const list = async (request: ListRequest) => {
      const page = await listPage(database, source, request);
      return { ...page, names: page.keys.map((key) => names.get(key)) };
    };
    const found = async (...filter: string[]) => (await list({ filter })).names;
    return { add, list, found, database };
  }

  test(`${kind.name}: each operator finds what it says, and several filters must all hold`, async (t) => {
    const { add, found } = await start(t);
    await add("alpha-Web", ["10.0.0.1", "192.0.2.7"]);
    await add("beta-web", ["10.0.0.12"]);
    await add("gamma-db", [], "windows");
    assert.deepEqual(await found("hostName:contains:WEB"), ["alpha-Web", "beta-web"]);
    assert.deepEqual(await found("hostName:not-contains:WEB"), ["gamma-db"]);
    assert.deepEqual(await found("hostName:is:beta-web"), ["beta-web"]);
    assert.deepEqual(await found("hostName:is:BETA-web"), [], "`is` is exact");
    assert.deepEqual(await found("hostName:is-not:beta-web"), ["alpha-Web", "gamma-db"]);
    assert.deepEqual(await found("ipAddresses:contains:10.0.0.1"), ["alpha-Web", "beta-web"]);
    assert.deepEqual(await found("ipAddresses:is:10.0.0.1"), ["alpha-Web"]);
    assert.deepEqual(await found("osFamily:is:windows"), ["gamma-db"]);
    assert.deepEqual(await found("osFamily:is-not:windows", "hostName:contains:alpha"), ["alpha-Web"]);
    assert.deepEqual(await found("enrolledAt:after:2026-11-24T10:02:00Z"), ["gamma-db"]);
    assert.deepEqual(await found("enrolledAt:before:2026-11-24T13:02:00+03:00"), ["alpha-Web"]);
    assert.deepEqual(await found("letters:after:8"), ["alpha-Web"]);
    assert.deepEqual(await found("letters:is:8"), ["beta-web", "gamma-db"]);
    assert.deepEqual(await found("journalId:is:", "letters:is:9"), ["alpha-Web"], "empty stands for none");
    assert.deepEqual(await found("journalId:not-contains:x"), ["alpha-Web", "beta-web", "gamma-db"]);
  });

  test(`${kind.name}: case does not count beyond ASCII either`, async (t) => {
    const { add, found } = await start(t);
    await add("СЕРВЕР-Бухгалтерия");
    await add("Zürich");
    assert.deepEqual(await found("hostName:contains:сервер-бух"), ["СЕРВЕР-Бухгалтерия"]);
    assert.deepEqual(await found("hostName:contains:БУХГАЛТ"), ["СЕРВЕР-Бухгалтерия"]);
    assert.deepEqual(await found("hostName:contains:ÜRI"), ["Zürich"]);
  });

  test(`${kind.name}: a value that is SQL, a pattern or JSON is only a text`, async (t) => {
    const { add, found } = await start(t);
    await add(`it's "100%" _a\\`);
    for (const part of [`'`, `"`, "%", "_", "\\", `it's "100%" _a\\`]) {
      assert.deepEqual(await found(`hostName:contains:${part}`), [`it's "100%" _a\\`], part);
    }
    for (const part of ["1_0%", "' or 1 = 1 --", "100%%"])
      assert.deepEqual(await found(`hostName:contains:${part}`), []);
    assert.deepEqual(await found(`ipAddresses:is:10.0.0.1","`), []);
  });

  test(`${kind.name}: pages follow each other in both directions without gap or double, also where values are equal or none`, async (t) => {
    const { add, list } = await start(t);
    for (let index = 0; index < 25; index++) await add(`host-${index % 4}`, [], index % 2 === 0 ? "linux" : "windows");
    for (const sort of ["hostName", "-hostName", "journalId", "letters", "-letters", "-enrolledAt"]) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await list({ sort, limit: 7, ...(cursor === null ? {} : { cursor }) });
        assert.equal(page.total, 25);
        seen.push(...page.keys);
        cursor = page.nextCursor;
      } while (cursor !== null);
      assert.equal(seen.length, 25, sort);
      assert.equal(new Set(seen).size, 25, sort);
      assert.deepEqual(seen, (await list({ sort, limit: 500 })).keys, sort);
    }
  });

  test(`${kind.name}: what the list does not have is refused, and the refusal says what is possible`, async (t) => {
    const { list } = await start(t);
    const fields = "hostName, ipAddresses, osFamily, journalId, enrolledAt, letters";
    for (const [request, message] of [
      [{ filter: "secret:is:x" }, new RegExp(`the fields of this list are ${fields}, has$`)],
      [{ filter: "hostName" }, /must be field:operator:value/],
      [{ filter: "__proto__:is:x" }, /the fields of this list are/],
      [{ filter: "hostName:before:x" }, /the operators of hostName are contains, not-contains, is, is-not$/],
      [{ filter: "osFamily:is:beos" }, /must be one of linux, windows$/],
      [{ filter: "letters:after:many" }, /must be a whole number$/],
      [{ filter: "enrolledAt:before:tomorrow" }, /must be a time as 2026-11-24T10:00:00Z$/],
      [{ filter: "hostName:is:a\0b" }, /NUL/],
      [{ sort: "-constructor" }, new RegExp(`possible are ${fields}, each with - before it`)],
      [{ sort: "has" }, /cannot be sorted by "has"/],
      [{ cursor: "nonsense" }, /^cursor must be the nextCursor/],
      [{ cursor: Buffer.from('["-letters",1,"x"]').toString("base64url") }, /^cursor must be the nextCursor/],
    ] as const) {
      await assert.rejects(list(request as ListRequest), { code: "BAD_REQUEST", message }, JSON.stringify(request));
    }
  });
}
