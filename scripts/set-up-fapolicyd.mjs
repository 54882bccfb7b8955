// Fetches fapolicyd, the peer that the bypass matrix and the benchmark set beside our execution guard, into a folder of
// the checkout. It is never installed: an installed one would start as a service and watch the whole machine.
// Plain JavaScript without packages, as set-up.mjs is.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** With its libraries: a machine has some of them, and which ones differs. */
const debianPackages = ["fapolicyd", "liblmdb0", "libcap-ng0", "libmagic1", "libmagic-mgc", "libseccomp2"];

/**
 * The folder holds the packages' files as a root does, and `version`. Says why when it cannot be had;
 * null when it is there.
 */
export function fetchFapolicyd(root) {
  const target = join(root, ".cordon", "fapolicyd");
  if (existsSync(join(target, "usr/sbin/fapolicyd"))) return null;
  if (!existsSync("/usr/bin/apt-get") || !existsSync("/usr/bin/dpkg"))
    return "needs a Debian, for its package fapolicyd";
  mkdirSync(join(root, ".cordon"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cordon", "fapolicyd-"));
  try {
    // The package lists are often fresh enough; a machine without any (a container image) needs one update.
    if (!download(folder) && !(apt(folder, ["update"]) && download(folder))) return "apt-get could not download it";
    const unpacked = join(folder, "root");
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".deb"))) {
      if (spawnSync("dpkg", ["-x", join(folder, name), unpacked]).status !== 0) return `dpkg could not unpack ${name}`;
    }
    const deb = readdirSync(folder).find((each) => each.startsWith("fapolicyd_")) ?? "";
    const version = spawnSync("dpkg-deb", ["--field", join(folder, deb), "Version"], { encoding: "utf8" }).stdout;
    writeFileSync(join(unpacked, "version"), version);
    // In one step and last: a folder that is there is whole.
    renameSync(unpacked, target);
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function download(folder) {
  return apt(folder, ["download", ...debianPackages]);
}

function apt(folder, words) {
  const options = [
    "-qq",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=15",
    "-o",
    "APT::Sandbox::User=root",
  ];
  return spawnSync("apt-get", [...options, ...words], { cwd: folder, stdio: "ignore", timeout: 180_000 }).status === 0;
}
