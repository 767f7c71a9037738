#!/bin/bash
# Puts the pinned strongSwan tarball into FILE ($1). Runs in the tools tree. With a local tarball as $2 it takes that.
# Any Debian revision will do whose orig tarball has the pinned hash: APT checks the archive's signatures, we the hash.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=ikev2/strongswan/pin
. "$here/pin"
out=${1:?usage: fetch.sh FILE [LOCAL_TARBALL]}
local_tarball=${2:-}

check() { echo "$STRONGSWAN_SHA256  $1" | sha256sum --check --status; }
help() {
	cat >&2 <<TEXT
strongSwan $STRONGSWAN_VERSION could not be had: $1.
The build needs the file strongswan_$STRONGSWAN_VERSION.orig.tar.bz2 with SHA-256
  $STRONGSWAN_SHA256
If Debian's unstable has moved on, get that file from an archive of Debian sources or from strongSwan's
download page, and run make with STRONGSWAN_TARBALL=/path/to/it.
TEXT
	exit 1
}

[ -f "$out" ] && check "$out" && exit 0
if [ -n "$local_tarball" ]; then
	[ -f "$local_tarball" ] || help "there is no file $local_tarball"
	check "$local_tarball" || help "$local_tarball has another SHA-256 than the pin"
	cp "$local_tarball" "$out.part"
	mv "$out.part" "$out"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/get"
cat >"$work/apt.conf" <<CONF
#include "/etc/culvert-tools/apt.conf";
Dir::Etc::SourceList "/etc/culvert-tools/unstable-src.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
CONF
export APT_CONFIG=$work/apt.conf
apt-get -q update || help "the list of Debian's sources did not download"
mapfile -t versions < <(apt-cache showsrc --only-source strongswan | awk '/^Version:/ { print $2 }' | sort -u)
cd "$work/get"
for v in "${versions[@]}"; do
	case $v in "$STRONGSWAN_VERSION"-*) ;; *) continue ;; esac
	apt-get -q source --download-only --tar-only "strongswan=$v" || continue
	tarball=strongswan_$STRONGSWAN_VERSION.orig.tar.bz2
	if [ -f "$tarball" ] && check "$tarball"; then
		cp "$tarball" "$out.part"
		mv "$out.part" "$out"
		exit 0
	fi
done
help "Debian's unstable has ${versions[*]:-nothing of that name}, none of them with the pinned orig tarball"
