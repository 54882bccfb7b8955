#!/bin/sh
# Starts the agent's program on the Node that lies beside it, from whatever directory and by whatever link it was called.
here=$(dirname "$(readlink -f "$0")")
# What somebody set for other programs of Node must not change this one.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE
# The agent rests most of the time: it trades speed in bursts for memory. Its garbage is collected by the thread that makes
# it, code is compiled when it is first called and only what is hot is optimised, and there is one malloc arena for all threads.
export MALLOC_ARENA_MAX=1
exec "$here/node" --max-semi-space-size=1 --v8-pool-size=0 --single-threaded-gc --optimize-for-size \
  --max-lazy --no-sparkplug --no-maglev --disable-warning=ExperimentalWarning "$here/cordon-agent.mjs" "$@"
