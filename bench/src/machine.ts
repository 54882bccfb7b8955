/** What a run was made on: a bare figure means nothing without it. */
import { readFileSync } from "node:fs";
import { arch, cpus, loadavg, release, totalmem } from "node:os";

export function describeMachine() {
  const [first] = cpus();
  const system = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  return {
    date: new Date().toISOString(),
    cores: cpus().length,
    processor: first?.model ?? "unknown",
    architecture: arch(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system,
    /** Of the last minute, when it was asked: what else the machine does. */
    load: Number((loadavg()[0] ?? 0).toFixed(2)),
    versions: { node: process.versions.node, openssl: process.versions.openssl, sqlite: process.versions.sqlite ?? "" },
  };
}
