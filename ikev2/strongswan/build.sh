#!/bin/bash
# Builds the pinned strongSwan for /usr/lib/culvert. Runs in the tools tree.
# build.sh TARBALL DIR: DIR gets dest/ (what ships), src/ and build/ (headers and config.h for the plugins), and is
# renamed into place when complete. CULVERT_SANITIZE=1 builds what two charons need to meet under ASan and UBSan, and
# unpatched/: libcharon without the cures of what tests/plugins/reproducer_test.py provokes.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=ikev2/strongswan/pin
. "$here/pin"
tarball=${1:?usage: build.sh TARBALL DIR}
out=${2:?usage: build.sh TARBALL DIR}
part=$out.part
log=$part/log
prefix=/usr/lib/culvert

rm -rf "$part"
mkdir -p "$part/src" "$part/build"
tar xf "$tarball" -C "$part/src" --strip-components=1
for p in "$here"/*.patch; do
	patch -s -d "$part/src" -p1 <"$p"
done

# What an IKEv2 gateway with PSK and X.509 needs, nothing else; IKEv1 is not compiled.
configure=(
	"--prefix=$prefix" "--libdir=$prefix" "--libexecdir=$prefix" "--bindir=$prefix/bin" "--sbindir=$prefix/sbin"
	--sysconfdir=/etc/culvert --with-strongswan-conf=/etc/culvert/strongswan.conf --with-swanctldir=/etc/culvert/swanctl
	"--with-ipseclibdir=$prefix" "--with-ipsecdir=$prefix/libexec" "--with-plugindir=$prefix/plugins"
	--with-piddir=/run/culvert "--with-systemdsystemunitdir=$prefix/units" --with-capabilities=libcap
	"--datarootdir=$prefix/share" "--mandir=$prefix/man" --localstatedir=/var
	--disable-static --disable-dependency-tracking --disable-defaults
	--enable-ikev2 --enable-charon --enable-systemd --enable-swanctl --enable-vici
	--enable-nonce --enable-random --enable-drbg --enable-openssl --enable-kdf
	--enable-pem --enable-pkcs1 --enable-pkcs8 --enable-pubkey --enable-x509 --enable-revocation --enable-constraints
	--enable-kernel-netlink --enable-socket-default
)
# What is for tests only is never installed by `make install`: load-tester would bypass authentication.
if [ "${CULVERT_SANITIZE:-}" ]; then
	# METHOD() calls through the interface's type, packets are read where they lie, an empty chunk is NULL of 0 octets:
	# idioms, not faults.
	sanitize="-fsanitize=address,undefined -fno-sanitize=function,alignment,pointer-overflow,nonnull-attribute -fno-sanitize-recover=undefined"
	# And this one, which is for tests only, reads a flag that nobody has set.
	printf '[bool]\nsrc:*/kernel_libipsec_ipsec.c\n' >"$part/ignore"
	sanitize+=" -fsanitize-ignorelist=$part/ignore"
	export CC=clang-19 CFLAGS="-O1 -gline-tables-only $sanitize -fno-omit-frame-pointer -ffile-prefix-map=$part=."
	export LDFLAGS=$sanitize
	configure+=(--enable-kernel-libipsec)
else
	export CFLAGS="-O2 -g -fstack-protector-strong -fstack-clash-protection -fcf-protection -D_FORTIFY_SOURCE=3 -Wformat -Werror=format-security -ffile-prefix-map=$part=."
	export LDFLAGS="-Wl,-z,relro -Wl,-z,now"
	configure+=(--enable-tpm --enable-tss-tss2 --enable-load-tester --enable-kernel-libipsec --enable-test-vectors)
fi
step() {
	echo "strongSwan $STRONGSWAN_VERSION: $1"
	shift
	"$@" >>"$log" 2>&1 || { tail -n 30 "$log" >&2; echo "strongSwan: failed, whole log in ${log/#\/cache/the cache folder}" >&2; exit 1; }
}
cd "$part/build"
step configure ../src/configure "${configure[@]}"
step 'compile (about 2 minutes)' make -j"$(nproc)"
step install make install DESTDIR="$part/dest"
# Units would alias Debian's, the rest is for developers.
lib=$part/dest$prefix
rm -rf "$lib"/{units,libexec,include,man,share} "$lib"/*.la "$lib"/plugins/*.la
if [ "${CULVERT_SANITIZE:-}" ]; then
	cures=(rekey-children rekey-move rekey-unlink shutdown-destroy shutdown-segments)
	for p in "${cures[@]}"; do
		patch -s -R -d "$part/src" -p1 <"$here/$p.patch"
	done
	step 'libcharon without the cures' make -C src/libcharon libcharon.la
	install -D -m 644 src/libcharon/.libs/libcharon.so.0.0.0 "$part/unpatched/libcharon.so.0"
	for p in "${cures[@]}"; do
		patch -s -d "$part/src" -p1 <"$here/$p.patch"
	done
fi
find "$part/build" -name '*.o' -delete
rm -rf "$out"
mv "$part" "$out"
