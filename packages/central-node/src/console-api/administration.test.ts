/** Users, external systems, the audit log, settings and join tokens, through the console API. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findFault, parseJoinToken } from "@cordon/contract";
import { type ConsoleRoute, type ConsoleRouteName, consoleRoutes } from "@cordon/contract/console-api";
import { testDatabases } from "../database/test-databases.ts";
import { makeCertificate } from "../http/test-certificates.ts";

import { password, startTestConsole } from "./test-console.ts";

/** What is answered fits what is documented. */
function fits(name: ConsoleRouteName, body: unknown): void {
  assert.equal(findFault((consoleRoutes[name] as ConsoleRoute).reply, body), null, name);
}

for (const kind of testDatabases) {
  const start = async (t: Parameters<typeof kind.open>[0]) => startTestConsole(t, await kind.open(t));

  test(`${kind.name}: users are made, listed, changed and disabled, and the last administrator stays`, async (t) => {
    const console = await start(t);
    const alice = await console.person("administrator", "alice");
    const made = await alice.call("POST", "/users", { name: "bob", role: "security-officer", password });
    assert.equal(made.status, 200);
    fits("createUser", made.body);
    assert.ok(!JSON.stringify(made.body).includes("argon2"));
    assert.equal((await alice.call("POST", "/users", { name: "Bob", role: "security-officer", password })).status, 409);
    const list = await alice.call("GET", "/users?sort=-name&filter=state:is:active&limit=1");
    fits("listUsers", list.body);
    assert.deepEqual([list.body.total, list.body.items.map(({ name }) => name)], [2, ["bob"]]);
    const rest = await alice.call(
      "GET",
      `/users?sort=-name&filter=state:is:active&limit=1&cursor=${list.body.nextCursor}`,
    );
    assert.deepEqual([rest.body.nextCursor, rest.body.items.map(({ name }) => name)], [null, ["alice"]]);
    const path = `/users/${String(made.body.userId).toUpperCase()}`;
    const seen = await alice.call("GET", path);
    assert.equal(seen.headers.etag, '"1"');
    assert.equal((await alice.call("PATCH", path, {}, { "if-match": '"1"' })).status, 400);
    const changed = await alice.call("PATCH", path, { role: "security-auditor" }, { "if-match": '"1"' });
    assert.deepEqual([changed.status, changed.headers.etag, changed.body.role], [200, '"2"', "security-auditor"]);
    assert.equal((await alice.call("PATCH", path, { disabled: true }, { "if-match": '"1"' })).status, 412);
    const disabled = await alice.call("PATCH", path, { disabled: true }, { "if-match": '"2"' });
    assert.notEqual(disabled.body.disabledAt, null);
    const own = `/users/${alice.user.userId}`;
    for (const change of [{ role: "security-officer" }, { disabled: true }]) {
      const refused = await alice.call("PATCH", own, change, { "if-match": '"1"' });
      assert.equal(refused.status, 409);
      assert.match(refused.body.detail, /is the last administrator: add or enable another one first/);
    }
    assert.deepEqual(
      (await console.audited()).filter(({ who }) => who === "user:alice").map(({ action, result }) => [action, result]),
      [
        ["session.open", "done"],
        ["user.add", "done"],
        ["console-api.createUser", "CONFLICT"],
        ["console-api.changeUser", "BAD_REQUEST"],
        ["user.change", "done"],
        ["console-api.changeUser", "PRECONDITION_FAILED"],
        ["user.change", "done"],
        ["console-api.changeUser", "CONFLICT"],
        ["console-api.changeUser", "CONFLICT"],
      ],
    );
  });

  test(`${kind.name}: an external system that waits is shown as it is, accepted, named and withdrawn`, async (t) => {
    const console = await start(t);
    const alice = await console.person("administrator", "alice");
    const { certificate } = await makeCertificate({ commonName: "<img src=x onerror=alert(1)>" });
    const knock = () =>
      console.externalSystems.authorise({ externalSystemId: "SOAR-1", peer: certificate, address: "203.0.113.5" });
    await assert.rejects(knock());
    const list = await alice.call("GET", "/external-systems?filter=state:is:pending&filter=subject:contains:ONERROR");
    fits("listExternalSystems", list.body);
    const [waiting] = list.body.items;
    assert.equal(waiting?.subject, "CN=\\<img src=x onerror=alert(1)\\>", "text, as the certificate has it");
    assert.deepEqual([waiting?.address, waiting?.state], ["203.0.113.5", "pending"]);
    const path = `/external-systems/SOAR-1/${String(waiting?.fingerprint).toUpperCase()}`;
    assert.equal((await alice.call("POST", `${path}/decision`, { decision: "withdraw" })).status, 409);
    const accepted = await alice.call("POST", `${path}/decision`, { decision: "accept" });
    fits("decideExternalSystem", accepted.body);
    assert.deepEqual([accepted.body.state, accepted.body.decidedBy], ["accepted", "user:alice"]);
    assert.equal((await knock()).actor.id, "SOAR-1");
    assert.equal((await alice.call("PUT", `${path}/name`, { name: "our SOAR" })).body.name, "our SOAR");
    assert.equal((await alice.call("POST", `${path}/decision`, { decision: "withdraw" })).body.state, "withdrawn");
    await assert.rejects(knock());
    const nobody = `/external-systems/SOAR-1/${"00".repeat(32)}/decision`;
    assert.equal((await alice.call("POST", nobody, { decision: "accept" })).status, 404);
  });

  test(`${kind.name}: the audit log is filtered, paged newest first, verified and exported`, async (t) => {
    const console = await start(t);
    const auditor = await console.person("security-auditor", "eve");
    for (let n = 0; n < 25; n++) {
      const actor = { kind: "external-system", id: `soar-${n % 2}`, address: "192.0.2.9", fingerprint: null } as const;
      const result = n % 5 === 0 ? "CONFLICT" : "done";
      await console.audit.record({ actor, action: "task.create", object: `task\n${n}`, result, detail: { n } });
    }
    const total = 25 + 2;
    const seqs: unknown[] = [];
    let cursor: unknown = null;
    do {
      const page = await auditor.call("GET", `/audit?limit=10${cursor === null ? "" : `&cursor=${cursor}`}`);
      fits("listAudit", page.body);
      assert.equal(page.body.total, total);
      seqs.push(...page.body.items.map(({ seq }) => seq));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(
      seqs,
      Array.from({ length: total }, (_, index) => total - index),
    );
    const some = await auditor.call("GET", "/audit?filter=actorId:is:soar-1&filter=result:is-not:done");
    assert.deepEqual(
      some.body.items.map(({ detail }) => (detail as { n: number }).n),
      [15, 5],
    );
    const filter = "filter=actorKind:is:external-system&filter=result:is:CONFLICT";
    const lines = await auditor.call("GET", `/audit.jsonl?${filter}`);
    assert.match(
      String(lines.headers["content-disposition"]),
      /^attachment; filename="cordon-audit-2026-11-24\.jsonl"$/,
    );
    const rows = lines.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      rows.map(({ detail }) => detail.n),
      [0, 5, 10, 15, 20],
      "oldest first",
    );
    assert.match(rows[0].previous_hash, /^[0-9a-f]{64}$/);
    const cef = (await auditor.call("GET", `/audit.cef?${filter}`)).text.trimEnd().split("\n");
    assert.equal(cef.length, 5);
    assert.ok(cef.every((line) => line.startsWith("CEF:0|Cordon|Central Node|1.2.3|task.create|")));
    const intact = await auditor.call("POST", "/audit/verify");
    fits("verifyAudit", intact.body);
    assert.deepEqual([intact.body.intact, intact.body.entries, intact.body.brokenAtSeq], [true, total, null]);
    await console.database.write((tx) =>
      tx.updateTable("audit_log").set({ actor_id: "x" }).where("seq", "=", 9).execute(),
    );
    const broken = (await auditor.call("POST", "/audit/verify")).body;
    fits("verifyAudit", broken);
    assert.deepEqual([broken.intact, broken.brokenAtSeq, broken.lastHash], [false, 9, null]);
  });

  test(`${kind.name}: a join token is shown once, with the command to run, and revoked`, async (t) => {
    const console = await start(t);
    const alice = await console.person("administrator", "alice");
    const made = await alice.call("POST", "/join-tokens", { ttlHours: 2, uses: 3 });
    fits("createJoinToken", made.body);
    assert.equal(parseJoinToken(made.body.token).secret.length, 43);
    assert.equal(made.body.command, `cordon-agent enroll --server https://node.example:443 --token ${made.body.token}`);
    const list = await alice.call("GET", "/join-tokens");
    fits("listJoinTokens", list.body);
    assert.deepEqual(
      list.body.items.map(({ usesLeft }) => usesLeft),
      [3],
    );
    assert.ok(!JSON.stringify(list.body).includes(parseJoinToken(made.body.token).secret));
    console.clock.pass(2 * 3_600_000);
    assert.equal((await alice.call("GET", "/join-tokens")).body.total, 0, "expired");
    assert.equal((await alice.call("DELETE", `/join-tokens/${made.body.tokenId}`)).status, 200);
    assert.equal((await alice.call("DELETE", `/join-tokens/${made.body.tokenId}`)).status, 404);
  });

  test(`${kind.name}: settings show limits and the certificate, and hosts not heard of for so long are removed`, async (t) => {
    const console = await start(t);
    await console.person("administrator", "alice");
    const silent = await console.services.addHost({ hostName: "silent" });
    console.clock.pass(4 * 86_400_000);
    const back = await console.services.addHost({ hostName: "back" });
    const young = await console.services.addHost({ hostName: "young" });
    console.clock.pass(4 * 86_400_000);
    console.hosts.recordContact(back);
    const admin = console.browser();
    await admin.call("POST", "/session", { name: "alice", password });
    const seen = await admin.call("GET", "/settings");
    fits("getSettings", seen.body);
    const { subject, brought } = seen.body.serverCertificate as Record<string, unknown>;
    assert.match(String(subject), /CN=/);
    assert.equal(brought, false);
    assert.equal((seen.body.limits as Record<string, number>).sessionHours, 24);
    await console.people.removeInactiveHosts();
    assert.equal((await console.hosts.list()).length, 3, "hosts are not removed unless somebody wants it");
    const change = { removeInactiveAfterDays: 7 };
    assert.equal((await admin.call("PATCH", "/settings", change, { "if-match": '"1"' })).status, 200);
    await console.people.removeInactiveHosts();
    assert.deepEqual(
      (await console.hosts.list()).map(({ hostName }) => hostName),
      ["back", "young"],
    );
    assert.equal(await console.hosts.find(silent), null);
    const [removal] = await console.audited("host.remove");
    assert.deepEqual(
      [removal?.who, removal?.object, removal?.detail.reason],
      ["central-node:central-node", silent, "inactive"],
    );
    assert.notEqual(await console.hosts.find(young), null);
  });
}
