#!/bin/bash
# The main job, `make run`: a gateway against a carrier in the lab machine, checked on the wire. Stays until Ctrl-C so
# that one can look around; with ONCE=1 it ends, and the exit code tells whether all checks passed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${LAB:-}" ]; then
	echo 'Booting the lab machine (about 15 s; it is emulated, so everything in it is slow) ...'
	exec "$here/lab.sh" boot "$0"
fi

status=0
"$LAB" ssh python3 -S -B /share/tests/lab/run.py --keep first-packet </dev/null || status=$?
if [ "$status" = 0 ]; then
	echo 'All is well: what is allowed arrived, nothing else did.'
else
	echo 'Not all is well: see the FAIL lines above.' >&2
fi
[ -z "${ONCE:-}" ] || exit "$status"

cat <<'TEXT'

The gateway goes on running. In another terminal, `make lab` gives a shell in it: try  culvert status,  nft list table inet culvert,
ip -br link,  journalctl -u culvertd -u culvert-charon.  README.md goes on with your own configuration. Ctrl-C ends the lab.
TEXT
trap 'exit $status' INT TERM
sleep infinity &
wait
