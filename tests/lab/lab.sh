#!/bin/bash
# The lab machine: QEMU without KVM, Debian 13 with systemd as PID 1, Culvert's package installed, the checkout at /share.
# Runs in the tools tree; everything it starts ends with it.
#   lab.sh run CMD...   boots a lab, runs CMD in it, ends it; CMD's exit code
#   lab.sh boot CMD...  the same, but CMD runs here, with $LAB naming this script ("$LAB" ssh CMD..., "$LAB" restart)
#   lab.sh shell        a shell in the running lab, or in one booted for it
#   lab.sh ssh CMD...   CMD in the running lab
#   lab.sh restart      reboots the running lab's system; its disk keeps what was written
# LABDIR (build/lab) holds disk.ext4 and key; LABROOT the kernel.
set -euo pipefail

labdir=${LABDIR:-/src/build/lab}
labroot=${LABROOT:?LABROOT names the folder with vmlinuz}
run=$labdir/run
limit=${BOOT_LIMIT:-240} # seconds for a boot; 15 is usual
export LAB
LAB=$(cd "$(dirname "$0")" && pwd)/lab.sh

# sshd polls the port twice in one call, and the guest's virtio_console does not wake it for what comes between the two: it lies there
# until something else comes. So something does after each second of silence; Debian's ssh alone would wait 300.
ssh_options() { # PORT
	printf '%s\n' -F none -i "$labdir/key" -o ControlPath="$run/ssh$1" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR -o ProxyCommand="socat STDIO UNIX-CONNECT:$run/port$1" -o BatchMode=yes \
		-o ServerAliveInterval=1 -o ServerAliveCountMax=900
}

in_lab() { # CMD..., quoted for the remote shell; a terminal if there is one
	local options tty=()
	mapfile -t options < <(ssh_options 1)
	[ ! -t 0 ] || [ ! -t 1 ] || tty=(-tt)
	ssh "${options[@]}" "${tty[@]}" lab "${@@Q}"
}

connect() {
	local options
	mapfile -t options < <(ssh_options 1)
	# One connection for all commands. The client waits in QEMU's socket until the machine's sshd reads it.
	timeout "$limit" ssh "${options[@]}" -o ControlMaster=yes -o ControlPersist=yes -o ConnectTimeout="$limit" lab true \
		2>"$run/ssh.log" </dev/null
}

await_socket() { # SOCKET PID LOG
	until [ -S "$1" ]; do
		kill -0 "$2" 2>/dev/null || { cat "$3" >&2; exit 1; }
		sleep 0.02 # a shell has no way to wait for a socket and a process
	done
}

# Starts QEMU on run/disk. A restart is a new QEMU as well: what was on its way on the serial ports is gone with the old.
start() {
	local boots=3
	until launch && connect; do
		# The threads of an emulated machine can trip over each other while its memory is laid out, long before a test begins.
		if ! grep -qs 'iotlb_to_section: Assertion' "$run/qemu.log" || ((--boots == 0)); then
			echo "the lab machine did not come up within $limit s; its console:" >&2
			tail -n 40 "$run/console" "$run/ssh.log" "$run/qemu.log" >&2
			exit 1
		fi
		echo "QEMU ended by an assertion of its own, the lab machine is booted once more" >&2
		rm -f "$run"/port* "$run/fs"
	done
}

launch() {
	/usr/libexec/virtiofsd --socket-path="$run/fs" --shared-dir /src --cache auto --sandbox chroot --log-level error \
		>"$run/fs.log" 2>&1 9>&- &
	await_socket "$run/fs" $! "$run/fs.log"

	# la57 off and q35's unused parts off: each saves seconds of an emulated boot.
	local args=(-M "q35,sata=off,smbus=off,vmport=off" -accel "tcg,thread=multi" -cpu "max,-la57" -smp 2 -m 2048
		-nodefaults -no-user-config -display none -no-reboot -pidfile "$run/pid"
		-object "memory-backend-memfd,id=m,size=2048M,share=on" -numa "node,memdev=m"
		-device virtio-rng-pci -chardev "file,id=console,path=$run/console,append=on" -serial chardev:console -device virtio-serial-pci
		-chardev "socket,id=fs,path=$run/fs" -device "vhost-user-fs-pci,queue-size=1024,chardev=fs,tag=share"
		-drive "if=none,id=d,file=$run/disk,format=raw,cache=unsafe" -device "nvme,serial=lab,drive=d")
	local port
	for port in 1 2; do
		args+=(-chardev "socket,id=p$port,path=$run/port$port,server=on,wait=off"
			-device "virtserialport,chardev=p$port,name=lab.$port,nr=$port")
	done
	local line="root=/dev/nvme0n1 rootfstype=ext4 rw console=ttyS0 quiet mitigations=off random.trust_cpu=on tsc=reliable"
	line+=" no_timer_check panic=-1 systemd.show_status=no systemd.journald.max_level_console=warning systemd.log_target=journal"
	qemu-system-x86_64 "${args[@]}" -kernel "$labroot/vmlinuz" -append "$line" >"$run/qemu.log" 2>&1 9>&- &
	await_socket "$run/port1" $! "$run/qemu.log"
}

boot() {
	[ -f "$labdir/disk.ext4" ] || { echo "lab.sh: $labdir/disk.ext4 is missing" >&2; exit 1; }
	mkdir -p "$run"
	exec 9>"$labdir/lock"
	flock -n 9 || { echo "a lab of this checkout is already running: end it first, or get a shell in it with make lab" >&2; exit 1; }
	rm -f "$run"/*
	cp --sparse=always "$labdir/disk.ext4" "$run/disk"
	start
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
run)
	boot
	in_lab "$@"
	;;
boot)
	boot
	"$@"
	;;
ssh)
	in_lab "$@"
	;;
shell)
	mkdir -p "$labdir"
	exec 8>"$labdir/lock"
	if flock -n 8; then
		exec 8>&-
		boot
		in_lab bash -l
	else
		mapfile -t options < <(ssh_options 2)
		# Its sshd serves one connection and ends with it, which ssh takes for a fault.
		ssh "${options[@]}" -tt lab || [ $? = 255 ]
	fi
	;;
restart)
	mapfile -t options < <(ssh_options 1)
	machine=$(cat "$run/pid")
	# A machine that is fast to go down takes the connection along (255); that it goes is seen below.
	in_lab systemd-run --quiet --no-block --on-active=1 systemctl reboot || [ $? = 255 ]
	ssh "${options[@]}" -O exit lab 2>/dev/null || [ $? = 255 ]
	timeout "$limit" tail --pid="$machine" -f /dev/null # -no-reboot: QEMU ends when the machine resets
	rm -f "$run"/port* "$run/fs"
	start
	;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
