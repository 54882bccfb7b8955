#!/bin/sh
# Starts the agent's program on the Node that lies beside it, from whatever directory and by whatever link it was called.
here=$(dirname "$(readlink -f "$0")")
# What somebody set for other programs of Node must not change this one.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE NODE_COMPILE_CACHE
# The agent rests most of the time: it trades speed in bursts for memory. One malloc arena, as its threads allocate little.
export MALLOC_ARENA_MAX=1
exec "$here/node" --max-semi-space-size=1 --v8-pool-size=1 --disable-warning=ExperimentalWarning \
  "$here/cordon-agent.mjs" "$@"
