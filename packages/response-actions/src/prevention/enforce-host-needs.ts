/** The files without which a host, or the way back to it, does not live: their digests are never banned here. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Algorithm, digestBytes, indexOfDigest, type ScopeDigests } from "./enforce-deny-set.ts";
import { entryPath } from "./enforce-entries.ts";

export type HostNeeds = ReturnType<typeof createHostNeeds>;
export type Needed = { digest: Buffer; algorithm: Algorithm; what: string };

const folders =
  "/bin /sbin /usr/bin /usr/sbin /lib/systemd /usr/lib/systemd /lib/openssh /usr/lib/openssh /usr/libexec/openssh";
/** Shells and ways in for people, what starts and stops the host, and what the agent itself calls. */
const programs = new Set(
  (
    "sh bash dash ash zsh login getty agetty sulogin su sudo doas passwd sshd sshd-session sshd-auth init " +
    "systemctl journalctl loginctl mount umount modprobe kmod udevadm nft conntrack ip iptables " +
    "xtables-nft-multi dhclient dhcpcd NetworkManager dbus-daemon dbus-broker dbus-broker-launch polkitd runc containerd " +
    "reboot shutdown poweroff halt node cordon-agent"
  ).split(" "),
);
/** All of systemd lies in folders of its own. */
const isProgram = (folder: string, name: string) =>
  programs.has(name) || (folder.endsWith("/systemd") && name.startsWith("systemd"));

const libraries =
  /^(ld-|ld64|libc[.-]|libm[.-]|libdl[.-]|libpthread[.-]|librt[.-]|libresolv[.-]|libgcc_s|libstdc\+\+|libtinfo|libpam|libcrypt|libcrypto|libssl|libz[.-]|liblzma|libzstd|libselinux|libpcre2|libaudit|libcap|libmount|libblkid|libkmod|libacl|libseccomp|libnftables|libnftnl|libmnl|libjansson|libgmp|libedit|libreadline|libxtables|libsystemd|libnss_|libgssapi|libkrb5|libk5|libcom_err|libwrap|libnsl|libkeyutils|libbsd|libmd[.-])/;
const libraryFolders = /^\/(usr\/)?lib(64|32)?(\/[a-z0-9_]+-linux-gnu\w*)?$/;

export function createHostNeeds() {
  const known = new Map<string, { version: string; sha256: Buffer; md5: Buffer | null }>();

  async function digestsOf(path: string, withMd5: boolean) {
    try {
      const { dev, ino, size, ctimeNs } = await stat(path, { bigint: true });
      const version = `${dev}:${ino}:${size}:${ctimeNs}`;
      const before = known.get(path);
      if (before?.version === version && (before.md5 !== null || !withMd5)) return before;
      const digests = { version, ...(await hashFile(path, withMd5)) };
      known.set(path, digests);
      return digests;
    } catch {
      // Gone, or unreadable: then it keeps nothing alive.
      return null;
    }
  }

  return {
    /** Which of `digests` are of files that this host needs. Takes about a second at first, then as long as many `stat`. */
    async findIn(digests: ScopeDigests): Promise<Needed[]> {
      const found: Needed[] = [];
      const withMd5 = digests.md5.length > 0;
      for (const path of await listPaths()) {
        const own = await digestsOf(path, withMd5);
        for (const algorithm of ["sha256", "md5"] as const) {
          const digest = own?.[algorithm] ?? null;
          if (digest !== null && indexOfDigest(digests[algorithm], digest) >= 0) {
            found.push({ digest, algorithm, what: path });
          }
        }
      }
      for (const algorithm of ["sha256", "md5"] as const) {
        const digest = createHash(algorithm).digest();
        if (indexOfDigest(digests[algorithm], digest) >= 0) {
          found.push({ digest, algorithm, what: "every empty file" });
        }
      }
      return found;
    },
  };
}

/** `digests` without those. */
export function withoutNeeded(digests: ScopeDigests, needed: readonly Needed[]): ScopeDigests {
  const left = { ...digests };
  for (const { digest, algorithm } of needed) {
    const at = indexOfDigest(left[algorithm], digest) * digestBytes[algorithm];
    if (at < 0) continue;
    left[algorithm] = Buffer.concat([
      left[algorithm].subarray(0, at),
      left[algorithm].subarray(at + digestBytes[algorithm]),
    ]);
  }
  return left;
}

async function listPaths(): Promise<Set<string>> {
  const paths = new Set<string>();
  const add = async (path: string) => {
    const real = await realpath(path).catch(() => null);
    if (real !== null) paths.add(real);
  };
  for (const pid of ["self", "1"]) {
    await add(`/proc/${pid}/exe`);
    for (const path of mappedFiles(pid)) await add(path);
  }
  const own = dirname(entryPath("guard-main"));
  for (const name of await listFolder(own)) if (/\.(ts|mjs|js|node)$/.test(name)) await add(join(own, name));
  for (const folder of folders.split(" ")) {
    for (const name of await listFolder(folder)) if (isProgram(folder, name)) await add(join(folder, name));
  }
  const libraryFoldersHere = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", ...(await multiarchFolders())];
  for (const folder of new Set(libraryFoldersHere)) {
    for (const name of await listFolder(folder)) if (libraries.test(name)) await add(join(folder, name));
  }
  return paths;
}

async function multiarchFolders(): Promise<string[]> {
  const names = await listFolder("/usr/lib");
  return names.map((name) => `/usr/lib/${name}`).filter((folder) => libraryFolders.test(folder));
}

async function listFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

function mappedFiles(pid: string): string[] {
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    return [...new Set([...maps.matchAll(/^\S+ \S+ \S+ \S+ [1-9]\d*\s+(\/.*)$/gm)].map(([, path = ""]) => path))];
  } catch {
    return [];
  }
}

async function hashFile(path: string, withMd5: boolean): Promise<{ sha256: Buffer; md5: Buffer | null }> {
  const file = await open(path, "r");
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is no file`);
    const sha256 = createHash("sha256");
    const md5 = withMd5 ? createHash("md5") : null;
    const chunk = Buffer.allocUnsafe(256 * 1024);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length);
      if (bytesRead === 0) return { sha256: sha256.digest(), md5: md5?.digest() ?? null };
      sha256.update(chunk.subarray(0, bytesRead));
      md5?.update(chunk.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
