#!/bin/bash
# Builds the lab machine's root folder and kernel: root.sh DIR makes DIR/root and DIR/vmlinuz. Runs in the tools tree
# as root. Nothing of Culvert is in it: image.sh adds the package, so this part is cached for long.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:?usage: root.sh DIR}
part=$out.part
rm -rf "$part"
mkdir -p "$part/debs"

# libreswan is unpacked, not installed (see packages); the kernel too: no initrd, no boot loader are needed.
unpack='set -e; cd '$part'/debs; export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/ *Depends: \(linux-image-[^ ]*\)/\1/p" | head -n 1)
apt-get -q download libreswan "$kernel"
for d in *.deb; do dpkg -x "$d" "$1"; done
version=$(ls "$1/lib/modules"); chroot "$1" depmod "$version"; mv "$1/boot/vmlinuz-$version" '$part'/vmlinuz'
mmdebstrap --mode=root --variant=apt --format=directory \
	--include="$(grep -v '^#' "$here/packages" | paste -sd,)" \
	--aptopt=/etc/culvert-tools/apt.conf \
	--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
	--setup-hook='mkdir -p "$1/usr/local/share/ca-certificates"; cp -a /usr/local/share/ca-certificates/. "$1/usr/local/share/ca-certificates/"' \
	--customize-hook="$unpack" \
	trixie "$part/root" /etc/culvert-tools/tools.list
root=$part/root
rm -rf "$part/debs" "${root:?}"/var/cache/apt/*.bin "${root:?}"/var/lib/apt/lists/* "${root:?}"/boot/*

echo lab >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 lab\n' >"$root/etc/hosts"
echo '/dev/nvme0n1 / ext4 rw,noatime 0 0' >"$root/etc/fstab"
mkdir -p "$root/share" "$root/root/.ssh"
chmod 700 "$root/root/.ssh"
mkdir -p "$root/etc/systemd/journald.conf.d"
cat >"$root/etc/systemd/journald.conf.d/lab.conf" <<'CONF'
[Journal]
Storage=volatile
RateLimitIntervalSec=0
CONF
mkdir -p "$root/etc/systemd/system.conf.d"
printf '[Manager]\nDefaultTimeoutStopSec=10s\n' >"$root/etc/systemd/system.conf.d/lab.conf" # also what a reboot waits for
echo 'blacklist kvm_amd' >"$root/etc/modprobe.d/lab.conf"

# What a machine of ten minutes does not need; each costs time under emulation.
for unit in getty.target getty@tty1.service serial-getty@ttyS0.service systemd-logind.service systemd-random-seed.service \
	systemd-tpm2-setup.service systemd-tpm2-setup-early.service dev-hugepages.mount dev-mqueue.mount \
	sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount systemd-pcrphase.service \
	systemd-hwdb-update.service systemd-firstboot.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
	e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-tmpfiles-clean.timer ssh.service ssh.socket \
	sshd-keygen.service strongswan.service ipsec.service systemd-update-utmp.service systemd-update-done.service; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

cat >"$root/etc/systemd/system/share.mount" <<'UNIT'
[Unit]
Description=The checkout
DefaultDependencies=no
Before=local-fs.target
[Mount]
What=share
Where=/share
Type=virtiofs
UNIT
# A shell for each virtio-serial port that the host opens: no network interface is needed to drive the lab.
cat >"$root/etc/systemd/system/lab-shell@.service" <<'UNIT'
[Unit]
Description=Shell on virtio port %i
DefaultDependencies=no
# The device first: opening its name too early would make a file of that name.
BindsTo=dev-virtio\x2dports-lab.%i.device
After=dev-virtio\x2dports-lab.%i.device local-fs.target systemd-tmpfiles-setup.service
Conflicts=shutdown.target
StartLimitIntervalSec=0
[Service]
ExecStartPre=/bin/mkdir -p /run/sshd
ExecStart=/bin/sh -c 'exec /usr/sbin/sshd -i -f /etc/ssh/lab_config <>/dev/virtio-ports/lab.%i >&0'
StandardError=journal
Restart=always
RestartSec=200ms
KillMode=process
UNIT
cat >"$root/etc/ssh/lab_config" <<'CONF'
HostKey /etc/ssh/lab_host_key
AuthorizedKeysFile /root/.ssh/authorized_keys
PermitRootLogin yes
StrictModes no
UsePAM no
PasswordAuthentication no
MaxSessions 64
AcceptEnv LAB_*
Subsystem sftp internal-sftp
CONF
mkdir -p "$root/etc/systemd/system/sysinit.target.wants" "$root/etc/systemd/system/local-fs.target.wants"
ln -s ../share.mount "$root/etc/systemd/system/local-fs.target.wants/share.mount"
for port in 1 2; do
	ln -s "../lab-shell@.service" "$root/etc/systemd/system/sysinit.target.wants/lab-shell@$port.service"
done
rm -rf "$out"
mv "$part" "$out"
