#!/bin/bash
# Runs the tests of a group, each with its seconds, and closes with "N passed, N failed"; non-zero if any failed.
#   run.sh check   unit, golden and invalid files, lint: no root, no lab machine
#   run.sh test    all that CI runs; T=PATTERN picks tests by name
#   run.sh unit    the unit tests of VARIANT (release, san)
#   run.sh bench   the benches that need no lab machine, at their small size
#   run.sh fuzz    every fuzz target for FUZZ_SECONDS (60)
#   run.sh torture the long random runs: what `make test` runs small, with TORTURE=1; T=PATTERN picks by name
# Outputs are kept in build/reports/NAME.log; that of a failed test is shown.
set -euo pipefail
cd "$(dirname "$0")/.."

reports=build/reports
results=$reports/results
pattern=${T:-}
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1

seconds_since() { # START in microseconds
	awk -v a="$1" -v b="${EPOCHREALTIME/./}" 'BEGIN { printf "%.1f", (b - a) / 1e6 }'
}
picked=0
t() { # NAME CMD...
	local name=$1 start=${EPOCHREALTIME/./} log
	shift
	[[ $name == *$pattern* ]] || return 0
	picked=$((picked + 1))
	[ -z "${only_count:-}" ] || return 0
	log=$reports/${name//\//-}.log
	if "$@" >"$log" 2>&1 </dev/null; then
		echo "ok   $name ($(seconds_since "$start") s)" | tee -a "$results"
	else
		echo "FAIL $name ($(seconds_since "$start") s)" | tee -a "$results"
		# First what failed: who keeps only some of these lines keeps that.
		{
			awk '/^ *FAIL |^\[ +(FAILED|ERROR) +\]/ && !seen[$0]++ && n++ < 20' "$log"
			tail -n "${TAIL:-60}" "$log"
		} | sed 's/^/     | /'
	fi
}
# Whether T picks any test of a group: a lab machine is not booted for nothing.
picks() { # GROUP
	local only_count=1 picked=0 LAB=${LAB:-none yet}
	"$1"
	[ "$picked" -gt 0 ]
}

unit() { # VARIANT
	local binary
	for binary in "build/$1"/tests/unit/*_test; do
		t "unit/$1/$(basename "$binary")" whole "$binary"
	done
}
# Real root can run all of a unit test; only programs for the kernel (BPF) are forbidden in some containers.
whole() { # BINARY, in t
	"$@" || return
	if [ "$(id -u)" = 0 ] && grep -q '4294967295$' /proc/self/uid_map; then
		grep '^\[  SKIPPED \] [a-z0-9_]*$' "$log" | grep -vx '\[  SKIPPED \] a_program_at_the_driver_is_strange' || return 0
		echo 'FAIL root leaves no test out'
		return 1
	fi
}
fuzz() {
	local source name
	for source in tests/fuzz/*_fuzz.c; do
		name=$(basename "$source" .c)
		mkdir -p "build/fuzz/corpus/$name"
		t "fuzz/$name" "build/fuzz/tests/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -max_len=20000 \
			-artifact_prefix="build/fuzz/" "build/fuzz/corpus/$name" "tests/fuzz/${name%_fuzz}-seeds"
	done
}
lint() {
	t lint/includes tests/lint/includes.sh
	t lint/readme tests/lint/readme.sh
	t lint/tidy tests/lint/tidy.sh
	t lint/code make -f rules.mk --no-print-directory lint
}
check() {
	unit release
	t unit/nft-load tests/unit/nft_load.sh
	lint
}
# In a real charon, once as shipped and once under ASan and UBSan, side by side: mostly they wait.
plugins() {
	local test name
	for test in tests/plugins/culvert_*_test.py tests/plugins/policy_generator_test.py; do
		name=$(basename "$test" _test.py)
		t "plugins/${name//_/-}/release" python3 -B "$test" &
		t "plugins/${name//_/-}/san" env CULVERT_BUILD=build/san \
			CULVERT_PRELOAD="$(clang-19 -print-file-name=libclang_rt.asan-x86_64.so)" python3 -B "$test"
		wait
	done
	# With the check switched off the generator must see what it looks for.
	t plugins/policy-generator/off python3 -B tests/plugins/policy_generator_test.py --off
	t plugins/reproducer env STRONGSWAN="$STRONGSWAN_SAN" CULVERT_BUILD=build/san python3 -B tests/plugins/reproducer_test.py
	storm plugins/storm
	t plugins/rekey-spread python3 -B tests/plugins/rekey_spread_test.py
	t plugins/malformed/release python3 -B tests/plugins/malformed_test.py
	t plugins/malformed/san env STRONGSWAN="$STRONGSWAN_SAN" CULVERT_BUILD=build/san python3 -B tests/plugins/malformed_test.py
	t plugins/flood python3 -B tests/plugins/flood_test.py
	t plugins/5000-tunnels python3 -B tests/plugins/many_test.py
}
# Each once at its small size: that it runs and reports, not what it says. `make bench` measures.
bench() { # here|lab
	local name
	for name in $(python3 -B tests/bench/run.py --names "$1"); do
		t "bench/$name" python3 -B tests/bench/run.py --small --json "$reports/bench-small/$name.json" "$name"
	done
}
# One boot serves all scenarios; those with a host.sh drive the lab from outside (they restart it).
beside() {
	fuzz
	plugins
	bench here
}
lab_suite() {
	local folder name
	for folder in tests/scenario/*/; do
		name=$(basename "$folder")
		if [ -x "$folder/host.sh" ]; then
			t "lab/$name" "$folder/host.sh"
		else
			t "lab/$name" "$LAB" ssh python3 -S -B /share/tests/lab/run.py "$name"
		fi
	done
	bench lab
	t lab/readme tests/lab/readme.sh "$reports/lab-first-packet.log"
}
in_lab() { # GROUP, with a dash where its function has an underscore
	picks "${1//-/_}" || return 0
	make -f rules.mk --no-print-directory build/lab/disk.ext4 build/release/tests/lab/crash.so build/release/tests/lab/nomem.so \
		build/release/tests/lab/known
	LABDIR=$PWD/build/lab tests/lab/lab.sh boot tests/run.sh "$1" || {
		echo 'FAIL lab/boot (0 s)' | tee -a "$results"
	}
}
# The long random runs. A test sees TORTURE=1 and takes its large count: count() of tests/plugins/ike_lab.py, lab.count() in
# a scenario.
torture() {
	storm torture/storm
}
storm() { # NAME
	t "$1" env STRONGSWAN="$STRONGSWAN_SAN" CULVERT_BUILD=build/san python3 -B tests/plugins/storm_test.py
}
# One boot for all of them.
torture_lab() {
	local carrier
	for carrier in libreswan strongswan; do
		t "torture/rekeys-$carrier" torture_scenario "rekeys-$carrier"
	done
	t torture/matrix torture_scenario matrix
	t torture/flaps torture_scenario drift-faults
}
torture_scenario() { # NAME: t torture/NAME torture_scenario NAME
	"$LAB" ssh env TORTURE=1 python3 -S -B /share/tests/lab/run.py "$1"
}

mkdir -p "$reports"
group=${1:?usage: run.sh check|test|unit|bench|fuzz|torture}
if [[ $group != *-* ]]; then : >"$results"; fi
case $group in
check) check ;;
unit) unit "${VARIANT:-release}" ;;
bench) bench here ;;
fuzz) fuzz ;;
lab-suite | torture-lab)
	"${group//-/_}"
	exit 0
	;;
test)
	check
	unit san
	# Beside the lab, which takes one processor.
	beside &
	in_lab lab-suite
	wait "$!"
	;;
torture)
	export TORTURE=1
	torture
	in_lab torture-lab
	;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
passed=$(grep -c '^ok ' "$results") || [ $? = 1 ]
failed=$(grep -c '^FAIL ' "$results") || [ $? = 1 ]
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
