#!/bin/bash
# Prints one-line APT sources for Debian suite $1, taken from the host's own APT configuration, so that mirrors,
# proxies and certificates which work for the host work for the tools tree. With "src" as $2, source entries instead.
set -euo pipefail

suite=${1:?usage: sources.sh SUITE [src]}
kind=deb
[ "${2:-}" = src ] && kind=deb-src

lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT
# An empty lists folder makes APT name its targets from the configuration alone: nothing needs to be downloaded before.
targets=$(apt-get -o "Dir::State::lists=$lists" indextargets --no-release-info \
	--format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | sort -u)

main=$(awk '$2 ~ /^(bookworm|trixie|stable|oldstable|sid|unstable)$/ && $1 ~ /debian\/?$/ { print $1; exit }' <<<"$targets")
security=$(awk '$2 ~ /-security$/ { print $1; exit }' <<<"$targets")
if [ -z "$main" ]; then
	echo "sources.sh: APT on this host names no Debian mirror (need a bookworm or trixie entry in /etc/apt/sources.list*)" >&2
	exit 1
fi

signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
echo "$kind $signed $main $suite main"
case $suite in
sid | unstable) ;;
*)
	echo "$kind $signed $main $suite-updates main"
	[ -z "$security" ] || echo "$kind $signed $security $suite-security main"
	;;
esac
