#!/bin/bash
# Drives the lab from outside, as the scenario restarts its system.
set -euo pipefail

step() { # CMD...
	local start=$SECONDS status=0
	"$@" || status=$?
	echo "  $((SECONDS - start)) s: ${*: -1}"
	return "$status"
}
# shellcheck disable=SC2317 # step calls it
scenario() {
	"$LAB" ssh python3 -S -B /share/tests/scenario/boot/boot.py "$1"
}
step scenario prepare
step "$LAB" restart
status=0
step scenario verdict || status=$?
step scenario tidy
exit "$status"
