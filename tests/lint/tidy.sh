#!/bin/bash
# `make lint` must be able to fail: a fault that clang-tidy knows, in a file of its own, has to be found and leaves no stamp.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=build/tidy/broken
rm -rf "$work" "build/tidy/$work"
mkdir -p "$work"
trap 'rm -rf "$work" "build/tidy/$work"' EXIT
cat >"$work/null.c" <<'C'
int null(int n);
int null(int n)
{
	int *p = 0;
	return n ? *p : 0;
}
C
if make -f rules.mk --no-print-directory "build/tidy/$work/null.ok" >"$work/out" 2>&1; then
	echo "the fault was not noticed:"
	cat "$work/out"
	exit 1
fi
grep -q 'null.c:5.*clang-analyzer-core.NullDereference' "$work/out" || { cat "$work/out"; exit 1; }
[ ! -e "build/tidy/$work/null.ok" ]
