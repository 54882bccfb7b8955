#!/bin/sh
# Isolates this host again before its network comes up, if it was isolated when it went down: with what remains of its time,
# without any code of the agent's, and whether or not the agent comes up later. The agent takes the table over as it stands.
# Usage: isolation-boot.sh [STATE_DIRECTORY]
# The file is written by response-actions/src/network-isolation/saved-isolation.ts, and gone once the isolation has ended.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

file=${1:-/var/lib/cordon-agent}/isolation/boot.nft
# How long a host stays cut off whose file cannot be used: until the agent, which knows the order, has come.
emergency_seconds=600
# How long, when the isolation has ended by a clock that may be wrong: until the agent has asked the Central Node.
doubt_seconds=300

say() {
  echo "cordon-isolation-boot: $*" >&2
}

# A whole number from the file's head; nothing where there is none.
number() {
  sed -n "s/^# $1 \([1-9][0-9]\{0,10\}\)\$/\1/p" "$file" | head -n 1
}

load() {
  sed "s/@LEFT@s/$1s/g" "$file" | nft -f -
}

# Nothing but loopback, DHCP and neighbour discovery: there is nothing else to go by.
load_emergency() {
  nft -f - <<RULES
add table inet cordon_isolation
delete table inet cordon_isolation
table inet cordon_isolation {
  set active {
    typeof meta nfproto
    flags timeout
    elements = { ipv4 timeout ${emergency_seconds}s, ipv6 timeout ${emergency_seconds}s }
  }
  chain isolated_in {
    iifname "lo" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } ip6 hoplimit 255 accept
    udp sport . udp dport { 67 . 68, 547 . 546 } accept
    drop
  }
  chain isolated_out {
    oifname "lo" accept
    icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
    udp sport . udp dport { 68 . 67, 546 . 547 } accept
    drop
  }
  chain input {
    type filter hook input priority -10; policy accept;
    meta nfproto @active jump isolated_in
  }
  chain output {
    type filter hook output priority -10; policy accept;
    meta nfproto @active jump isolated_out
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    meta nfproto @active drop
  }
}
RULES
}

fail_closed() {
  say "$1; cut off entirely for at most $emergency_seconds s"
  load_emergency && exit 0
  say "the host could NOT be isolated"
  exit 1
}

[ -e "$file" ] || exit 0

saved_at=$(number saved_at)
ends_at=$(number ends_at)
left=$(number left)
if [ -z "$saved_at" ] || [ -z "$ends_at" ] || [ -z "$left" ]; then
  fail_closed "$file is damaged"
fi

now=$(date +%s)
if [ "$now" -lt "$saved_at" ]; then
  # The clock was set back, or this machine keeps none while it is off: nobody knows how long that was.
  remaining=$left
  say "the clock stands before $saved_at, when this was saved"
else
  remaining=$((ends_at - now))
  [ "$remaining" -gt "$left" ] && remaining=$left
fi

if [ "$remaining" -le 0 ]; then
  # By the clock, which may have been set ahead. The agent asks the Central Node, and then lifts it or goes on.
  remaining=$doubt_seconds
  [ "$remaining" -gt "$left" ] && remaining=$left
  say "the isolation has ended by the clock; it is held for the agent to ask"
fi

load "$remaining" || fail_closed "$file could not be loaded"
say "isolated for $remaining s"
