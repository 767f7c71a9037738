#!/bin/bash
# The kernel takes every golden ruleset, twice in a row (the second replaces the first), in a network namespace of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${1:-}" != inside ]; then
	exec unshare --net "$0" inside
fi
for file in tests/golden/*/nft; do
	for _ in 1 2; do
		nft -f "$file"
	done
	# What stands is one table whose forward chain drops what no rule accepts.
	[ "$(nft list tables)" = 'table inet culvert' ]
	[[ $(nft list chain inet culvert forward) == *'policy drop;'* ]]
	nft delete table inet culvert
	echo "$file loads"
done
# A text with one error leaves what was there.
nft -f tests/golden/example/nft
before=$(nft list ruleset)
if { cat tests/golden/two-links/nft; echo 'add element inet culvert pool4 { nonsense }'; } | nft -f - 2>/dev/null; then
	echo 'a wrong text was loaded'
	exit 1
fi
[ "$before" = "$(nft list ruleset)" ]
echo 'a wrong text changes nothing'
