/**
 * The versions of the agent on this host. `current` is a link to the one that is started, `previous` to the one before it;
 * a link is replaced in one step, so that a power failure leaves the one or the other.
 */
import { existsSync, mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { type Bundle, copyBundle, findDamage, readBundle } from "./bundle-copy.ts";

export type InstalledVersions = ReturnType<typeof createInstalledVersions>;

export function createInstalledVersions(prefix: string) {
  const versions = join(prefix, "versions");
  const read = (link: "current" | "previous"): Bundle | null => {
    try {
      return readBundle(join(versions, basename(readlinkSync(join(prefix, link)))));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  };
  const point = (link: "current" | "previous", bundle: Bundle) => {
    const temporary = join(prefix, `${link}.new`);
    rmSync(temporary, { force: true });
    symlinkSync(join("versions", basename(bundle.folder)), temporary);
    renameSync(temporary, join(prefix, link));
  };

  return {
    current: () => read("current"),
    previous: () => read("previous"),

    /** Copies `bundle` beside the others, unless it is there already and whole. Nothing that runs is touched. */
    add(bundle: Bundle): Bundle {
      const target = join(versions, `${bundle.version}-${bundle.id}`);
      const there = readBundle(target);
      if (there !== null && findDamage(there).length === 0) return there;
      if (there !== null && bundle.folder === target)
        throw new Error(`${target} is damaged: install from another copy`);
      mkdirSync(versions, { recursive: true, mode: 0o755 });
      const half = join(versions, `.${basename(target)}.half`);
      rmSync(half, { recursive: true, force: true });
      copyBundle(bundle, half);
      // Damaged: not earlier than now, as it may be the current one.
      rmSync(target, { recursive: true, force: true });
      renameSync(half, target);
      return { ...bundle, folder: target };
    },

    /** From now on `bundle`, one that was added, is the current one; and `previous`, by default the one until now, the one before. */
    use(bundle: Bundle, previous = read("current")) {
      if (previous !== null && previous.folder !== bundle.folder) point("previous", previous);
      point("current", bundle);
    },

    /** Removes all but the current and the previous one. */
    prune() {
      const kept = [read("current"), read("previous")].flatMap((bundle) => (bundle === null ? [] : [bundle.folder]));
      if (!existsSync(versions)) return;
      for (const name of readdirSync(versions)) {
        const folder = join(versions, name);
        if (!kept.includes(folder)) rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
