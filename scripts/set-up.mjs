// Brings a fresh checkout to where everything runs: npm packages, the console's page, and the system programs that the
// tests drive.
// Plain JavaScript without packages, for Node 20 and later: it runs before node_modules (and the Node in it) exists.
//   node scripts/set-up.mjs [--packages-only | --demo]
// --demo: without what only the tests and the benchmarks need, some of it large.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildConsole } from "./set-up-console.mjs";
import { fetchFapolicyd } from "./set-up-fapolicyd.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** `testsOnly`: the demo does without. */
const systemPrograms = [
  { program: "nft", debianPackage: "nftables", leftOut: "network isolation on this machine" },
  { program: "ip", debianPackage: "iproute2", leftOut: "everything in network namespaces" },
  { program: "conntrack", debianPackage: "conntrack", leftOut: "cutting connections older than an isolation" },
  { program: "ping", debianPackage: "iputils-ping", leftOut: "ping in the demo and in the isolation tests" },
  { program: "openssl", debianPackage: "openssl", leftOut: "the exchange with openssl-made certificates" },
  { program: "curl", debianPackage: "curl", leftOut: "the exchange with curl" },
  ...[
    { program: "tcpdump", debianPackage: "tcpdump", leftOut: "the proof that an isolated host sends no packet" },
    { program: "ps", debianPackage: "procps", leftOut: "the tests that look at process groups" },
    { program: "busybox", debianPackage: "busybox", leftOut: "the renewal of a DHCP lease while isolated" },
    { program: "dnsmasq", debianPackage: "dnsmasq-base", leftOut: "a Central Node known by name while isolated" },
    { program: "mkfs.ext2", debianPackage: "e2fsprogs", leftOut: "the bypass matrix and the cost of an exec" },
    { program: "python3", debianPackage: "python3", leftOut: "the bypass matrix and the cost of an exec" },
    {
      program: "qemu-system-x86_64",
      debianPackage: "qemu-system-x86",
      leftOut: "an isolated host that loses its power",
    },
    {
      program: "mmdebstrap",
      debianPackage: "mmdebstrap",
      leftOut: "the same, and the agent as a service: what both boot",
    },
    { program: "haproxy", debianPackage: "haproxy", leftOut: "several Central Nodes behind a load balancer" },
    {
      program: "chromium-headless-shell",
      debianPackage: "chromium-headless-shell",
      leftOut: "the console in a browser",
    },
  ].map((program) => ({ ...program, testsOnly: true })),
];

const forDemo = process.argv.includes("--demo");

setUpPackages();
if (!process.argv.includes("--packages-only")) {
  const whyNoConsole = buildConsole(root, say);
  if (whyNoConsole !== null) {
    say(whyNoConsole);
    process.exit(1);
  }
  setUpSystemPrograms();
}

function setUpPackages() {
  if (packagesAreCurrent()) return;
  say("installing npm packages from the lock file…");
  const startedMs = Date.now();
  // Warnings are dropped: npm prints one for every install script that package.json does not allow, and we know them.
  const npm = spawnSync("npm", ["ci", "--loglevel=error", "--no-progress"], {
    cwd: root,
    encoding: "utf8",
    shell: process.platform === "win32",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: pathWithoutOurs() },
  });
  if (npm.status !== 0) {
    process.stderr.write(`${npm.stdout ?? ""}${npm.stderr ?? ""}${npm.error ? `${npm.error.message}\n` : ""}`);
    say("npm ci failed; nothing can run without the packages");
    process.exit(1);
  }
  say(`npm packages installed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
}

/** npm removes node_modules, and the Node in it with it, while it runs: it must not run on that one. */
function pathWithoutOurs() {
  const parts = (process.env.PATH ?? "").split(delimiter);
  return parts.filter((part) => !part.replaceAll("\\", "/").includes("node_modules/")).join(delimiter);
}

/**
 * Compares contents, not times: a git checkout gives the lock file a new time, and an `npm ci` that did nothing
 * would cost ten seconds. npm writes node_modules/.package-lock.json last, so a broken-off install has none.
 */
function packagesAreCurrent() {
  const wanted = readLock(join(root, "package-lock.json"));
  const installed = readLock(join(root, "node_modules", ".package-lock.json"));
  if (wanted === null || installed === null) return false;
  if (!existsSync(join(root, "node_modules", ".bin", process.platform === "win32" ? "node.cmd" : "node"))) return false;
  return Object.entries(wanted)
    .filter(([path]) => path.includes("node_modules/"))
    .every(([path, entry]) => {
      const found = installed[path];
      // One that is not there, though wanted, is fine only where the lock says so: a build for another platform.
      if (found === undefined) return entry.optional === true;
      return found.version === entry.version && found.integrity === entry.integrity;
    });
}

function readLock(path) {
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, "utf8")).packages ?? null;
}

function setUpSystemPrograms() {
  let missing = missingPrograms();
  if (missing.length > 0 && canInstall()) {
    installWithApt([...new Set(missing.map((each) => each.debianPackage))]);
    missing = missingPrograms();
  }
  const noFapolicyd = process.platform === "linux" && !forDemo ? fetchFapolicyd(root) : null;
  if (missing.length === 0 && noFapolicyd === null) return;
  for (const { program, debianPackage, leftOut } of missing) {
    say(`${program} is missing (Debian package ${debianPackage}); left out: ${leftOut}`);
  }
  if (noFapolicyd !== null) say(`fapolicyd: ${noFapolicyd}; left out: the comparison with it`);
  if (process.env.CI === "true") {
    say("CI leaves nothing out, so this is an error");
    process.exit(1);
  }
}

function missingPrograms() {
  if (process.platform !== "linux") return [];
  // Debian keeps nft and conntrack where only root's PATH looks.
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  const wanted = systemPrograms.filter(({ testsOnly }) => !(forDemo && testsOnly));
  return wanted.filter(({ program }) => !folders.some((folder) => isExecutable(join(folder, program))));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: both mean that it cannot be used.
  }
}

function canInstall() {
  return process.getuid?.() === 0 && isExecutable("/usr/bin/apt-get");
}

function installWithApt(packages) {
  say(`installing ${packages.join(" ")} with apt-get…`);
  const install = ["install", "--yes", "--no-install-recommends", ...packages];
  // The package lists are often fresh enough; a machine without any (a container image) needs one update.
  if (apt(install)) return;
  if (apt(["update"]) && apt(install)) return;
  say("apt-get could not install them");
}

function apt(words) {
  // Bounded waits: a machine without a network must learn so in seconds, and another apt-get may hold the lock.
  const options = [
    "-qq",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "Acquire::http::Timeout=15",
    "-o",
    "DPkg::Lock::Timeout=120",
  ];
  const result = spawnSync("apt-get", [...options, ...words], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  return result.status === 0;
}

function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}
