#!/bin/bash
# Makes the lab machine's disk: image.sh LABROOT DEB DIR puts DIR/disk.ext4 and DIR/key. The Culvert package is
# installed as an operator would install it, so units, boot order and dependencies are real. Runs in the tools tree.
set -euo pipefail

labroot=${1:?usage: image.sh LABROOT DEB DIR}
deb=${2:?usage: image.sh LABROOT DEB DIR}
out=${3:?usage: image.sh LABROOT DEB DIR}

mkdir -p "$out"
work=$(mktemp -d)
root=$work/root
cp -a "$labroot/root" "$root"

# Kept, so that a lab that is running can still be entered.
[ -f "$out/key" ] || ssh-keygen -q -t ed25519 -N '' -C lab -f "$out/key"
cp "$out/key.pub" "$root/root/.ssh/authorized_keys"
ssh-keygen -q -t ed25519 -N '' -C lab -f "$root/etc/ssh/lab_host_key"

if [ "$deb" != none ]; then
	cp "$deb" "$root/culvert.deb"
	if ! chroot "$root" dpkg --force-unsafe-io --install /culvert.deb >"$work/dpkg.log" 2>&1; then
		cat "$work/dpkg.log" >&2
		exit 1
	fi
	rm "$root/culvert.deb"
fi
rm -f "$out/disk.part"
truncate -s 2G "$out/disk.part"
mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,nodiscard -L lab -d "$root" "$out/disk.part"
mv "$out/disk.part" "$out/disk.ext4"
