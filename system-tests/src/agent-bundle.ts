/** Bundles of the agent, built by the script that a release is built by. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, linkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeChecksums } from "../../scripts/agent-bundle/checksums.ts";

const script = fileURLToPath(new URL("../../scripts/build-agent.ts", import.meta.url));

/** From the sources as they are, under another version's name if asked. */
export function buildBundle(folder: string, { version }: { version?: string } = {}): void {
  const words = [script, "--out", folder, ...(version === undefined ? [] : ["--version", version])];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: "utf8", timeout: 120_000 });
  if (status !== 0) throw new Error(`the bundle was not built: ${stderr}`);
}

/** Has two bundles share their Node, which is the same: it is most of them. */
export function shareNode(from: string, to: string): void {
  rmSync(join(to, "node"));
  linkSync(join(from, "node"), join(to, "node"));
}

/** A bundle whose program ends at once, though every file of it is as its list says. */
export function makeBundleThatFails(from: string, folder: string, version: string): void {
  cpSync(from, folder, { recursive: true, filter: (path) => !path.endsWith("/node") });
  linkSync(join(from, "node"), join(folder, "node"));
  rmSync(join(folder, "cordon-agent"));
  writeFileSync(join(folder, "cordon-agent"), "#!/bin/sh\necho 'this version is broken' >&2\nexit 1\n");
  chmodSync(join(folder, "cordon-agent"), 0o755);
  writeFileSync(join(folder, "VERSION"), `${version}\n`);
  writeChecksums(folder);
}
