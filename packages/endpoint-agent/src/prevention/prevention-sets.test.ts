import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryJournal } from "../journal/journal.ts";
import { lineageA, lineageB, startCore } from "../testing/core-under-test.ts";
import { type Rule, ruleOf, setOf } from "../testing/prevention-orders.ts";

type Host = Awaited<ReturnType<typeof startCore>>;
const bannedOn = (host: Host, scope: "host" | "all" = "all"): Rule | null => {
  const wish = host.kernel.banned.get(scope);
  return wish === undefined ? null : new Map(wish.files.map(({ hash, name }) => [hash, name]));
};
const requests = (host: Host) => host.sent.filter(({ type }) => type === "prevention-set-request");
const reports = (host: Host) =>
  host.settingReports().map(({ generation, state, reason }) => [generation, state, ...(reason ? [reason] : [])]);
const lift = (generation: number) => ({ type: "setting", action: "prevention", scope: "all", generation, wish: null });

test("a rule in parts is in force once the last part has come, not before, and is reported once", async () => {
  const host = await startCore();
  const rule = ruleOf(1, 2, 3, 4, 5);
  const parts = setOf(1, rule, { perPart: 2 });
  assert.equal(parts.length, 3);
  await host.receive(...parts.slice(0, 2));
  assert.equal(bannedOn(host), null);
  await host.receive(...parts.slice(2));
  assert.deepEqual(bannedOn(host), rule);
  assert.deepEqual(reports(host), [[1, "in-effect"]]);
});

test("what changed is added, removed and renamed, and the modes are those of the newest order", async () => {
  const host = await startCore();
  const first = ruleOf(1, 2, 3);
  await host.receive(...setOf(1, first));
  const second = new Map([...ruleOf(2, 3, 4), [[...first.keys()][1] ?? "", 'a "name"\n']]);
  await host.receive(...setOf(2, second, { from: { generation: 1, rule: first }, scripts: true, killRunning: true }));
  assert.deepEqual(bannedOn(host), second);
  const { scripts, killRunning } = host.kernel.banned.get("all") ?? assert.fail("no rule");
  assert.deepEqual([scripts, killRunning], [true, true]);
  assert.deepEqual(requests(host), []);
});

test("a set in one part waits for the disk twice: for its order with all its files, and for what came of it", async () => {
  const real = createMemoryJournal();
  let commits = 0;
  const transaction: typeof real.transaction = (work) => {
    commits += 1;
    return real.transaction(work);
  };
  const host = await startCore({ journal: { ...real, transaction } });
  const before = commits;
  await host.receive(...setOf(1, ruleOf(1, 2, 3)));
  assert.deepEqual(bannedOn(host), ruleOf(1, 2, 3));
  assert.equal(commits - before, 2);
});

test("a change of a rule that is not held here is not taken: the whole rule is asked for, and taken", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1, 2)));
  const third = ruleOf(1, 9);
  await host.receive(...setOf(3, third, { from: { generation: 2, rule: ruleOf(1) } }));
  assert.deepEqual(bannedOn(host), ruleOf(1, 2));
  assert.deepEqual(requests(host), [{ type: "prevention-set-request", scope: "all" }]);
  await host.receive(...setOf(3, third));
  assert.deepEqual(bannedOn(host), third);
});

test("a change after which the digest is another one undoes itself, and the whole rule is asked for", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1, 2)));
  const wrong = { from: { generation: 1, rule: ruleOf(1) }, digest: "0".repeat(64) };
  await host.receive(...setOf(2, ruleOf(1, 3), wrong));
  assert.equal(requests(host).length, 1);
  assert.deepEqual(bannedOn(host), ruleOf(1, 2));
  await host.receive(...setOf(2, ruleOf(1, 2, 3), { from: { generation: 1, rule: ruleOf(1, 2) } }));
  assert.deepEqual(bannedOn(host), ruleOf(1, 2, 3), "nothing of the wrong one has stayed");
});

test("a whole rule that is wrong is refused, so that it is not asked for for ever, and what was in force stays", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1)));
  await host.receive(...setOf(2, ruleOf(2), { digest: "0".repeat(64) }));
  await host.receive(...setOf(3, ruleOf()));
  assert.deepEqual(bannedOn(host), ruleOf(1));
  assert.deepEqual(reports(host), [
    [1, "in-effect"],
    [2, "failed", "INVALID_ORDER"],
    [3, "failed", "INVALID_ORDER"],
  ]);
  assert.deepEqual(requests(host), []);
  await host.receive(...setOf(4, ruleOf(1, 4), { from: { generation: 3, rule: ruleOf(1) } }));
  assert.equal(requests(host).length, 1, "what is held is of generation 1");
});

test("parts that are missing, out of order or of another set are noticed, and a cut begins anew", async () => {
  const host = await startCore();
  const parts = setOf(1, ruleOf(1, 2, 3, 4), { perPart: 1 });
  await host.receive(...parts.filter(({ part }) => part !== 1));
  assert.deepEqual([bannedOn(host), requests(host).length], [null, 1]);
  await host.receive(...parts.slice(0, 2));
  host.core.closed();
  host.connect();
  await host.receive(...parts.slice(2));
  assert.deepEqual([bannedOn(host), requests(host).length], [null, 1], "the rest of a set that was given up");
  await host.receive(...parts);
  assert.deepEqual(bannedOn(host), ruleOf(1, 2, 3, 4));
});

test("an older or repeated set is answered with how it is, and changes nothing", async () => {
  const host = await startCore();
  await host.receive(...setOf(5, ruleOf(1)));
  host.acknowledgeAll();
  await host.receive(...setOf(4, ruleOf(2), { perPart: 1 }), ...setOf(5, ruleOf(2, 3), { perPart: 1 }));
  assert.deepEqual(bannedOn(host), ruleOf(1));
  assert.deepEqual(reports(host), [[5, "in-effect"]]);
});

test("a lift overtakes the parts of an older set, ends the rule, and the next rule begins from nothing", async () => {
  const host = await startCore();
  const parts = setOf(1, ruleOf(1, 2), { perPart: 1 });
  await host.receive(...parts.slice(0, 1), lift(2), ...parts.slice(1));
  assert.equal(bannedOn(host), null);
  await host.receive(...setOf(3, ruleOf(7), { from: { generation: 2, rule: ruleOf() } }));
  assert.deepEqual(bannedOn(host), ruleOf(7));
  await host.receive(lift(4));
  assert.equal(bannedOn(host), null);
  assert.equal(host.journal.prevention.count("all"), 0);
});

test("the rule of this host and the one of all are two, and a restart keeps both", async () => {
  const host = await startCore();
  await host.receive(...setOf(1, ruleOf(1, 2)), ...setOf(1, ruleOf(3), { scope: "host" }));
  host.kernel.banned.clear();
  const again = await startCore({ clock: host.clock, journal: host.journal, on: host.on });
  await again.core.idle();
  assert.deepEqual([bannedOn(again), bannedOn(again, "host")], [ruleOf(1, 2), ruleOf(3)]);
  await again.receive(...setOf(2, ruleOf(2), { from: { generation: 1, rule: ruleOf(1, 2) } }));
  assert.deepEqual([bannedOn(again), bannedOn(again, "host")], [ruleOf(2), ruleOf(3)]);
});

test("what the owner forbids is refused at its first part; the change that follows it is no gap that goes unseen", async () => {
  let forbidden = true;
  const host = await startCore({ policy: { allows: ({ name }) => name !== "prevention" || !forbidden } });
  await host.receive(...setOf(1, ruleOf(1, 2), { perPart: 1 }));
  assert.deepEqual(reports(host), [[1, "failed", "FORBIDDEN_BY_LOCAL_POLICY"]]);
  forbidden = false;
  await host.receive(...setOf(2, ruleOf(1, 2, 3), { from: { generation: 1, rule: ruleOf(1, 2) } }));
  assert.deepEqual([bannedOn(host), requests(host).length], [null, 1]);
});

test("a Central Node with another history sends the whole rule, whatever its number, and no change of it before", async () => {
  const host = await startCore();
  await host.receive(...setOf(9, ruleOf(1)));
  host.core.closed();
  host.connect(lineageB);
  await host.receive(...setOf(10, ruleOf(1, 2), { from: { generation: 9, rule: ruleOf(1) } }));
  assert.deepEqual([bannedOn(host), requests(host).length], [ruleOf(1), 1]);
  await host.receive(...setOf(3, ruleOf(4)));
  assert.deepEqual(bannedOn(host), ruleOf(4));
});

test("an older Central Node orders the rule as one setting, and is not asked for sets", async () => {
  const host = await startCore({ connect: false });
  host.connect(lineageA, 1);
  const files = [...ruleOf(1, 2).keys()].map((hash) => ({ algorithm: "sha256", hash, name: null }));
  await host.receive({ ...lift(1), wish: { files } });
  assert.deepEqual(bannedOn(host), ruleOf(1, 2));
  const record = host.journal.settings.find("prevention", "all");
  assert.ok(JSON.stringify(record).length < 1000, "the files are rows");
  host.core.closed();
  host.connect();
  await host.receive(...setOf(2, ruleOf(2), { from: { generation: 1, rule: ruleOf(1, 2) } }));
  assert.deepEqual(bannedOn(host), ruleOf(2));
});

test("a Central Node that does not know the newest protocol is told an older one at the next contact", async () => {
  const host = await startCore({ connect: false });
  const protocols = () => host.sent.flatMap((message) => (message.type === "hello" ? [message.protocol] : []));
  const session = { send: (message: (typeof host.sent)[number]) => host.sent.push(message) > 0, close: () => {} };
  host.core.opened(session);
  host.core.closed(4400);
  host.core.opened(session);
  host.core.closed(1006);
  host.connect();
  assert.deepEqual(protocols(), [2, 1, 2]);
});

test("hashes that the host would not outlive are reported with the rest in effect, and again when they change", async () => {
  const host = await startCore();
  const [needed = ""] = ruleOf(1).keys();
  host.kernel.needed.add(needed);
  await host.receive(...setOf(1, ruleOf(1, 2)));
  const [report] = host.settingReports();
  assert.deepEqual(report?.refused, [{ part: needed, reason: "HOST_NEEDS_IT", detail: "the host runs on it" }]);
  assert.equal(report?.refusedCount, 1);
  await host.receive(...setOf(2, ruleOf(2), { from: { generation: 1, rule: ruleOf(1, 2) } }));
  assert.equal(host.settingReports().at(-1)?.refused, undefined);
});
