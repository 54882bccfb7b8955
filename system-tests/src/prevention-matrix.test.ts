import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { test } from "node:test";
import { isPossible, ways } from "./prevention-matrix.ts";
import { matrixAsMarkdown } from "./prevention-matrix-document.ts";
import { type EngineName, engineNames } from "./prevention-matrix-engine.ts";
import { needsFapolicyd } from "./prevention-matrix-fapolicyd.ts";
import { needsLab, openLab } from "./prevention-matrix-lab.ts";

const titles: Record<EngineName, string> = {
  none: "without prevention every way of the matrix starts the banned file",
  cordon: "Cordon denies the ways that the matrix says, and no other",
  "cordon-scripts": "Cordon with scripts mode denies the ways that the matrix says, and no other",
  fapolicyd: "fapolicyd as it is installed denies the ways that the matrix says, and no other",
  "fapolicyd-strict": "fapolicyd at its strictest denies the ways that the matrix says, and no other",
};

for (const engine of engineNames) {
  const needs = { ...needsLab, ...(engine.startsWith("fapolicyd") ? needsFapolicyd : {}) };
  test(titles[engine], needs, async (t) => {
    const lab = openLab();
    t.after(() => lab.kill());
    const outcomes = await lab.ask("tryWays", { engine });
    for (const way of ways) {
      // Denied or not: what can turn out either way proves nothing, and the document calls it a race.
      if (way.isRaceFor?.includes(engine)) continue;
      const expected = way.deniedBy.includes(engine) ? "denied" : "runs";
      const needs = isPossible(way, release())
        ? {}
        : { skip: `needs kernel ${way.sinceKernel}, and this is ${release()}` };
      await t.test(`${engine}, ${way.name}: ${expected}`, needs, () => {
        const outcome = outcomes.find((each) => each.way === way.name);
        assert.ok(outcome !== undefined);
        assert.equal(outcome.ran ? "runs" : "denied", expected, outcome.said);
      });
    }
  });
}

test("docs/limitations.md shows the matrix as it is tested", () => {
  const document = readFileSync(new URL("../../docs/limitations.md", import.meta.url), "utf8");
  assert.ok(document.includes(matrixAsMarkdown()), `put this into docs/limitations.md:\n\n${matrixAsMarkdown()}`);
});
