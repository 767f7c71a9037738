#!/bin/bash
# Makes what is missing in the cache: host packages, tools tree, strongSwan, the lab's root. Each part is built beside
# and renamed when complete, so an interrupted run goes on where it was; one prepare runs at a time.
# prepare.sh san: the sanitized strongSwan as well.
set -euo pipefail
cd "$(dirname "$0")/../.."
. image/tools/keys.sh
: "${CACHE:?}"
parts=("$tree" "$strongswan" "$lab")
[ "${1:-}" != san ] || parts+=("$strongswan_san")
tarball=() # a local copy of strongSwan's source, if the user named one
[ -z "${STRONGSWAN_TARBALL:-}" ] || tarball=("$STRONGSWAN_TARBALL")

complete() {
	local part
	for part in "${parts[@]}"; do
		[ -d "$CACHE/$part" ] || return 1
	done
}
complete && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "Culvert's tools are not complete in $CACHE: run this once as root (or with sudo)" >&2
	exit 1
fi
mkdir -p "$CACHE"
exec 9>"$CACHE/lock"
if ! flock -n 9; then
	echo 'waiting for another run that prepares the tools ...'
	flock 9
	! complete || exit 0
fi

say() { echo "== $*"; }
run_logged() { # WHAT LOG CMD...: its output goes to LOG, the end of it to the terminal on failure
	local what=$1 log=$2 start=$SECONDS
	shift 2
	say "$what ..."
	if ! "$@" >"$log" 2>&1 9>&-; then
		tail -n 30 "$log" >&2
		echo "failed: $what (whole log: $log)" >&2
		exit 1
	fi
	say "$what: done in $((SECONDS - start)) s"
}
in_tree() {
	image/tools/enter.sh "$CACHE/$tree" "$PWD" "$CACHE" "$@"
}

# What the host itself needs; everything else is in the tree.
host_packages=(mmdebstrap debian-archive-keyring mount util-linux)
install_host_packages() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get -q update
	apt-get -q install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "${host_packages[@]}"
}
if ! dpkg-query --show --showformat '${db:Status-Status}\n' "${host_packages[@]}" 2>/dev/null | awk '$1 != "installed" { bad = 1 } END { exit bad || NR < 4 }'; then
	run_logged "host packages: ${host_packages[*]}" "$CACHE/host-packages.log" install_host_packages
fi
[ -d "$CACHE/$tree" ] ||
	run_logged 'tools tree: Debian 13 with compilers, libraries and QEMU (about 1 minute)' "$CACHE/$tree.log" image/tools/tree.sh "$CACHE/$tree"

. ikev2/strongswan/pin
orig=strongswan_$STRONGSWAN_VERSION.orig.tar.bz2
if [ ${#tarball[@]} -gt 0 ]; then
	cp -- "${tarball[0]}" "$CACHE/$orig.local"
	tarball=("/cache/$orig.local")
fi
strongswan() { # NAME WHAT [SETTING]: builds it below the cache unless it is there
	[ ! -d "$CACHE/$1" ] || return 0
	run_logged "strongSwan $STRONGSWAN_VERSION: source" "$CACHE/$orig.log" in_tree ikev2/strongswan/fetch.sh "/cache/$orig" "${tarball[@]}"
	run_logged "strongSwan $STRONGSWAN_VERSION: $2" "$CACHE/$1.log" in_tree env "${@:3}" ikev2/strongswan/build.sh "/cache/$orig" "/cache/$1"
}
strongswan "$strongswan" 'build (about 1 minute)'
[[ " ${parts[*]} " != *" $strongswan_san "* ]] ||
	strongswan "$strongswan_san" 'build under ASan and UBSan (about 2 minutes)' CULVERT_SANITIZE=1
[ -d "$CACHE/$lab" ] ||
	run_logged "lab machine's root (about half a minute)" "$CACHE/$lab.log" in_tree tests/lab/root.sh "/cache/$lab"
