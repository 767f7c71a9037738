#!/bin/bash
# deb.sh STRONGSWAN FILE.deb: packs what install.sh installs. Runs in the tools tree; the same inputs give the same file.
set -euo pipefail

strongswan=${1:?usage: deb.sh STRONGSWAN FILE.deb}
out=${2:?usage: deb.sh STRONGSWAN FILE.deb}
version=$(cat VERSION)
work=$(mktemp -d)
root=$work/root

image/install.sh build/release "$strongswan" "$root"
find "$root" -type f \( -name '*.so' -o -name '*.so.0' -o -path '*/bin/*' -o -path '*/sbin/*' \) -exec strip --strip-unneeded {} +
install -D -m 644 LICENSE "$root/usr/share/doc/culvert/copyright"

# Library dependencies are read from the binaries; those between our own files are none of dpkg's business.
mkdir -p "$work/debian"
printf 'Source: culvert\n\nPackage: culvert\nArchitecture: amd64\n' >"$work/debian/control"
mapfile -t binaries < <(find "$root" -type f \( -name '*.so' -o -name '*.so.0' -o -path '*/bin/*' -o -path '*/sbin/*' \))
depends=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -l"$root/usr/lib/culvert" "${binaries[@]}" 2>"$work/shlibdeps.log" |
	sed -n 's/^shlibs:Depends=//p') || { cat "$work/shlibdeps.log" >&2; exit 1; }
[ "$depends" ] || { cat "$work/shlibdeps.log" >&2; exit 1; }

mkdir -p "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@DEPENDS@/$depends/" -e "s/@SIZE@/$(du -sk "$root" | cut -f1)/" image/deb/control >"$root/DEBIAN/control"
(cd "$root" && find etc -type f -printf '/%p\n' | sort) >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do
	install -m 755 "image/deb/$script" "$root/DEBIAN/$script"
done
mkdir -p "$(dirname "$out")"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || echo 0)} \
	dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$out.part" >/dev/null
mv "$out.part" "$out"
echo "  DEB $out"
