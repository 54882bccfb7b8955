/** What stands outside of the agent's own folder so that the host starts it: unit files, and the command. */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { writeSystemFile } from "./system-file.ts";

export const defaultPrefix = "/usr/lib/cordon-agent";

export type ServicePlaces = {
  /** The agent's own folder. */
  prefix: string;
  unitDirectory: string;
  /** Where a person's shell finds the command. */
  command: string;
};

export const servicePlaces = (prefix: string): ServicePlaces => ({
  prefix,
  unitDirectory: "/etc/systemd/system",
  command: "/usr/sbin/cordon-agent",
});

/** Writes the units that a bundle brings, and the command. Returns the names of the units, and whether one is new or other than it was. */
export function writeServiceFiles(bundleFolder: string, places: ServicePlaces): { units: string[]; changed: boolean } {
  const units = unitsOf(bundleFolder);
  const changed = units.filter((unit) => {
    const text = readFileSync(join(bundleFolder, "systemd", unit), "utf8").replaceAll(defaultPrefix, places.prefix);
    return writeSystemFile(join(places.unitDirectory, unit), text);
  });
  linkCommand(places);
  return { units, changed: changed.length > 0 };
}

export function removeServiceFiles(units: readonly string[], places: ServicePlaces): void {
  for (const unit of units) rmSync(join(places.unitDirectory, unit), { force: true });
  if (readLink(places.command) === commandTarget(places)) rmSync(places.command);
}

export function unitsOf(bundleFolder: string): string[] {
  const names = readdirSync(join(bundleFolder, "systemd"));
  return names.filter((name) => name.endsWith(".service")).sort();
}

const commandTarget = ({ prefix }: ServicePlaces) => join(prefix, "current", "cordon-agent");

function linkCommand(places: ServicePlaces): void {
  const { command } = places;
  if (readLink(command) === commandTarget(places)) return;
  const isThere = lstatSync(command, { throwIfNoEntry: false }) !== undefined;
  if (isThere && readLink(command) === null) throw new Error(`${command} is there and none of ours`);
  mkdirSync(join(command, ".."), { recursive: true });
  rmSync(`${command}.new`, { force: true });
  symlinkSync(commandTarget(places), `${command}.new`);
  renameSync(`${command}.new`, command);
}

/** Null: no link. */
function readLink(path: string): string | null {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null;
}
