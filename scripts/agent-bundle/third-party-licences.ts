/** The licence texts that must go along with what is in the bundle. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** As Node ships it, but for the part on npm, which is not in the program `node`. */
const nodeLicence = fileURLToPath(new URL("./node-licence.txt", import.meta.url));

/** One text for all of `packageFolders`, and for Node. Throws for a package without a licence text. */
export function thirdPartyLicences({
  packageFolders,
  nodeVersion,
}: {
  packageFolders: string[];
  nodeVersion: string;
}): string {
  const parts = packageFolders.map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
    return part(`${name} ${version}`, licenceIn(folder));
  });
  return [part(`Node.js ${nodeVersion}`, readFileSync(nodeLicence, "utf8")), ...parts].join("\n");
}

function licenceIn(folder: string): string {
  const texts = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  if (texts.length === 0) throw new Error(`${folder} has no licence text: the bundle may not hold it`);
  return texts
    .sort()
    .map((name) => readFileSync(join(folder, name), "utf8").trim())
    .join("\n\n");
}

function part(title: string, text: string): string {
  return `${"=".repeat(80)}\n${title}\n${"=".repeat(80)}\n\n${text.trim()}\n`;
}
