/**
 * Builds what a host needs to run the agent, Node included: dist/cordon-agent/. Needs no network.
 *   node scripts/build-agent.ts [--out FOLDER] [--version VERSION]
 * VERSION: what the build calls itself in place of the sources' version.
 */
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeChecksums } from "./agent-bundle/checksums.ts";
import { compilePrograms, sourceVersion } from "./agent-bundle/compile-programs.ts";
import { thirdPartyLicences } from "./agent-bundle/third-party-licences.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values } = parseArgs({ options: { out: { type: "string" }, version: { type: "string" } } });
const outDir = resolve(values.out ?? join(root, "dist", "cordon-agent"));
const version = values.version ?? sourceVersion(root);
// It becomes the name of a folder on hosts.
if (!/^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/.test(version)) throw new Error(`no version: ${version}`);
if (!process.version.startsWith("v24."))
  throw new Error(`run it with the Node 24 of the checkout, not ${process.version}`);

rmSync(outDir, { recursive: true, force: true });
mkdirSync(outDir, { recursive: true });
const inside = await compilePrograms({ root, outDir, version });
const native = copyNativePackages(join(outDir, "node_modules"));
// The Node that runs this is the one of the npm package `node`, or the same version of it.
copyFileSync(process.execPath, join(outDir, "node"));
chmodSync(join(outDir, "node"), 0o755);
const agent = join(root, "packages", "endpoint-agent");
copyFileSync(join(agent, "launcher.sh"), join(outDir, "cordon-agent"));
chmodSync(join(outDir, "cordon-agent"), 0o755);
copySystemFiles(join(agent, "systemd"));
copyFileSync(join(root, "LICENSE"), join(outDir, "LICENSE"));
const licences = thirdPartyLicences({ packageFolders: [...inside, ...native], nodeVersion: process.version });
writeFileSync(join(outDir, "THIRD-PARTY-LICENSES.txt"), licences);
writeFileSync(join(outDir, "VERSION"), `${version}\n`);
writeChecksums(outDir);
process.stdout.write(`${outDir}\n`);

/** Units stay in a folder of their own; a script that one of them starts lies beside the program. */
function copySystemFiles(from: string): void {
  for (const name of readdirSync(from)) {
    cpSync(join(from, name), name.endsWith(".sh") ? join(outDir, name) : join(outDir, "systemd", name));
  }
}

/** koffi and its prebuilt part for this machine's kind. Returns the folders whose licence must go along. */
function copyNativePackages(into: string): string[] {
  const packages = join(root, "node_modules");
  const koffi = join(packages, "koffi");
  const prebuilt = `@koromix/koffi-${process.platform}-${process.arch}`;
  if (!existsSync(join(packages, prebuilt))) throw new Error(`${prebuilt} is not installed`);
  // Without its C++ sources, headers and documents, which no host needs.
  for (const path of ["package.json", "LICENSE.txt", "index.js", "src/koffi/index.js", "src/koffi/src/static.js"]) {
    cpSync(join(koffi, path), join(into, "koffi", path));
  }
  cpSync(join(packages, prebuilt), join(into, prebuilt), { recursive: true });
  return [koffi];
}
