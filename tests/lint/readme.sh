#!/bin/bash
# What the documents claim, as far as files can show it: links lead somewhere, make targets exist, commands of culvert
# are known to it, names and numbers are those of the sources. What the README says of the wire is asserted by the
# scenario first-packet, and this test holds the list of its claims against that scenario's checks.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage=$(build/release/culvert --help)
bad=0
complain() {
	echo "$*"
	bad=1
}
documents=(README.md ARCHITECTURE.md CONTRIBUTING.md SECURITY.md CHANGELOG.md)

for doc in "${documents[@]}"; do
	while IFS= read -r link; do
		[ -e "$link" ] || complain "$doc: link to $link leads nowhere"
	done < <(grep -oP '\]\(\K[^)#]+' "$doc" | grep -v '^http' || [ $? = 1 ])
	while IFS= read -r target; do
		grep -qE "^([a-z]+ )*$target( [a-z]+)*:" Makefile || complain "$doc: there is no make target $target"
	done < <(grep -oP '(?<![\w-])`?make \K[a-z]+(?=[ `\n)]|$)' "$doc" | sort -u)
	while IFS= read -r word; do
		grep -q "^  $word " <<<"$usage" || complain "$doc: culvert has no command $word"
	done < <(grep -oP '`culvert \K[a-z]+' "$doc" | sort -u)
done

# Every target of the Makefile is in its help.
while IFS= read -r target; do
	[[ $target = tools* ]] || [ "$target" = help ] || make -s help | grep -q "make $target" || complain "make help does not say what $target does"
done < <(sed -n 's/^\.PHONY: //p' Makefile | tr ' ' '\n')

version=$(cat VERSION)
grep -q "culvert_${version}_amd64.deb" README.md || complain "README.md: names another version than $version"
grep -q "^## $version" CHANGELOG.md || complain "CHANGELOG.md: has no section $version"
grep -q 'SUITE_DEFAULT "aes256-sha256-modp2048"' ikev2/suite.h || complain 'the default suite is not the one that README.md promises'
grep -qE 'LIFETIME_CEILING = (3[0-5][0-9][0-9]|[12]?[0-9]{1,3}),' ikev2/lifetime.h || complain 'keys may live 60 minutes: README.md promises less'
. ikev2/strongswan/pin
grep -q "strongSwan $STRONGSWAN_VERSION" CHANGELOG.md || complain "CHANGELOG.md names another strongSwan than $STRONGSWAN_VERSION"
if grep -qE -- '--enable-ikev1|ikev1' <(sed -n '/^configure=(/,/^)/p' ikev2/strongswan/build.sh); then
	complain 'IKEv1 is compiled, CHANGELOG.md says it is not'
fi
exit $bad
