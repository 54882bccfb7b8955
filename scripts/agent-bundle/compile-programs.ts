/** Turns the agent's sources into one file for each program of it, all in one folder. */
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { build, type Plugin } from "esbuild";

/** What the agent starts on its own, as a process or a worker, lies beside the enforcer that starts it and is named so. */
const startedByTheAgent = "packages/response-actions/src/**/enforce-*-{main,worker}.ts";
const agentMain = "packages/endpoint-agent/src/main.ts";
const versionFile = "packages/endpoint-agent/src/version.ts";

/**
 * Writes `cordon-agent.mjs` and one `.mjs` for each program that the agent starts. Resolves with the npm packages whose
 * code is inside, as paths of their folders.
 */
export async function compilePrograms({
  root,
  outDir,
  version,
}: {
  root: string;
  outDir: string;
  version: string;
}): Promise<string[]> {
  const started = globSync(startedByTheAgent, { cwd: root }).sort();
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [
      { in: agentMain, out: "cordon-agent" },
      ...started.map((path) => ({ in: path, out: basename(path, ".ts") })),
    ],
    outdir: outDir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // No chunks shared between programs: the guard must load nothing that it does not need.
    splitting: false,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    // Finds its native part by paths relative to itself.
    external: ["koffi"],
    // Packages in CommonJS call require for what Node brings.
    banner: { js: 'import{createRequire as requireOf}from"node:module";const require=requireOf(import.meta.url);' },
    plugins: [say(version)],
  });
  const folders = Object.keys(metafile.inputs).flatMap((path) => packageFolderOf(path));
  return [...new Set(folders)].sort().map((folder) => join(root, folder));
}

/** Has the bundle say `version`: a build for a release may be called other than the sources. */
function say(version: string): Plugin {
  return {
    name: "say-version",
    setup({ onLoad, initialOptions }) {
      const path = join(initialOptions.absWorkingDir ?? "", versionFile);
      onLoad({ filter: /[/\\]endpoint-agent[/\\]src[/\\]version\.ts$/ }, () => {
        const source = readFileSync(path, "utf8");
        const told = source.replace(/(agentVersion = )"[^"]*"/, (_whole, before) => before + JSON.stringify(version));
        if (!told.includes(JSON.stringify(version))) throw new Error(`${versionFile} has no agentVersion to set`);
        return { contents: told, loader: "ts" };
      });
    },
  };
}

function packageFolderOf(path: string): string[] {
  const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path);
  return found === null ? [] : [found[0]];
}

/** The version of the sources. */
export function sourceVersion(root: string): string {
  const manifest = JSON.parse(readFileSync(join(root, dirname(dirname(agentMain)), "package.json"), "utf8"));
  return (manifest as { version: string }).version;
}
