import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { findFault } from "@cordon/contract";
import { failure } from "@cordon/terminal";
import { type Static, Type } from "typebox";

/** A Central Node and who we are to it. Holds a private key. */
export const Profile = Type.Object({
  version: Type.Literal(1),
  /** Origin: https://HOST:PORT. */
  server: Type.String(),
  externalSystemId: Type.String(),
  certificate: Type.String(),
  privateKey: Type.String(),
  /** PEM of the server's pinned certificate; null before the first contact. */
  pin: Type.Union([Type.String(), Type.Null()]),
});
export type Profile = Static<typeof Profile>;

export type ProfileStore = {
  read(name: string): Promise<Profile | null>;
  write(name: string, profile: Profile): Promise<void>;
  list(): Promise<string[]>;
  /** Reports whether there was one. */
  remove(name: string): Promise<boolean>;
};

/** A file a profile, mode 0600, in a directory of mode 0700. */
export function createProfileStore(directory: string): ProfileStore {
  const pathOf = (name: string) => {
    if (!/^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/.test(name)) {
      throw failure("USAGE", `a profile's name is letters, digits, dots, hyphens and underscores, not "${name}"`);
    }
    return join(directory, `${name}.json`);
  };
  return {
    async read(name) {
      const path = pathOf(name);
      const text = await readFile(path, "utf8").catch(nullIfMissing);
      return text === null ? null : parseProfile(text, path);
    },
    async write(name, profile) {
      const path = pathOf(name);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chmod(directory, 0o700);
      // Beside it and renamed: a crash leaves the old profile or the new one, never half a key.
      const temporary = `${path}.${randomUUID()}.tmp`;
      try {
        const file = await open(temporary, "wx", 0o600);
        try {
          await file.writeFile(`${JSON.stringify(profile, null, 2)}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
    async list() {
      const names = (await readdir(directory).catch(nullIfMissing)) ?? [];
      return names.flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -".json".length)] : [])).sort();
    },
    async remove(name) {
      const path = pathOf(name);
      if ((await readFile(path).catch(nullIfMissing)) === null) return false;
      await rm(path);
      return true;
    },
  };
}

function parseProfile(text: string, path: string): Profile {
  const advice = "Remove the file and run `cordon connect` again; the new identity has to be accepted again.";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw failure("FAILED", `${path} is not a profile: it is not JSON`, { advice, cause });
  }
  const fault = findFault(Profile, value);
  if (fault !== null)
    throw failure("FAILED", `${path} is not a profile: ${fault.path.join(".")} ${fault.rule}`, { advice });
  return value as Profile;
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}
