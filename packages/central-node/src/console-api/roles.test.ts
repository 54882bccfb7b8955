/** Every call of the table × every role, a stranger and an API token, through the real HTTP surface. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import {
  type ConsoleRole,
  type ConsoleRoute,
  consoleDownloads,
  consoleRoles,
  consoleRoutes,
  isPermitted,
} from "@cordon/contract/console-api";
import { testDatabases } from "../database/test-databases.ts";
import { startTestConsole } from "./test-console.ts";

type Gate = Pick<ConsoleRoute, "method" | "path" | "permission"> & { name: string };

const gates: Gate[] = [
  ...Object.entries(consoleRoutes as Record<string, ConsoleRoute>).map(([name, route]) => ({ name, ...route })),
  ...Object.entries(consoleDownloads).map(([name, download]) => ({ name, method: "GET" as const, ...download })),
];
/** It does not end by itself: it has tests of its own. And what would end the very session that walks. */
const leftOut = ["events", "signOut"];
const uuid = randomUUID();
/** Well-formed IDs of nothing, so that nothing is changed on the way. */
const pathOf = ({ path }: Gate) => path.replace(":fingerprint", "ab".repeat(32)).replaceAll(/:\w+/g, uuid);

for (const kind of testDatabases) {
  test(`${kind.name}: each role may do what the table says and nothing else, and each refusal is in the audit log`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    for (const role of consoleRoles) {
      const person = await console.person(role);
      const { status, body } = await person.call("POST", "/api-tokens", { name: "script", role, days: 1 });
      assert.equal(status, 200);
      const bearer = { authorization: `Bearer ${body.token}` };
      for (const gate of gates.filter(({ name }) => !leftOut.includes(name))) {
        const before = (await console.audited(`console-api.${gate.name}`)).length;
        const path = pathOf(gate);
        const sent = gate.method === "GET" ? undefined : {};
        const [own, script] = [
          await person.call(gate.method, path, sent),
          await console.call(gate.method, path, { headers: bearer, ...(sent === undefined ? {} : { body: sent }) }),
        ];
        check(`${role}: ${gate.name}`, own.status, isOpen(gate, role));
        check(`${role} by API token: ${gate.name}`, script.status, isOpen(gate, role) && !isOwnAccount(gate));
        const refusals = (await console.audited(`console-api.${gate.name}`))
          .slice(before)
          .filter(({ result }) => result === "FORBIDDEN");
        const expected = [isOpen(gate, role), isOpen(gate, role) && !isOwnAccount(gate)].filter((open) => !open).length;
        assert.equal(refusals.length, expected, `${role}: ${gate.name} in the audit log`);
        assert.ok(refusals.every(({ who, address }) => who === `user:${role}` && address === "192.0.2.1"));
      }
    }
  });

  test(`${kind.name}: a stranger gets 401 wherever the table does not say that anyone may`, async (t) => {
    const console = await startTestConsole(t, await kind.open(t));
    for (const gate of gates) {
      const { status } = await console.call(gate.method, pathOf(gate), gate.method === "GET" ? {} : { body: {} });
      if (gate.permission === "anyone") assert.notEqual(status, 401, gate.name);
      else assert.equal(status, 401, gate.name);
    }
    const bearers = ["cordon_", `cordon_${"A".repeat(43)}`, "x".repeat(5000)];
    for (const token of bearers) {
      const { status } = await console.call("GET", "/hosts", { headers: { authorization: `Bearer ${token}` } });
      assert.equal(status, 401);
    }
  });
}

const isOwnAccount = ({ permission }: Gate) => permission === "own-account";

function isOpen({ permission }: Gate, role: ConsoleRole): boolean {
  return permission === "anyone" || isPermitted(role, permission);
}

function check(what: string, status: number, open: boolean): void {
  if (open) assert.ok(status !== 401 && status !== 403 && status < 500, `${what}: ${status}`);
  else assert.equal(status, 403, what);
}
