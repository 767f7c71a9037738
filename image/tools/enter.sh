#!/bin/bash
# enter.sh [-w] TREE SRC CACHE CMD...: runs CMD inside the tools tree, SRC at /src, CACHE at /cache.
# The tree is read-only (-w: writable), /run /tmp /var/tmp /root are private and vanish at the end. Own mount and PID
# namespaces: when this process ends in whatever way, every process and mount inside ends with it. Root, or an
# ordinary user through a user namespace. CMD's exit code passes through; so does the terminal.
set -euo pipefail

writable=
if [ "${1:-}" = -w ]; then
	writable=1
	shift
fi
[ $# -ge 4 ] || { echo "usage: enter.sh [-w] TREE SRC CACHE CMD..." >&2; exit 2; }
export E_TREE=$1 E_SRC=$2 E_CACHE=$3 E_WRITABLE=$writable
shift 3

user=()
[ "$(id -u)" = 0 ] || user=(--user --map-root-user)

# setpriv: when the caller dies, unshare dies; --kill-child: then PID 1 of the namespace dies, and all with it.
exec setpriv --pdeathsig KILL unshare "${user[@]}" --mount --pid --fork --kill-child=KILL --propagation private -- \
	bash -c '
set -e
t=$E_TREE
mount --bind "$t" "$t"
mount -t proc -o nosuid,nodev,noexec proc "$t/proc"
mount --rbind /sys "$t/sys"
mount -t tmpfs -o mode=755,nosuid dev "$t/dev"
mkdir -p "$t"/dev/{pts,shm,net}
for n in null zero full random urandom tty net/tun; do
	[ ! -e /dev/$n ] || { : >"$t/dev/$n"; mount --bind /dev/$n "$t/dev/$n"; }
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$t/dev/pts"
ln -s pts/ptmx "$t/dev/ptmx"
ln -s /proc/self/fd "$t/dev/fd"
ln -s fd/0 "$t/dev/stdin"; ln -s fd/1 "$t/dev/stdout"; ln -s fd/2 "$t/dev/stderr"
for d in run tmp var/tmp dev/shm root; do mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$t/$d"; done
chmod 755 "$t/run"; chmod 700 "$t/root"; mkdir -p "$t/run/lock"
mount --bind "$E_SRC" "$t/src"
mount --bind "$E_CACHE" "$t/cache"
[ ! -e /etc/resolv.conf ] || mount --bind /etc/resolv.conf "$t/etc/resolv.conf"
[ "$E_WRITABLE" ] || mount -o remount,bind,ro "$t"
mkdir -p "$t/tmp/.old"
cd "$t"
pivot_root . tmp/.old
cd /
umount -l /tmp/.old
rmdir /tmp/.old
cd /src
unset E_TREE E_SRC E_CACHE E_WRITABLE
set +e
trap : INT TERM HUP   # PID 1 ignores what it does not handle; the command gets the terminal signal itself
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/llvm-19/bin HOME=/root \
	TERM="${TERM:-dumb}" LANG=C.UTF-8 CULVERT_TREE=1 OWNER="${OWNER:-0:0}" "$@"
' enter "$@"
