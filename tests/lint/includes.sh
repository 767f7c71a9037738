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

rules=
for folder in "${!allowed[@]}"; do
	rules+="$folder=${allowed[$folder]};"
done

judge='
BEGIN {
	n = split(rules, rule, ";")
	for (i = 1; i < n; i++) {
		split(rule[i], part, "=")
		allowed[part[1]] = part[2]
	}
}
FNR == 1 {
	folder = FILENAME
	sub("/[^/]*$", "", folder)
	if (!(folder in allowed)) {
		print FILENAME ": folder " folder " has no line in tests/lint/includes.sh"
		bad = 1
	}
}
!(folder in allowed) { next }
/^#include ".*"/ {
	split($0, quoted, "\"")
	home = quoted[2]
	if (!sub("/[^/]*$", "", home))
		home = folder
	if (!index(" " allowed[folder] " ", " " home " ")) {
		print FILENAME ": includes " quoted[2] "; " folder " may include: " allowed[folder]
		bad = 1
	}
}
/^#include <(daemon|library|plugins\/|sa\/|bus\/|config\/|credentials\/|utils\/|collections\/|processing\/|encoding\/)/ && folder !~ "^plugins/" {
	print FILENAME ":" FNR ": includes a header of libcharon or libstrongswan; only plugins/ may"
	bad = 1
}
END { exit bad }
'
check() { # ROOT
	(cd "$1" && find lib ikev2 conf appliance plugins -name '*.[ch]' | sort | xargs awk -v rules="$rules" "$judge")
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
