/**
 * Libraries of hundreds of small files, each bundled into one for a run of the tests: some hundred programs are started in
 * it, and finding and linking those files is half of what a start costs. The code stays the libraries' own.
 */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const specifiers = ["kysely", "typebox", "typebox/compile", "typebox/value"];
const outdir = join(root, ".cordon", "libraries");
const nameOf = (specifier: string) => specifier.replace("/", "-");

/** By what an import names, the URL of the file that stands for it. */
export const bundledLibraries: ReadonlyMap<string, string> = new Map(
  specifiers.map((specifier) => [specifier, pathToFileURL(join(outdir, `${nameOf(specifier)}.mjs`)).href]),
);

/** Makes the files, in two seconds. Resolves with the flag that has a Node process use them. */
export async function bundleLibraries(): Promise<string> {
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(specifiers.map((specifier) => [nameOf(specifier), specifier])),
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What two of them share is there once, as it is in the library.
    splitting: true,
    format: "esm",
    platform: "node",
    logLevel: "warning",
  });
  return `--import=${new URL("./use-bundled-libraries.ts", import.meta.url).href}`;
}
