/** P9, the guard's half: what the execution guard holds resident in memory. The floor is a Node process that does nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { residentBytesOf } from "../../system-tests/src/prevention-matrix-fapolicyd.ts";
import { needsLab, openLab } from "../../system-tests/src/prevention-matrix-lab.ts";
import type { BenchRow } from "./bench-row.ts";

const mebibyte = 1024 * 1024;

export async function p9(): Promise<BenchRow[]> {
  if (needsLab.skip !== undefined) throw new Error(needsLab.skip);
  const floor = await residentOfIdleNode();
  const few = await residentOfGuard(10);
  const many = await residentOfGuard(100_000);
  return [
    // Half of what agent and guard may have together.
    memoryRow("guard, 10 files banned: resident memory", few, floor, 60),
    memoryRow("guard, 100,000 files banned: resident memory", many, floor, Math.round(few / mebibyte) + 60),
  ];
}

function memoryRow(figure: string, bytes: number, floor: number, most: number): BenchRow {
  return {
    id: "P9",
    figure,
    value: bytes / mebibyte,
    floor: floor / mebibyte,
    unit: "MiB",
    ratio: bytes / floor,
    spread: "one reading, after 500 starts",
    target: `≤ ${most} MiB`,
    met: bytes <= most * mebibyte,
    note: "without the agent; floor: a Node that does nothing",
  };
}

async function residentOfGuard(banned: number): Promise<number> {
  const lab = openLab();
  try {
    await lab.ask("prepareCost", { engine: "cordon", banned });
    await lab.ask("timeStarts", { count: 500 });
    return await lab.ask("residentBytes", null);
  } finally {
    await lab.kill();
  }
}

async function residentOfIdleNode(): Promise<number> {
  const child = spawn(process.execPath, ["-e", "console.log('up'); process.stdin.resume()"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    return residentBytesOf(child.pid ?? 0);
  } finally {
    child.kill("SIGKILL");
  }
}
