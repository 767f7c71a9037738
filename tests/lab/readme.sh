#!/bin/bash
# readme.sh LOG: each sentence of readme-claims stands in README.md, and the check behind its " = " passed in LOG, the
# output of the scenario that `make run` shows.
set -euo pipefail

here=$(dirname "$0")
log=${1:?usage: readme.sh LOG}
bad=0
while IFS= read -r line; do
	claim=${line%% = *} proof=${line#* = }
	grep -qF -- "$claim" "$here/../../README.md" || { echo "README.md no longer says: $claim"; bad=1; }
	grep -F -- "$proof" "$log" | grep -q '^ *ok ' || { echo "README.md says '$claim', but no check passed that says '$proof'"; bad=1; }
done <"$here/readme-claims"
exit $bad
