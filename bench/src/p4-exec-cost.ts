/**
 * P4: what prevention costs whoever starts a program, and whoever opens a file. Four disks of the same content, each
 * guarded by one engine and reached by one timer; one is measured at a time, in turns, so that whatever else the machine
 * does falls on all alike. Nothing guards two of them: how far apart those come out is what the run cannot tell.
 */
import type { EngineName } from "../../system-tests/src/prevention-matrix-engine.ts";
import { type Lab, needsLab, openLab } from "../../system-tests/src/prevention-matrix-lab.ts";
import type { BenchRow } from "./bench-row.ts";
import { median, quantile } from "./distribution.ts";

const columns = ["none", "control", "cordon", "fapolicyd"] as const;
type Column = (typeof columns)[number];
type ColumnLab = { column: Column; lab: Lab };
type Times = Record<Column, number[][]>;

const engineOf: Record<Column, EngineName> = {
  none: "none",
  control: "none",
  cordon: "cordon",
  fapolicyd: "fapolicyd",
};
/** 80 turns of 25 make the 2,000 starts of each column. */
const turns = 80;
const startsPerTurn = 25;
const opensPerTurn = 100;
const bannedFiles = 10;
const warmUpMs = 4000;
/** Two measurements of the same thing may differ by this much before the run is called too noisy to tell; and half of its turns. */
const widestControl = 0.03;
const widestTurns = 0.1;
const mostAttempts = 3;

export async function p4(): Promise<BenchRow[]> {
  if (needsLab.skip !== undefined) throw new Error(needsLab.skip);
  const labs = columns.map((column) => ({ column, lab: openLab() }));
  try {
    for (const { column, lab } of labs) {
      await lab.ask("prepareCost", { engine: engineOf[column], banned: bannedFiles });
      // Steady state: code that runs often is compiled, and the files are old enough for the guard to trust their times.
      for (const begun = performance.now(); performance.now() < begun + warmUpMs; ) {
        await lab.ask("timeStarts", { count: startsPerTurn });
      }
    }
    // One after the other: opening many files would cost the starts that follow.
    const starts = await measureQuietly(labs, (lab) => lab.ask("timeStarts", { count: startsPerTurn }));
    const opens = await measureQuietly(labs, (lab) => lab.ask("timeOpens", { count: opensPerTurn }));
    return [startRow(starts), openRow(opens)];
  } finally {
    for (const { lab } of labs) await lab.kill();
  }
}

/** Once more when the run was too noisy. Only nothing against itself decides that, never what came out for an engine. */
async function measureQuietly(labs: readonly ColumnLab[], measure: (lab: Lab) => Promise<number[]>): Promise<Times> {
  for (let attempt = 1; ; attempt++) {
    const times = await takeTurns(labs, measure);
    if (attempt === mostAttempts || !compare(times).noisy) return times;
  }
}

async function takeTurns(labs: readonly ColumnLab[], measure: (lab: Lab) => Promise<number[]>): Promise<Times> {
  const times: Times = { none: [], control: [], cordon: [], fapolicyd: [] };
  for (let turn = 0; turn < turns; turn++) {
    for (let index = 0; index < labs.length; index++) {
      // Another column begins each time, so that none is always the one after a pause.
      const each = labs[(turn + index) % labs.length];
      if (each !== undefined) times[each.column].push(await measure(each.lab));
    }
  }
  return times;
}

function startRow(times: Times): BenchRow {
  const compared = compare(times);
  const peer = compared.ratioOf("fapolicyd");
  return {
    id: "P4",
    figure: "start of a program on a guarded disk, median",
    value: compared.medianOf("cordon") / 1e6,
    floor: compared.medianOf("none") / 1e6,
    unit: "ms",
    ratio: compared.ratioOf("cordon"),
    p99Ratio: compared.p99RatioOf("cordon"),
    spread: compared.spread,
    target: `≤ 1.10 × nothing, and below fapolicyd (${peer.toFixed(2)})`,
    met: !compared.noisy && compared.ratioOf("cordon") <= 1.1 && compared.ratioOf("cordon") < peer,
    note: [
      `${turns * startsPerTurn} starts each, ${bannedFiles} files banned`,
      `fapolicyd p99 ${compared.p99RatioOf("fapolicyd").toFixed(2)}`,
      // What else the machine does touches the fastest starts least.
      `fastest tenth: ${compared.p10RatioOf("cordon").toFixed(2)}, fapolicyd ${compared.p10RatioOf("fapolicyd").toFixed(2)}`,
      ...compared.warnings,
    ].join("; "),
  };
}

function openRow(times: Times): BenchRow {
  const compared = compare(times);
  return {
    id: "P4",
    figure: "open() of a harmless file on a guarded disk, median",
    value: compared.medianOf("cordon") / 1e3,
    floor: compared.medianOf("none") / 1e3,
    unit: "µs",
    ratio: compared.ratioOf("cordon"),
    p99Ratio: compared.p99RatioOf("cordon"),
    spread: compared.spread,
    target: "≤ 1.10 × nothing",
    met: !compared.noisy && compared.ratioOf("cordon") <= 1.1,
    note: [`fapolicyd ${compared.ratioOf("fapolicyd").toFixed(1)} × nothing`, ...compared.warnings].join("; "),
  };
}

function compare(times: Times) {
  const all = (column: Column) => times[column].flat();
  const medianOf = (column: Column) => median(all(column));
  const ratioOf = (column: Column) => medianOf(column) / medianOf("none");
  const quartilesOf = (column: Column) => {
    const perTurn = times[column].map((turn, index) => median(turn) / median(times.none[index] ?? []));
    return [quantile(perTurn, 0.25), quantile(perTurn, 0.75)] as const;
  };
  const p99RatioOf = (column: Column) => quantile(all(column), 0.99) / quantile(all("none"), 0.99);
  const p10RatioOf = (column: Column) => quantile(all(column), 0.1) / quantile(all("none"), 0.1);
  const [low, high] = quartilesOf("control");
  const noisy = Math.abs(ratioOf("control") - 1) > widestControl || high - low > widestTurns;
  const half = (column: Column) =>
    quartilesOf(column)
      .map((each) => each.toFixed(2))
      .join("–");
  return {
    medianOf,
    ratioOf,
    p99RatioOf,
    p10RatioOf,
    noisy,
    spread: `half of the turns ${half("cordon")}; nothing against itself ${ratioOf("control").toFixed(3)} (${half("control")}), p99 ${p99RatioOf("control").toFixed(2)}`,
    warnings: noisy ? ["too noisy to tell: run it again on a machine that does less"] : [],
  };
}
