import assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { until } from "./namespaces.ts";
import { needsFapolicyd } from "./prevention-matrix-fapolicyd.ts";
import { needsLab, openLab } from "./prevention-matrix-lab.ts";

test("a lab that is killed takes its engine and its mounts along, and the machine has seen none of them", {
  ...needsLab,
  ...needsFapolicyd,
}, async (t) => {
  const mountsBefore = readFileSync("/proc/self/mountinfo", "utf8");
  const lab = openLab();
  t.after(() => lab.kill());
  const namespace = await lab.ask("processNamespace", null);
  await lab.ask("prepareCost", { engine: "fapolicyd", banned: 1 });
  assert.ok(namesOfProcessesIn(namespace).includes("fapolicyd"));
  assert.equal(readFileSync("/proc/self/mountinfo", "utf8"), mountsBefore);

  await lab.kill();
  await until("nothing runs in there", () => namesOfProcessesIn(namespace).length === 0);
});

function namesOfProcessesIn(namespace: string): string[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid`) !== namespace) return [];
      return [readFileSync(`/proc/${pid}/comm`, "utf8").trim()];
    } catch {
      // It ended since it was listed.
      return [];
    }
  });
}
