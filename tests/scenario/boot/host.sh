#!/bin/bash
# Drives the lab from outside, as the scenario restarts its system.
set -euo pipefail

scenario() {
	"$LAB" ssh python3 -S -B /share/tests/scenario/boot/boot.py "$@"
}
scenario prepare
"$LAB" restart
status=0
scenario verdict || status=$?
scenario tidy
exit "$status"
