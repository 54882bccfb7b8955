"""A file system whose content comes from this process: python3 prevention-matrix-fuse.py FOLDER PORT

Mounts it over FOLDER with one file in it, `program`, which holds what is read from PORT, and runs that with
`-c COMMAND`. Layouts are those of linux/fuse.h, protocol 7.31.
"""
import ctypes
import os
import socket
import struct
import subprocess
import sys

COMMAND = ': > "$MARK"'
libc = ctypes.CDLL(None, use_errno=True)
FOLDER, FILE = 1, 2
LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 18, 25, 26
NOT_IMPLEMENTED, NOT_THERE = -38, -2


def attributes(node, content):
    mode, size = (0o040755, 0) if node == FOLDER else (0o100755, len(content))
    return struct.pack("=6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(opcode, node, body, content):
    """An error number, or what the kernel asked for."""
    if opcode == INIT:
        return struct.pack("=4I2H2I2H2I24x", 7, 31, 65536, 0, 12, 9, 65536, 1, 0, 0, 0, 0)
    if opcode == LOOKUP:
        if body.rstrip(b"\0") != b"program":
            return NOT_THERE
        return struct.pack("=4Q2I", FILE, 0, 60, 60, 0, 0) + attributes(FILE, content)
    if opcode == GETATTR:
        return struct.pack("=QII", 60, 0, 0) + attributes(node, content)
    if opcode == OPEN:
        return struct.pack("=QIi", 0, 0, 0)
    if opcode == READ:
        _, offset, size = struct.unpack_from("=QQI", body)
        return content[offset:offset + size]
    return b"" if opcode in (RELEASE, FLUSH) else NOT_IMPLEMENTED


def serve(fd, content):
    while True:
        request = os.read(fd, 1 << 20)
        _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
        if opcode == FORGET:
            continue
        result = answer(opcode, node, request[40:], content)
        error, body = (result, b"") if isinstance(result, int) else (0, result)
        os.write(fd, struct.pack("=IiQ", 16 + len(body), error, unique) + body)


folder, port = sys.argv[1:]
with socket.create_connection(("127.0.0.1", int(port))) as connection:
    with connection.makefile("rb") as stream:
        program = stream.read()
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
if libc.mount(b"cordon-test", folder.encode(), b"fuse", 0, options.encode()) != 0:
    raise OSError(ctypes.get_errno(), "mount")
server = os.fork()
if server == 0:
    serve(device, program)
try:
    subprocess.run([f"{folder}/program", "-c", COMMAND], check=False)
finally:
    os.kill(server, 9)
    libc.umount2(folder.encode(), 2)
