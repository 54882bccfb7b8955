/**
 * The bypass matrix: every way we know in which a banned file may be started all the same, and which engine denies it.
 * It is the source of the table in docs/limitations.md. Each row is tried as it stands here, on a real kernel.
 */
import { type EngineName, engineNames } from "./prevention-matrix-engine.ts";

export type Way = {
  /** As the document says it. */
  name: string;
  /**
   * Words for bash, run in a folder of the row's own on a guarded disk. There, and named by variables that hold
   * absolute paths: the banned program BAD (a shell: it does what `-c` says), scripts BAD_SH, BAD_PY and BAD_AWK, the
   * library BAD_SO, and harmless GOOD and GOOD_SH. All of them make the file MARK when they run, but for the harmless,
   * which are told to. MEMORY is a folder on a guarded tmpfs, SCRATCH an empty one that nothing guards.
   */
  run: string;
  /** Starts before the rule comes, says `ready`, and reads a line when the rule is in effect. */
  startsBeforeTheRule?: true;
  /** Below this version of the kernel it is no way at all. */
  sinceKernel?: `${number}.${number}`;
  /** Starts something that is not banned. */
  isHarmless?: true;
  deniedBy: readonly EngineName[];
  /** Who may be late: the mark comes with the news of the mount, and whoever mounted does not wait for it. */
  isRaceFor?: readonly EngineName[];
};

const run = `-c ': > "$MARK"'`;
const starts = '"$PYTHON" "$STARTS"';

/** Downloaded: reading the banned file may be denied, which is not what that row is about. */
const changedCopy = '{ cat < "/dev/tcp/127.0.0.1/$BAD_PORT"; echo; } > changed; chmod +x changed';

const nobody: readonly EngineName[] = [];
const everyone: readonly EngineName[] = engineNames.filter((name) => name !== "none");
/** Those that mark mounts, as fapolicyd does unless told otherwise, see no other mount of the same file system. */
const everyFileSystemMark: readonly EngineName[] = ["fapolicyd-strict", "cordon", "cordon-scripts"];
/** Those that deny the opening of the banned file itself. */
const everyOpenMark = everyFileSystemMark;
/** Those that look at each opening of any file. */
const everyOpening: readonly EngineName[] = ["fapolicyd-strict", "cordon-scripts"];

export const ways: readonly Way[] = [
  // Control: an engine that denies everything would do well in every other row.
  { name: "(a harmless program, run)", run: `"$GOOD" ${run}`, isHarmless: true, deniedBy: nobody },
  { name: "(a harmless script, read by `sh`)", run: 'sh "$GOOD_SH"', isHarmless: true, deniedBy: nobody },

  // The file itself.
  { name: "run", run: `"$BAD" ${run}`, deniedBy: everyone },
  { name: "under another name in the process list (`exec -a`)", run: `exec -a sshd "$BAD" ${run}`, deniedBy: everyone },
  { name: "copied", run: `cp "$BAD" copy; ./copy ${run}`, deniedBy: everyone },
  { name: "renamed", run: `mv "$BAD" renamed; ./renamed ${run}`, deniedBy: everyone },
  { name: "hard link", run: `ln "$BAD" link; ./link ${run}`, deniedBy: everyone },
  { name: "symbolic link", run: `ln -s "$BAD" link; ./link ${run}`, deniedBy: everyone },
  {
    name: "mode 111, by a user who may not read it",
    run: `chmod 111 "$BAD"; setpriv --reuid 65534 --regid 65534 --clear-groups "$BAD" ${run}`,
    deniedBy: everyone,
  },
  { name: "copied to a tmpfs", run: `cp "$BAD" "$MEMORY/copy"; "$MEMORY/copy" ${run}`, deniedBy: everyone },
  { name: "unpacked (`gzip -d`)", run: `gzip -dc packed.gz > new; chmod +x new; ./new ${run}`, deniedBy: everyone },
  {
    name: "downloaded",
    run: `cat < "/dev/tcp/127.0.0.1/$BAD_PORT" > new; chmod +x new; ./new ${run}`,
    deniedBy: everyone,
  },
  { name: "script with `#!`", run: '"$BAD_SH"', deniedBy: everyone },
  {
    name: "as the interpreter in another script's `#!`",
    run: `printf '#!%s\\n: > "$MARK"\\n' "$BAD" > other; chmod +x other; ./other`,
    deniedBy: everyone,
  },

  // Other ways to name it.
  { name: "by an `O_PATH` descriptor (`execveat`)", run: `${starts} by_descriptor "$BAD"`, deniedBy: everyone },
  { name: "by `/proc/self/fd/N`", run: `${starts} by_proc "$BAD"`, deniedBy: everyone },
  {
    name: "downloaded into a file without a name (`O_TMPFILE`)",
    run: `${starts} port_into_unnamed_file "$BAD_PORT" .`,
    deniedBy: everyone,
  },
  {
    name: "in a chroot on the same disk",
    run: `MARK="\${MARK#"$DISK"}" chroot "$DISK" "\${BAD#"$DISK"}" ${run}`,
    deniedBy: everyone,
  },
  {
    name: "in another mount namespace (`unshare -m`)",
    run: `unshare -m "$BAD" ${run}`,
    deniedBy: everyFileSystemMark,
  },
  {
    name: "through a bind mount in another mount namespace",
    run: `unshare -m sh -c 'mount --bind "$PWD" "$SCRATCH" && "$SCRATCH/bad" -c ": > $MARK"'`,
    deniedBy: everyFileSystemMark,
  },
  {
    name: "from the lower layer of an overlayfs (a container image)",
    run: `mkdir "$SCRATCH/up" "$SCRATCH/work" "$SCRATCH/all"
      mount -t overlay -o "lowerdir=$PWD,upperdir=$SCRATCH/up,workdir=$SCRATCH/work" overlay "$SCRATCH/all"
      "$SCRATCH/all/bad" ${run}`,
    deniedBy: everyFileSystemMark,
  },

  // Somebody else reads it.
  { name: "`sh bad.sh`", run: 'sh "$BAD_SH"', deniedBy: everyOpenMark },
  { name: "`sh < bad.sh`", run: 'sh < "$BAD_SH"', deniedBy: everyOpenMark },
  { name: "`cat bad.sh \\| sh`", run: 'cat "$BAD_SH" | sh', deniedBy: everyOpenMark },
  { name: "`source bad.sh`", run: '. "$BAD_SH"', deniedBy: everyOpenMark },
  { name: "`python3 bad.py`", run: '"$PYTHON" "$BAD_PY"', deniedBy: everyOpenMark },
  { name: "`awk -f bad.awk`", run: 'awk -f "$BAD_AWK"', deniedBy: everyOpenMark },
  { name: "`ld-linux.so ./bad`", run: `"$LOADER" "$BAD" ${run}`, deniedBy: everyOpenMark },
  {
    name: "a library, by `LD_PRELOAD`",
    run: `LD_PRELOAD="$BAD_SO" grep -q bad.so /proc/self/maps && : > "$MARK"`,
    deniedBy: everyOpenMark,
  },
  { name: "a library, by `dlopen`", run: `${starts} by_library_call "$BAD_SO"`, deniedBy: everyOpenMark },
  { name: "copied into a memfd", run: `${starts} copied_into_memfd "$BAD"`, deniedBy: everyOpenMark },
  {
    name: "read by its handle (`open_by_handle_at`, root) into a memfd",
    run: `${starts} by_handle "$BAD"`,
    deniedBy: everyOpenMark,
  },
  { name: "read by io_uring into a memfd", run: `${starts} by_io_uring "$BAD"`, deniedBy: everyOpenMark },
  {
    name: "downloaded into a new file, `ld-linux.so ./new`",
    run: `cat < "/dev/tcp/127.0.0.1/$BAD_PORT" > new; "$LOADER" ./new ${run}`,
    deniedBy: everyOpening,
  },
  {
    name: "script, downloaded into a new file, `sh new.sh`",
    run: `cat < "/dev/tcp/127.0.0.1/$BAD_SH_PORT" > new.sh; sh new.sh`,
    deniedBy: everyOpening,
  },
  {
    name: "script, copied up by an overlayfs, `sh copy.sh`",
    run: `mkdir "$MEMORY/up" "$MEMORY/work" "$SCRATCH/all"
      mount -t overlay -o "lowerdir=$PWD,upperdir=$MEMORY/up,workdir=$MEMORY/work" overlay "$SCRATCH/all"
      chmod 700 "$SCRATCH/all/bad.sh"; sh "$MEMORY/up/bad.sh"`,
    deniedBy: everyOpenMark,
  },
  {
    name: "script of more than 64 MiB, downloaded into a new file, `sh new.sh`",
    run: `cat < "/dev/tcp/127.0.0.1/$BIG_SH_PORT" > "$MEMORY/new.sh"; sh "$MEMORY/new.sh"`,
    deniedBy: ["fapolicyd-strict"],
  },

  // Against the clock.
  {
    name: "written through a mapping over a harmless one that had just run, 60 times",
    run: `${starts} changed_while_mapped "$GOOD" "$BAD_PORT" 60`,
    deniedBy: ["cordon", "cordon-scripts"],
    // Seen to run on most machines, and seen denied all 60 times on a slow one.
    isRaceFor: ["fapolicyd", "fapolicyd-strict"],
  },
  {
    name: "the same on a tmpfs",
    run: `cp "$GOOD" "$MEMORY/good"; ${starts} changed_while_mapped "$MEMORY/good" "$BAD_PORT" 60`,
    deniedBy: everyone,
  },
  {
    name: "swapped with a harmless one while that is started, 200 times",
    run: `cp "$(type -P true)" true; ${starts} exchanged_while_started ./true "$BAD" 200`,
    deniedBy: everyone,
  },
  {
    name: "script with `#!`, swapped with a harmless one while that is started, 200 times",
    run: `printf '#!/bin/sh\\n' > harmless; chmod +x harmless; ${starts} exchanged_while_started ./harmless "$BAD_SH" 200`,
    deniedBy: everyOpenMark,
  },

  // Mounted after the rule came.
  {
    name: "on a disk mounted later, at once",
    run: `mount -o loop "$LATER" "$MOUNT_POINT"; "$MOUNT_POINT/bad" ${run}`,
    deniedBy: everyone,
    isRaceFor: everyone,
  },
  {
    name: "on a disk mounted later, within 5 s",
    run: `mount -o loop "$LATER" "$MOUNT_POINT"; soon "$MOUNT_POINT/bad" ${run}`,
    deniedBy: everyone,
  },
  {
    name: "script on a disk mounted later, `sh bad.sh`, within 5 s",
    run: `mount -o loop "$LATER" "$MOUNT_POINT"; soon sh "$MOUNT_POINT/bad.sh"`,
    deniedBy: everyOpening,
  },
  {
    name: "by an ordinary user, on a tmpfs mounted later in a user namespace, at once",
    run: `for _ in 1 2 3; do
        [ -e "$MARK" ] || setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urm bash -c '
          mount -t tmpfs later "$MOUNT_POINT" && cd "$MOUNT_POINT" \\
          && cat < "/dev/tcp/127.0.0.1/$BAD_PORT" > new && chmod +x new && ./new -c ": > $MARK"'
      done`,
    deniedBy: nobody,
  },
  {
    name: "on a tmpfs mounted later in another mount namespace, at once",
    // Three times: one may fall on the moment at which the guard looks at all namespaces.
    run: `for _ in 1 2 3; do
        [ -e "$MARK" ] || unshare -m bash -c 'mount -t tmpfs later "$MOUNT_POINT" && cd "$MOUNT_POINT" \\
          && cat < "/dev/tcp/127.0.0.1/$BAD_PORT" > new && chmod +x new && ./new -c ": > $MARK"'
      done`,
    deniedBy: nobody,
  },
  {
    name: "on a tmpfs mounted later in another mount namespace, within 5 s",
    run: `unshare -m bash -c 'mount -t tmpfs later "$MOUNT_POINT" && cd "$MOUNT_POINT" \\
      && cat < "/dev/tcp/127.0.0.1/$BAD_PORT" > new && chmod +x new && soon ./new -c ": > $MARK"'`,
    deniedBy: ["cordon", "cordon-scripts"],
  },
  {
    name: "from a file system that a process serves (FUSE)",
    run: '"$PYTHON" "$FUSE" "$MOUNT_POINT" "$BAD_PORT"',
    deniedBy: nobody,
  },

  // Begun before the rule came.
  {
    name: "opened before the rule came, then executed by that descriptor",
    run: `exec 9< "$BAD"; echo ready; read -r _; /proc/self/fd/9 ${run}`,
    startsBeforeTheRule: true,
    deniedBy: everyone,
  },
  {
    name: "opened before the rule came, then copied into a memfd",
    run: `exec 9< "$BAD"; echo ready; read -r _; ${starts} input_into_memfd <&9`,
    startsBeforeTheRule: true,
    deniedBy: nobody,
  },
  {
    name: "registered with binfmt_misc before the rule came (flag `F`)",
    run: `unshare -Urm bash -c 'mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
      echo ":cordon:E::banned::$BAD:F" > /proc/sys/fs/binfmt_misc/register
      echo ": > \\"\\$MARK\\"" > x.banned; chmod +x x.banned; echo ready; read -r _; ./x.banned'`,
    startsBeforeTheRule: true,
    // Until then there was one list of these for the whole machine, which a test must not touch.
    sinceKernel: "6.7",
    deniedBy: everyFileSystemMark,
  },
  {
    name: "runs already when the rule comes",
    run: `exec "$BAD" -c 'echo ready; read -r _; : > "$MARK"'`,
    startsBeforeTheRule: true,
    deniedBy: nobody,
  },

  // What a list of digests cannot stop.
  { name: "one changed byte", run: `${changedCopy}; ./changed ${run}`, deniedBy: nobody },
  {
    name: "script, written into a file that was opened when it was empty",
    run: `: > new.sh; exec 9< new.sh; cat < "/dev/tcp/127.0.0.1/$BAD_SH_PORT" > new.sh; sh <&9`,
    deniedBy: nobody,
  },
  { name: "downloaded into a memfd", run: `${starts} port_into_memfd "$BAD_PORT"`, deniedBy: nobody },
  { name: "script, downloaded straight into `sh`", run: 'sh < "/dev/tcp/127.0.0.1/$BAD_SH_PORT"', deniedBy: nobody },
  {
    name: "read from the disk's device (`debugfs`, root) into a memfd",
    run: `debugfs -R "cat \${BAD#"$DISK"}" "$DEVICE" 2> /dev/null | ${starts} input_into_memfd`,
    deniedBy: nobody,
  },
];

/** `release`: of the kernel, as uname says it. */
export function isPossible({ sinceKernel = "0.0" }: Way, release: string): boolean {
  const [wantedMajor = 0, wantedMinor = 0] = sinceKernel.split(".").map(Number);
  const [major = 0, minor = 0] = release.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** What bash knows in every row: `soon` repeats a start until it is denied, for SOON_SEC; the last one counts. */
export const prelude = `
soon() {
  local end=$((SECONDS + SOON_SEC))
  while rm -f "$MARK"; "$@"; [ -e "$MARK" ]; do [ $SECONDS -lt $end ] || return 0; read -rt 0.05 _ <> <(:) || true; done
}
export -f soon
`;
