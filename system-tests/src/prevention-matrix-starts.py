"""Ways to start a file that a shell has no words for. python3 prevention-matrix-starts.py WAY ARGUMENT…

The program that is started gets `-c COMMAND`: it is a shell. Nothing is printed when it could be started, because then
this process has become that program.
"""
import ctypes
import mmap
import os
import socket
import struct
import subprocess
import sys

COMMAND = ': > "$MARK"'
libc = ctypes.CDLL(None, use_errno=True)


def become(fd):
    """fexecve: execveat with an empty path."""
    os.execve(fd, ["program", "-c", COMMAND], os.environ)


def memfd(content):
    fd = os.memfd_create("program")
    os.write(fd, content)
    become(fd)


def check(result, error=None):
    """What a system call answered, if it is no error."""
    if result < 0:
        error = ctypes.get_errno() if error is None else error
        raise OSError(error, os.strerror(error))
    return result


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def read_port(port):
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        with connection.makefile("rb") as stream:
            return stream.read()


def copied_into_memfd(path):
    memfd(read_file(path))


def port_into_memfd(port):
    memfd(read_port(port))


def input_into_memfd():
    memfd(sys.stdin.buffer.read())


def port_into_unnamed_file(port, folder):
    """O_TMPFILE: a file on the disk that never had a name."""
    writer = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o755)
    os.write(writer, read_port(port))
    reader = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY)
    os.close(writer)
    become(reader)


def by_descriptor(path):
    become(os.open(path, os.O_PATH))


def by_proc(path):
    fd = os.open(path, os.O_PATH)
    os.execve(f"/proc/self/fd/{fd}", ["program", "-c", COMMAND], os.environ)


def by_library_call(path):
    """dlopen of a copy of libm; that it answers shows that it was loaded."""
    library = ctypes.CDLL(path)
    library.cos.restype = ctypes.c_double
    library.cos.argtypes = [ctypes.c_double]
    if library.cos(0.0) == 1.0:
        open(os.environ["MARK"], "w").close()


def by_handle(path):
    """open_by_handle_at, which needs no path, into a memfd. Root alone may."""
    handle = ctypes.create_string_buffer(struct.pack("=Ii", 128, 0), 136)
    mount = ctypes.c_int()
    check(libc.name_to_handle_at(-100, path.encode(), handle, ctypes.byref(mount), 0))
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    memfd(os.read(check(libc.open_by_handle_at(folder, handle, os.O_RDONLY)), 1 << 24))


def by_io_uring(path):
    """Opens and reads through io_uring, which a monitor of system calls does not see, into a memfd."""
    ring = IoUring()
    fd = ring.submit(opcode=18, fd=-100, address=ctypes.c_char_p(path.encode()))  # IORING_OP_OPENAT, AT_FDCWD
    content = ctypes.create_string_buffer(os.fstat(fd).st_size)
    ring.submit(opcode=22, fd=fd, address=content, length=len(content))  # IORING_OP_READ
    memfd(content.raw)


class IoUring:
    """A ring with one place, waited for at each submission. Layouts are those of linux/io_uring.h."""

    def __init__(self):
        parameters = ctypes.create_string_buffer(120)
        self.fd = check(libc.syscall(425, 1, parameters))
        submission, completion = struct.unpack_from("10I", parameters, 40), struct.unpack_from("10I", parameters, 80)
        entries = struct.unpack_from("2I", parameters)
        self.tail_at, self.array_at = submission[1], submission[6]
        self.head_at, self.cqes_at = completion[0], completion[5]
        self.completion_mask_at = completion[2]
        self.submissions = mmap.mmap(self.fd, self.array_at + 4 * entries[0], offset=0)
        self.completions = mmap.mmap(self.fd, self.cqes_at + 16 * entries[1], offset=0x8000000)
        self.entries = mmap.mmap(self.fd, 64 * entries[0], offset=0x10000000)

    def submit(self, opcode, fd, address, length=0):
        where = ctypes.cast(address, ctypes.c_void_p).value
        self.entries[:64] = struct.pack("=BBHiQQI36x", opcode, 0, 0, fd, 0, where, length)
        (tail,) = struct.unpack_from("I", self.submissions, self.tail_at)
        struct.pack_into("I", self.submissions, self.array_at, 0)
        struct.pack_into("I", self.submissions, self.tail_at, tail + 1)
        check(libc.syscall(426, self.fd, 1, 1, 1, None, 0))  # IORING_ENTER_GETEVENTS
        (head,) = struct.unpack_from("I", self.completions, self.head_at)
        (mask,) = struct.unpack_from("I", self.completions, self.completion_mask_at)
        result = struct.unpack_from("=Qi", self.completions, self.cqes_at + 16 * (head & mask))[1]
        struct.pack_into("I", self.completions, self.head_at, head + 1)
        return check(result, -result)


def changed_while_mapped(good, port, times):
    """A file that was judged harmless is overwritten through a mapping, which no write event tells, and run at once."""
    bad, harmless = read_port(port), read_file(good)
    for turn in range(int(times)):
        path = f"{good}-{turn}"
        with open(path, "wb") as file:
            file.write(harmless.ljust(len(bad), b"\0"))
        os.chmod(path, 0o755)
        subprocess.run([path, "-c", ":"], check=True)
        with open(path, "r+b") as file:
            with mmap.mmap(file.fileno(), 0) as mapping:
                mapping[:] = bad
        try:
            subprocess.run([path, "-c", COMMAND], check=False)
        except PermissionError:
            pass


def exchanged_while_started(good, bad, times):
    """Two names are swapped all the time, while what is under one of them is run."""
    swapper = os.fork()
    if swapper == 0:
        while True:
            libc.renameat2(-100, good.encode(), -100, bad.encode(), 2)  # RENAME_EXCHANGE
    try:
        for _ in range(int(times)):
            try:
                subprocess.run([good, "-c", COMMAND], check=False)
            except PermissionError:
                pass
    finally:
        os.kill(swapper, 9)
        os.waitpid(swapper, 0)


ways = {way.__name__: way for way in [
    copied_into_memfd, port_into_memfd, input_into_memfd, port_into_unnamed_file, by_descriptor, by_proc,
    by_library_call, by_handle, by_io_uring, changed_while_mapped, exchanged_while_started,
]}
ways[sys.argv[1]](*sys.argv[2:])
