"""Times starts and openings of files in a chroot: python3 prevention-matrix-timer.py ROOT PROGRAM FILE

Reads `starts N` or `opens N` from standard input, and answers with a list of N times in nanoseconds. One that comes first
is left out: it fetches back what other processes have put out of the processor's caches.
posix_spawn is a vfork: what is timed is the start of the program, not the copying of this one.
"""
import gc
import json
import os
import sys
from time import perf_counter_ns


def start(program):
    begun = perf_counter_ns()
    os.waitpid(os.posix_spawn(program, [program], {}), 0)
    return perf_counter_ns() - begun


def open_and_close(file):
    begun = perf_counter_ns()
    os.close(os.open(file, os.O_RDONLY))
    return perf_counter_ns() - begun


root, program, file = sys.argv[1:]
timed = {"starts": lambda: start(program), "opens": lambda: open_and_close(file)}
gc.disable()
# Now all that this process needs of the machine is loaded; what it starts finds its loader and libraries in the chroot.
os.chroot(root)
os.chdir("/")
for line in sys.stdin:
    what, count = line.split()
    once = timed[what]
    once()
    print(json.dumps([once() for _ in range(int(count))]), flush=True)
