#!/bin/bash
# install.sh BUILD STRONGSWAN DESTDIR: the one place that says which file goes where.
set -euo pipefail

build=${1:?usage: install.sh BUILD STRONGSWAN DESTDIR}
strongswan=${2:?usage: install.sh BUILD STRONGSWAN DESTDIR}/dest/usr/lib/culvert
dest=${3-}
[ -d "$strongswan" ] || { echo "install.sh: no strongSwan in $strongswan" >&2; exit 1; }

file() { # MODE FROM TO
	install -D -m "$1" "$2" "$dest$3"
}

file 755 "$build/culvertd" /usr/sbin/culvertd
file 755 "$build/culvert" /usr/bin/culvert

# strongSwan: libraries, charon-systemd, swanctl for support, and the plugins that culvert's strongswan.conf loads.
# Not kernel-libipsec, load-tester, test-vectors: they are for tests, and load-tester bypasses authentication.
for lib in libstrongswan libcharon libvici libtpmtss; do
	file 644 "$strongswan/$lib.so.0.0.0" /usr/lib/culvert/$lib.so.0
done
file 755 "$strongswan/sbin/charon-systemd" /usr/lib/culvert/sbin/charon-systemd
file 755 "$strongswan/sbin/swanctl" /usr/lib/culvert/sbin/swanctl
for plugin in constraints drbg kdf kernel-netlink nonce openssl pem pkcs1 pkcs8 pubkey random revocation socket-default tpm vici x509; do
	file 644 "$strongswan/plugins/libstrongswan-$plugin.so" /usr/lib/culvert/plugins/libstrongswan-$plugin.so
done
for plugin in "$build"/libstrongswan-culvert-*.so; do
	file 644 "$plugin" "/usr/lib/culvert/plugins/${plugin##*/}"
done

file 644 plugins/culvert-conf/strongswan.conf /etc/culvert/strongswan.conf
file 644 conf/culvert.conf.example /usr/share/doc/culvert/culvert.conf.example
file 644 conf/REFERENCE.md /usr/share/doc/culvert/REFERENCE.md
file 644 conf/culvert.conf.5 /usr/share/man/man5/culvert.conf.5
file 644 appliance/cmd/culvert.1 /usr/share/man/man1/culvert.1
file 644 appliance/daemon/culvertd.8 /usr/share/man/man8/culvertd.8
install -d -m 700 "$dest/etc/culvert/secrets"

for unit in appliance/units/*.service; do
	file 644 "$unit" "/usr/lib/systemd/system/${unit##*/}"
done
file 644 appliance/units/culvert.sysusers /usr/lib/sysusers.d/culvert.conf
file 644 appliance/units/culvert.sysctl /usr/lib/sysctl.d/60-culvert.conf
file 644 appliance/units/culvert.rules /usr/lib/udev/rules.d/99-zz-culvert.rules
file 644 appliance/units/culvert.link /usr/lib/systemd/network/10-culvert.link
file 644 appliance/units/culvert.network /usr/lib/systemd/network/10-culvert.network
file 644 appliance/units/culvert.networkd /usr/lib/systemd/networkd.conf.d/culvert.conf
