import { fileURLToPath } from "node:url";

/** A file that runs in a process or thread of its own. It lies beside this one, from source as in a bundle. */
export function entryPath(name: "guard-main" | "scan-main" | "supervisor-worker"): string {
  const extension = /\.\w+$/.exec(new URL(import.meta.url).pathname)?.[0] ?? "";
  return fileURLToPath(new URL(`./enforce-${name}${extension}`, import.meta.url));
}
