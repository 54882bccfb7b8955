/** The system calls that Node has none for. None of them throws: each answers with a number, below 0 where it failed. */
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

export const kernel = {
  fanotifyInit: libc.func("int fanotify_init(uint flags, uint event_flags)") as (
    flags: number,
    event: number,
  ) => number,
  fanotifyMark: libc.func("int fanotify_mark(int fd, uint flags, uint64 mask, int directory, const char *path)") as (
    fd: number,
    flags: number,
    mask: number,
    directory: number,
    path: string | null,
  ) => number,
  poll: libc.func("int poll(void *fds, ulong count, int timeout)") as (
    fds: Buffer,
    count: number,
    ms: number,
  ) => number,
  read: libc.func("long read(int fd, void *into, ulong size)") as (fd: number, into: Buffer, size: number) => number,
  pread: libc.func("long pread64(int fd, void *into, ulong size, int64 at)") as (
    fd: number,
    into: Buffer,
    size: number,
    at: number,
  ) => number,
  write: libc.func("long write(int fd, const void *from, ulong size)") as (
    fd: number,
    from: Buffer,
    size: number,
  ) => number,
  send: libc.func("long send(int fd, const void *from, ulong size, int flags)") as (
    fd: number,
    from: Buffer,
    size: number,
    flags: number,
  ) => number,
  close: libc.func("int close(int fd)") as (fd: number) => number,
  fcntl: libc.func("fcntl", "int", ["int", "int", "int"]) as (fd: number, command: number, value: number) => number,
  statx: libc.func("int statx(int directory, const char *path, int flags, uint mask, void *into)") as (
    directory: number,
    path: string,
    flags: number,
    mask: number,
    into: Buffer,
  ) => number,
  fstatfs: libc.func("int fstatfs(int fd, void *into)") as (fd: number, into: Buffer) => number,
  timerCreate: libc.func("int timer_create(int clock, void *event, void *timer)") as (
    clock: number,
    event: Buffer,
    timer: Buffer,
  ) => number,
  timerSettime: libc.func("int timer_settime(void *timer, int flags, void *value, void *old)") as (
    timer: bigint,
    flags: number,
    value: Buffer,
    old: null,
  ) => number,
  madvise: libc.func("int madvise(uint64 start, uint64 length, int advice)") as (
    start: bigint,
    length: bigint,
    advice: number,
  ) => number,
  mallocTrim: libc.func("int malloc_trim(ulong keep)") as (keep: number) => number,
  signal: libc.func("void *signal(int number, void *handler)") as (number: number, handler: bigint) => unknown,
};

/** Of the newest call that failed, on this thread. */
export const errorName = (): string =>
  Object.entries(koffi.os.errno).find(([, value]) => value === koffi.errno())?.[0] ?? `errno ${koffi.errno()}`;

export const here = -100;

export const fanotify = {
  closeOnExec: 0x1,
  nonBlocking: 0x2,
  content: 0x4,
  unlimitedQueue: 0x10,
  unlimitedMarks: 0x20,
  reportMounts: 0x4000,
  add: 0x1,
  remove: 0x2,
  dontFollow: 0x4,
  ignored: 0x20,
  ignoredSurvivesModify: 0x40,
  filesystem: 0x100,
  mountNamespace: 0x110,
  closeWrite: 0x8,
  openPermission: 0x10000,
  openExecPermission: 0x40000,
  mountAttached: 0x1000000,
  mountDetached: 0x2000000,
  allow: 1,
  deny: 2,
} as const;

/** What an event's file is opened with. Without blocking: a lease that somebody holds must not hold up the guard. */
const eventFlags = 0o100000 | 0o2000000 | 0o4000;

/** A new group, or below 0. Its holder decides about what is marked in it. */
export function createGroup(): number {
  const { closeOnExec, nonBlocking, content, unlimitedQueue, unlimitedMarks } = fanotify;
  return kernel.fanotifyInit(closeOnExec | nonBlocking | content | unlimitedQueue | unlimitedMarks, eventFlags);
}

export const poll = { in: 1, priority: 2, out: 4, error: 8, hungUp: 16 } as const;

const openFilesystem = libc.func("syscall", "long", ["long", "str", "uint"]);
const configureFilesystem = libc.func("syscall", "long", ["long", "int", "uint", "str", "str", "int"]);
const mountFilesystem = libc.func("syscall", "long", ["long", "int", "uint", "uint"]);
/** The same numbers on every kind of machine. */
const calls = { pidfdSendSignal: 424, fsopen: 430, fsconfig: 431, fsmount: 432, pidfdOpen: 434 } as const;

/** An empty filesystem in memory, mounted nowhere: only its descriptor leads to it. Below 0 where it cannot be had. */
export function mountTmpfs(): number {
  const closeOnExec = 1;
  const context = openFilesystem(calls.fsopen, "tmpfs", closeOnExec) as number;
  if (context < 0) return -1;
  const create = 6;
  const isMade = (configureFilesystem(calls.fsconfig, context, create, null, null, 0) as number) === 0;
  const mount = isMade ? (mountFilesystem(calls.fsmount, context, closeOnExec, 0) as number) : -1;
  kernel.close(context);
  return mount;
}

const openByPid = libc.func("syscall", "long", ["long", "int", "uint"]);
const signalByDescriptor = libc.func("syscall", "long", ["long", "int", "int", "void *", "uint"]);

/** A descriptor that means this process and never another; below 0 where there is none. */
export function openProcess(pid: number): number {
  return openByPid(calls.pidfdOpen, pid, 0) as number;
}

/** SIGKILL. False: it had ended. */
export function killByDescriptor(process: number): boolean {
  const kill = 9;
  return (signalByDescriptor(calls.pidfdSendSignal, process, kill, null, 0) as number) === 0;
}

const setIoPriority = libc.func("syscall", "long", ["long", "int", "int", "int"]);

/** Reads from disk only when nobody else does. Without effect where the number of the call is not known. */
export function yieldDisk() {
  const call = { x64: 251, arm64: 30 }[process.arch as string];
  const [thisProcess, idle] = [1, 3 << 13];
  if (call !== undefined) setIoPriority(call, thisProcess, 0, idle);
}
