/** How an isolation ends: by its time with nobody left to end it, and by a person on the host. */

import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { settingStateOf } from "./external-system.ts";
import { createWholeSystem, waysAre } from "./isolation-end-to-end-lab.ts";
import { needsNamespaces, until } from "./namespaces.ts";
import { pings } from "./network-isolation-lab.ts";
import { createFolder, type Owner } from "./programs.ts";
import { is, notFound } from "./worked-exchange-lab.ts";

const settableMain = fileURLToPath(new URL("./isolation-end-to-end-central-node.ts", import.meta.url));

/** The Central Node's clock, to be set by the test. */
function createClock(owner: Owner) {
  const folder = createFolder(owner, "clock");
  const file = join(folder, "now");
  return {
    main: [settableMain, file],
    set(at: number) {
      // Renamed, as a time half written would be none.
      writeFileSync(`${file}.new`, new Date(at).toISOString());
      renameSync(`${file}.new`, file);
    },
  };
}

test("with the agent killed by -9 the host stays isolated, and is open again on time", needsNamespaces, async (t) => {
  const clock = createClock(t);
  const whole = await createWholeSystem(t, { main: clock.main });
  const { agent, host, stranger, soar, path } = whole;
  await agent.kill();
  await whole.order();
  const { state, orderedAt } = await settingStateOf(soar, agent);
  assert.equal(state, "pending", "ordered while the agent is away");
  await waysAre(true, whole);

  const endsAt = Date.parse(orderedAt) + 3_600_000;
  // 5 s are left whenever the agent comes: a clock that stands still makes no race with a slow start.
  clock.set(endsAt - 5_000);
  await agent.restart();
  const { remainingSec } = await until("the agent says in effect", async () =>
    (await agent.status()).settings.find((setting) => setting.state === "in-effect"),
  );
  const seenAt = performance.now();
  assert.ok(remainingSec !== null && remainingSec <= 5, `${remainingSec} s are left`);
  await agent.kill();
  assert.equal(await pings(300, stranger, host.ipv4), false, "isolated with no agent alive");
  await until("the host answers again", () => pings(200, stranger, host.ipv4));
  const lastedSec = (performance.now() - seenAt) / 1000;
  t.diagnostic(`${remainingSec} s were left, and it opened after ${lastedSec.toFixed(1)} s`);
  // Whole seconds are told, rounded up; each look takes a while.
  assert.ok(lastedSec > remainingSec - 2 && lastedSec < remainingSec + 1.5, `${lastedSec} s`);
  await waysAre(true, whole);

  clock.set(endsAt + 1);
  is(await soar.get(path), 404, notFound);
  await agent.restart();
  const after = await whole.untilReported("lifted");
  assert.equal(after.reason, null);
  await waysAre(true, whole);
});

test(
  "a person with root rights on the host breaks the glass, and the Central Node is told",
  needsNamespaces,
  async (t) => {
    const whole = await createWholeSystem(t);
    const { agent } = whole;
    await whole.order();
    await whole.untilReported("in_effect");

    await t.test("through the agent that runs", async () => {
      assert.deepEqual(await agent.release(), { state: "lifted", by: "the agent" });
      await waysAre(true, whole);
      const state = await whole.untilReported("failed");
      assert.equal(state.reason, "RELEASED_LOCALLY");
      assert.match(state.detail, /released by a person/);
    });

    await t.test("a newer order applies again", async () => {
      await whole.order();
      await whole.untilReported("in_effect");
      await waysAre(false, whole);
    });

    await t.test("with the agent dead; the next one reports it and does not isolate again", async () => {
      await agent.kill();
      await waysAre(false, whole);
      assert.deepEqual(await agent.release(), { state: "lifted", by: "this program" });
      await waysAre(true, whole);
      await agent.restart();
      assert.equal((await whole.untilReported("failed")).reason, "RELEASED_LOCALLY");
      await waysAre(true, whole);
    });
  },
);
