#!/bin/bash
# Who may include whom (ARCHITECTURE.md): a folder includes itself and what it stands on, and libcharon's headers are
# included in plugins/ alone. With a folder as $1 that tree is checked instead; the test breaks a copy to see it noticed.
set -euo pipefail
cd "$(dirname "$0")/../.."

declare -A allowed=(
	[lib]='lib'
	[ikev2]='ikev2 lib'
	[conf]='conf ikev2 lib'
	[appliance/isolation]='appliance/isolation conf ikev2 lib'
	[appliance/daemon]='appliance/daemon appliance/isolation conf ikev2 lib'
	[appliance/cmd]='appliance/cmd appliance/isolation conf ikev2 lib'
	[plugins/culvert-conf]='plugins/culvert-conf conf ikev2 lib'
	[plugins/culvert-policy]='plugins/culvert-policy plugins/culvert-conf conf ikev2 lib'
	[plugins/culvert-apn]='plugins/culvert-apn plugins/culvert-conf conf ikev2 lib'
	[plugins/culvert-rekey]='plugins/culvert-rekey plugins/culvert-conf conf ikev2 lib'
)

check() { # ROOT
	local root=$1 bad=0 folder file header home
	while IFS= read -r file; do
		folder=$(dirname "$file")
		if [ -z "${allowed[$folder]:-}" ]; then
			echo "$file: folder $folder has no line in tests/lint/includes.sh"
			bad=1
			continue
		fi
		while IFS= read -r header; do
			home=$(dirname "$header")
			[ "$home" != . ] || home=$folder
			if [[ " ${allowed[$folder]} " != *" $home "* ]]; then
				echo "$file: includes $header; $folder may include: ${allowed[$folder]}"
				bad=1
			fi
		done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$root/$file")
		if [[ $folder != plugins/* ]] && grep -nE '^#include <(daemon|library|plugins/|sa/|bus/|config/|credentials/|utils/|collections/|processing/|encoding/)' "$root/$file"; then
			echo "$file: includes a header of libcharon or libstrongswan; only plugins/ may"
			bad=1
		fi
	done < <(cd "$root" && find lib ikev2 conf appliance plugins -name '*.[ch]' | sort)
	return $bad
}

check .

# The check must be able to fail: each forbidden line, put into a copy, has to be found.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
while read -r file line; do
	rm -rf "${work:?}"/*
	cp -r lib ikev2 conf appliance plugins "$work"
	echo "$line" >>"$work/$file"
	if check "$work" >/dev/null; then
		echo "not noticed: '$line' in $file"
		exit 1
	fi
done <<'LINES'
lib/buf.c #include "conf/model.h"
conf/print.c #include "appliance/isolation/plan.h"
ikev2/suite.c #include <daemon.h>
appliance/isolation/plan.c #include "appliance/daemon/generation.h"
LINES
