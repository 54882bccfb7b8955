/** A host for prevention's tests, in mount and process namespaces of its own, and the files that are tried there. */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProgram } from "./called-program.ts";
import type { AgentCalls } from "./prevention-agent.ts";
import type { HostCalls } from "./prevention-host.ts";
import type { Owner } from "./programs.ts";

export type Lab = Awaited<ReturnType<typeof createLab>>;

const repository = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Leaves nothing of the machine's filesystems in the namespace, and ends where that fails: whoever guards "all" there would
 * have the whole machine in hand. $0: Node; $1: the repository; then what to run.
 */
const enterOwnRoot = `
set -e
new=/mnt
repository=\${1%/}
shift
mount -t tmpfs -o mode=755 none $new
for program in sh bash cat chmod mkdir mount umount sleep sha256sum grep readlink; do
  path=$(command -v $program)
  cp -L --parents $path $(ldd $path | grep -o '/[^ ]*') $new
done
cp -L --parents /bin/sh "$0" $(ldd "$0" | grep -o '/[^ ]*') $new
for item in package.json packages/response-actions/package.json packages/response-actions/src system-tests/src \
  node_modules/@cordon node_modules/koffi node_modules/@koromix node_modules/typebox; do
  cp -r --parents "$repository/$item" $new
done
mkdir -p $new/proc $new/dev $new/tmp $new/mnt $new/old
mount -t proc proc $new/proc
mount --bind /dev $new/dev
cd $new
pivot_root . old
umount -l /old
# It may name a file of the repository that is not taken along.
unset NODE_OPTIONS
if grep -v -e ' - tmpfs none ' -e ' - proc ' -e ' - devtmpfs ' /proc/self/mountinfo; then exit 1; fi >&2
exec "$@"
`;

// Ended with the process that started it, and all that runs inside ends with it.
export const ownNamespaces: readonly string[] = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"],
];

/** What a test passes to be skipped by name where no such host can be made. */
export const needsGuardedHost: { skip?: string } = skipReason();

/** With a filesystem in memory at `guarded`, and an agent without orders that guards it and what is mounted beneath. */
export async function createLab(
  owner: Owner,
  {
    watchMountsBy = "events",
    kind = "tmpfs",
    whole = false,
  }: {
    watchMountsBy?: "events" | "mountinfo";
    kind?: "tmpfs" | "ext4";
    /** The host has a root of its own in memory, with all that runs on it, and the agent guards everything. */
    whole?: boolean;
  } = {},
) {
  // Every machine has it, and what is mounted there is seen by this host alone. A folder of the test's own will not do: to
  // remove one on which something is mounted in a namespace that is just ending keeps that mount alive for ever (Linux 6.18).
  const folder = "/mnt";
  const guarded = join(folder, "guarded");
  const directory = join(folder, "state");
  const inOwnRoot = whole ? ["sh", "-c", enterOwnRoot, process.execPath, repository] : [];
  const host = startProgram<HostCalls>({ spawn }, "./prevention-host.ts", [...ownNamespaces, ...inOwnRoot]);
  owner.after(() => host.kill());
  // In memory as well, or the image would be a file of the machine's disk.
  await host.ask("mountTmpfs", { at: folder });
  if (kind === "tmpfs") await host.ask("mountTmpfs", { at: guarded });
  else await host.ask("mountImage", { at: guarded, image: join(folder, "image"), megabytes: 64 });

  const lab = {
    guarded,
    directory,
    host,
    ask: <Name extends keyof AgentCalls>(name: Name, parameters: Parameters<AgentCalls[Name]>[0]) =>
      // The host passes on what the agent's call of that name answers.
      host.ask("ask", { name, parameters: parameters as never }) as Promise<Awaited<ReturnType<AgentCalls[Name]>>>,
    /** A new agent on the same state. The one before is killed; its guard is not. */
    async restartAgent({ guard = whole ? "all" : [guarded] }: { guard?: "all" | string[] } = {}) {
      await host.ask("startAgent", null);
      await lab.ask("create", { directory, guard, watchMountsBy });
    },
    /** A program that exits with 0. Files of different `text` have different digests. */
    async place(path: string, text: string): Promise<{ path: string; hash: string }> {
      const content = `#!/bin/sh\n# ${text}\necho ran\n`;
      const at = path.startsWith("/") ? path : join(guarded, path);
      await shell(`cat > ${at} && chmod 755 ${at}`, content);
      return { path: at, hash: createHash("sha256").update(content).digest("hex") };
    },
    /** "ran", or how it was kept from that. */
    async attempt(...words: string[]): Promise<string> {
      const { error, exitCode, stdout, stderr } = await host.ask("run", { words });
      if (error !== null) return error;
      return stdout === "ran\n" ? "ran" : `${exitCode}: ${stdout}${stderr}`;
    },
    ban: (...hashes: string[]) =>
      lab.ask("enforce", {
        wish: { files: hashes.map((hash) => ({ algorithm: "sha256", hash, name: null })) },
      }),
    lift: () => lab.ask("enforce", { wish: null }),
    shell,
    /** The process that guards now; null while none does. */
    async guardPid(): Promise<number | null> {
      const effect = await lab.ask("readBack", {});
      const pid = effect.state === "in-effect" ? /guard process (\d+)/.exec(effect.detail)?.[1] : undefined;
      return pid === undefined ? null : Number(pid);
    },
  };

  async function shell(script: string, stdin = ""): Promise<string> {
    const { exitCode, stdout, stderr } = await host.ask("run", { words: ["sh", "-c", script], stdin });
    if (exitCode !== 0) throw new Error(`${script}: ${stderr}`);
    return stdout;
  }

  await lab.restartAgent();
  return lab;
}

function skipReason(): { skip?: string } {
  if (process.platform !== "linux") return { skip: "needs Linux" };
  if (process.geteuid?.() !== 0) return { skip: "needs root, to make mount namespaces and to watch filesystems" };
  const [program = "", ...args] = ownNamespaces;
  const tried = spawnSync(program, [...args, "true"], { encoding: "utf8" });
  return tried.status === 0 ? {} : { skip: `needs the right to make mount namespaces: ${tried.stderr?.trim()}` };
}
