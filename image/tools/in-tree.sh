#!/bin/bash
# in-tree.sh [--lab] CMD...: runs CMD in the tools tree, checkout at /src, cache at /cache; --lab says that CMD needs the
# lab's root as well. in-tree.sh --print tree|strongswan|lab: where that part is. CACHE names the cache folder.
# What CMD leaves in build/ belongs to the user who called sudo.
set -euo pipefail
cd "$(dirname "$0")/../.."
. image/tools/keys.sh

case $1 in
--print)
	key=${2:?}
	echo "$CACHE/${!key}"
	exit 0
	;;
--lab)
	shift
	[ -d "$CACHE/$lab" ] || { echo "the lab's root is missing: run the command as root once" >&2; exit 1; }
	;;
esac

mkdir -p build
status=0
image/tools/enter.sh "$CACHE/$tree" "$PWD" "$CACHE" \
	env STRONGSWAN="/cache/$strongswan" STRONGSWAN_SAN="/cache/$strongswan_san" LABROOT="/cache/$lab" VERSION="$(cat VERSION)" \
	${FUZZ_SECONDS:+FUZZ_SECONDS="$FUZZ_SECONDS"} "$@" || status=$?
if [ "${SUDO_UID:-}" ] && [ "$(id -u)" = 0 ]; then
	chown -R "$SUDO_UID:${SUDO_GID:-0}" build
fi
exit "$status"
