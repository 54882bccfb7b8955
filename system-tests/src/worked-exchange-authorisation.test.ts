/** Who may use the Response API: knocking, and what an administrator decides. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createExternalSystem, curl, curlAs } from "./external-system.ts";
import { startCentralNode } from "./programs.ts";
import { is, isRefused, listSystems, testDatabases, unauthorized } from "./worked-exchange-lab.ts";

for (const kind of testDatabases) {
  test(`only the accepted pair of ID and certificate gets in, on ${kind.name}`, async (t) => {
    const location = await kind.locate(t);
    const central = await startCentralNode(t, {
      flags: ["--pending-per-address", "4"],
      ...(kind.name === "SQLite" ? {} : { database: location }),
    });
    const system = createExternalSystem(t);
    const soar = curlAs(system, central);
    const rows = async () =>
      (await listSystems(central)).map(({ externalSystemId, state }) => [externalSystemId, state]);

    await t.test(
      "a knock on the scanner's and the events' paths makes the same one row; none without a certificate",
      async () => {
        for (const path of [
          `/kata/scanner/v1/sensors/${system.id}/scans?sensorInstanceId=1`,
          `/kata/events_api/v1/${system.id.toUpperCase()}/events`,
          `/kata/response_api/v1/${system.id}`,
        ]) {
          is(await soar.get(path), 401, unauthorized);
          is(await soar.post(path, "not even JSON", ["-H", "content-type: text/plain"]), 401, unauthorized);
        }
        assert.deepEqual(await rows(), [[system.id, "pending"]]);
        const bare = `${central.api}/kata/response_api/v1/nobody/sensors`;
        is(await curl(central.place, bare), 401, unauthorized);
        assert.deepEqual(await rows(), [[system.id, "pending"]]);
        for (const id of ["x".repeat(65), "a.b", "%2e%2e"]) {
          assert.equal((await curlAs(system, central, { id }).get("sensors")).status, 400, id);
        }
        assert.deepEqual(await rows(), [[system.id, "pending"]]);
      },
    );

    await t.test("accepted at once, withdrawn at once; rejected for ever", async () => {
      await central.acceptSystem(system);
      assert.equal((await soar.get("sensors")).status, 200);
      await central.admin("external-system", "withdraw", system.id);
      is(await soar.get("sensors"), 401, unauthorized);
      is(
        await soar.post(`settings?sensor_id=all&settings_type=prevention`, { settings: { objects: [] } }),
        401,
        unauthorized,
      );
      const unwanted = createExternalSystem(t, { id: "00505693b392", keys: "rsa", inOneFile: true });
      const knocking = curlAs(unwanted, central);
      is(await knocking.get("sensors"), 401, unauthorized);
      await central.admin("external-system", "reject", "00505693B392");
      is(await knocking.get("sensors"), 401, unauthorized);
      is(await knocking.get("sensors"), 401, unauthorized);
      assert.deepEqual(
        new Map((await rows()) as [string, string][]),
        new Map([
          [system.id, "withdrawn"],
          ["00505693b392", "rejected"],
        ]),
      );
    });

    await t.test("more than may wait from one address is told to wait, and makes no row", async () => {
      const flood = createExternalSystem(t);
      const statuses: number[] = [];
      for (const n of [1, 2, 3, 4])
        statuses.push((await curlAs(flood, central, { id: `flood-${n}` }).get("sensors")).status);
      assert.deepEqual(statuses, [401, 401, 401, 401]);
      const refused = await curlAs(flood, central, { id: "flood-5" }).get("sensors");
      isRefused(refused, 429, "Too Many Requests", /^4 external systems from 127\.0\.0\.1 already wait/);
      is(await curlAs(flood, central, { id: "flood-4" }).get("sensors"), 401, unauthorized);
      assert.equal((await rows()).filter(([, state]) => state === "pending").length, 4);
      await central.admin("external-system", "reject", "flood-1");
      is(await curlAs(flood, central, { id: "flood-5" }).get("sensors"), 401, unauthorized);
    });

    await t.test("TLS 1.2 and 1.3 carry it, TLS 1.1 is refused", async () => {
      const member = createExternalSystem(t, { id: "flood-1" });
      await curlAs(member, central).get("sensors");
      await central.admin("external-system", "reject", "flood-2");
      await curlAs(member, central).get("sensors");
      await central.acceptSystem(member);
      const calls = curlAs(member, central);
      for (const version of ["1.2", "1.3"]) {
        const answer = await calls.get("sensors", [`--tlsv${version}`, "--tls-max", version]);
        assert.equal(answer.status, 200, `TLS ${version}: ${answer.why}`);
      }
      // Level 0, or this machine's own OpenSSL would not even offer it.
      const old = await calls.get("sensors", ["--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]);
      assert.equal(old.status, 0);
      assert.match(old.why, /alert protocol version/);
    });
  });
}
