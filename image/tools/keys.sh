# Sourced, in the checkout's root: names below $CACHE, each from the hash of what makes that part.
# shellcheck shell=bash disable=SC2034
hash_of() {
	sha256sum -- "$@" | sha256sum | cut -c1-16
}
tree=tree-$(hash_of image/tools/{packages,sources.sh,tree.sh})
strongswan=strongswan-$(echo "$tree" | cat - ikev2/strongswan/{pin,build.sh,*.patch} | sha256sum | cut -c1-16)
strongswan_san=${strongswan/strongswan/strongswan-san}
lab=lab-$(echo "$tree" | cat - tests/lab/{packages,root.sh} | sha256sum | cut -c1-16)
