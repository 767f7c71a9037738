#!/bin/bash
# Makes the Debian 13 tools tree in DIR ($1) from image/tools/packages, with the host's APT configuration.
# Built beside and renamed when complete; a tree that is there is complete. Needs root and mmdebstrap.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=${1:?usage: tree.sh DIR}
part=$tree.part
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/sources.sh" trixie >"$work/tools.list"
"$here/sources.sh" sid src >"$work/unstable-src.list"
apt-config dump | grep -E '^Acquire::(Check-|http|https|Retries|ForceIPv4|.*[Pp]roxy)' |
	grep -v '::Packages' >"$work/apt.conf" || [ $? = 1 ]
{
	echo 'Apt::Install-Recommends "false";'
	echo 'Acquire::Languages "none";'
	echo 'Acquire::Retries "3";'
	echo 'DPkg::Lock::Timeout "300";'
} >>"$work/apt.conf"

rm -rf "$part"
mkdir -p "$(dirname "$tree")"
# The lab's root is built from inside the tree and needs the same APT settings: they are kept in /etc/culvert-tools.
mmdebstrap --mode=root --variant=apt --format=directory \
	--include="$(grep -v '^#' "$here/packages" | paste -sd,)" \
	--aptopt="$work/apt.conf" \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
	--setup-hook='mkdir -p "$1/usr/local/share/ca-certificates"; if [ -d /usr/local/share/ca-certificates ]; then cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/"; fi' \
	--customize-hook="mkdir -p \"\$1\"/src \"\$1\"/cache \"\$1\"/etc/culvert-tools && cp '$work'/*.list '$work/apt.conf' \"\$1\"/etc/culvert-tools/" \
	trixie "$part" "$work/tools.list"
rm -rf "$tree"
mv "$part" "$tree"
