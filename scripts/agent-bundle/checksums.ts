/** Names each file of a folder with its SHA-256, as `sha256sum` does, so that `sha256sum -c` can check a copy. */
import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const checksumsName = "SHA256SUMS";

/** Writes the list into the folder. */
export function writeChecksums(folder: string): void {
  const files = globSync("**/*", { cwd: folder })
    .filter((path) => path !== checksumsName && statSync(join(folder, path)).isFile())
    .sort();
  const lines = files.map((path) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(folder, path)))
      .digest("hex");
    return `${digest}  ${path}\n`;
  });
  writeFileSync(join(folder, checksumsName), lines.join(""));
}
