import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import type { Sensor } from "@cordon/contract";
import Fastify from "fastify";
import { testDatabases } from "../database/test-databases.ts";
import { createTestClock, createTestServices, facts, silentLog, soar } from "../test-services.ts";
import { type ResponseApiNeeds, responseApiRoutes } from "./response-api-routes.ts";

const base = "/kata/response_api/v1/a-soar/sensors";

async function start(t: TestContext, { hostCount, ...changes }: Partial<ResponseApiNeeds> & { hostCount: number }) {
  const [sqlite] = testDatabases;
  assert.ok(sqlite);
  const clock = createTestClock();
  const database = await sqlite.open(t);
  const services = await createTestServices({ database, now: clock.now });
  const sensorIds = Array.from({ length: hostCount }, () => randomUUID() as string);
  await database.write(async (tx) => {
    for (const [index, sensorId] of sensorIds.entries()) {
      const of = facts({
        hostName: `host "${index % 400}" ü`,
        ipAddresses: index % 3 === 0 ? [] : [`10.0.0.${index}`],
      });
      await services.hosts.register(tx, { sensorId, facts: of, at: clock.now().toISOString() });
    }
  });
  const app = Fastify({ loggerInstance: silentLog });
  const authorise = async () => ({ actor: soar });
  await app.register(responseApiRoutes({ ...services, authorise, version: "0.1.0", ...changes }));
  t.after(() => app.close());
  return { app, sensorIds, ...services };
}

test("a list of many hosts is what is told of each host alone, in the order of their names", async (t) => {
  const { app, sensorIds, settings } = await start(t, { hostCount: 603 });
  const order = { actor: soar, action: "network-isolation" };
  for (const target of sensorIds.filter((_, index) => index % 100 === 7)) {
    await settings.set({ ...order, target }, { autoTurnoffTimeoutInSec: 7200, exclusions: [] });
  }
  const banned = { files: [{ algorithm: "md5", hash: "d8e577bf078c45954f4531885478d5a9", name: null }] };
  await settings.set({ actor: soar, target: "all", action: "prevention" }, banned);
  const whole = await app.inject({ url: base });
  assert.equal(whole.headers["content-type"], "application/json; charset=utf-8");
  const alone = await Promise.all(
    sensorIds.map(async (id) => (await app.inject({ url: `${base}?sensor_id=${id}` })).json<{ sensors: Sensor[] }>()),
  );
  const byName = (a: Sensor, b: Sensor) =>
    Buffer.compare(Buffer.from(a.host), Buffer.from(b.host)) || (a.sensorId < b.sensorId ? -1 : 1);
  const sensors = alone.flatMap((answer) => answer.sensors).sort(byName);
  assert.equal(whole.body, JSON.stringify({ server: { version: "0.1.0" }, sensors }));
});

test("a list that fails half-way is cut off, and cannot be taken for a whole one", async (t) => {
  let reads = 0;
  const { app, settings } = await start(t, {
    hostCount: 1100,
    settings: {
      ...({} as ResponseApiNeeds["settings"]), // the others are not called
      async listStates(of) {
        reads += 1;
        if (reads === 3) throw new Error("the database is gone");
        return settings.listStates(of);
      },
    },
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const answer = await fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}${base}`);
  await assert.rejects(answer.text(), /terminated/);
});
