// Builds the console's page where it is missing or older than what it is made of. Plain JavaScript, as set-up.mjs.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** What ends up in the page. */
const sources = [
  "package-lock.json",
  "packages/console/index.html",
  "packages/console/public",
  "packages/console/src",
  "packages/console/vite.config.ts",
  "packages/contract/src",
  "packages/response-actions/src",
];

/** Null: the page is there. Otherwise why not. */
export function buildConsole(root, say) {
  const folder = join(root, "packages", "console");
  const built = join(folder, "dist", "index.html");
  const newest = Math.max(...sources.map((path) => newestChange(join(root, path))));
  if (existsSync(built) && statSync(built).mtimeMs >= newest) return null;
  say("building the console's page…");
  const startedMs = Date.now();
  // The Node of our packages: vite needs a newer one than set-up itself does.
  const node = join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node");
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  const build = spawnSync(node, [vite, "build", "--logLevel", "warn"], {
    cwd: folder,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  if (build.status !== 0) return `the console's page could not be built:\n${build.stdout}${build.stderr}`;
  say(`the console's page is built, in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
  return null;
}

/** Milliseconds since the epoch; 0 for what is not there. */
function newestChange(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
