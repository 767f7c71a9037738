"""drift-repair: how soon a rule that somebody deletes by hand is back."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))

import measure

NAME = "drift-repair"
WHAT = ("a rule of the walls deleted by hand, till the kernel says that it is back: wall seconds in an idle lab machine. Ours: culvertd, left "
        "alone. Peer: culvertd held while the rule is deleted, then `culvert reload`, the whole repair that an operator would ask "
        "for. CPU seconds of culvertd are in the runs")
UNIT = "s"
GOAL_OURS = 0.1
SIZE, SMALL = 9, 1
LAB = "boot"

_NETLINK_NETFILTER, _NFTABLES_GROUP, _SOL_NETLINK, _ADD_MEMBERSHIP = 12, 7, 270, 1
_NEWRULE, _DELRULE = 0xA06, 0xA08
LIMIT = 60  # seconds
PATIENCE = 6  # seconds; culvertd waits up to 5 after it has looked often


class _Events:
    """When rules come and go, as the kernel tells it."""

    def __init__(self):
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._sock.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE: a whole table comes
        self._sock.bind((0, 0))
        self._sock.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFTABLES_GROUP)
        self._sock.settimeout(LIMIT)

    def await_any(self, kind):
        """The moment at which such a message comes."""
        while True:
            data, at = self._sock.recv(1 << 16), 0
            while at + 16 <= len(data):
                length, message = struct.unpack_from("=IH", data, at)
                if message == kind:
                    return time.monotonic()
                at += (length + 3) & ~3

    def close(self):
        self._sock.close()


class Bench:
    def __init__(self, size):
        import drift  # pylint: disable=import-outside-toplevel; these are there in the lab machine only
        import lab  # pylint: disable=import-outside-toplevel
        self.drift, self.lab, self.times = drift, lab, size
        lab.clear()
        lab.topology.build()
        lab.topology.plug_in()
        lab.gateway.configure(lab.operators_file.example(), {"vodafone-cz.psk": lab.operators_file.PSK + "\n"})
        lab.gateway.start()
        self.pid = lab.gateway.systemd.main_pid(lab.gateway.CULVERTD)

    def _quiet(self):
        """Until a change is looked at at once again, and culvertd has nothing left to do."""
        calm, last = 0, measure.cpu_of(self.pid)
        end = time.monotonic() + LIMIT
        while calm < PATIENCE and time.monotonic() < end:
            time.sleep(1)  # no event tells that nothing happens
            spent = measure.cpu_of(self.pid)
            calm = calm + 1 if spent - last < 0.02 else 0
            last = spent

    def _measure(self, repair):
        taken, began = [], measure.cpu_of(self.pid)
        for _ in range(self.times):
            self._quiet()
            handle = self.drift.handle("from_device", "hairpin")
            events = _Events()
            with contextlib.closing(events):
                taken.append(repair(events, handle))
            assert self.drift.handle("from_device", "hairpin") != handle, "it is not back"
        taken.sort()
        return {"value": round(taken[len(taken) // 2], 4), "worst": round(taken[-1], 4),
                "cpu": round((measure.cpu_of(self.pid) - began) / self.times, 4)}

    def _delete(self, handle):
        return subprocess.Popen(["nft", "delete", "rule", *self.lab.gateway.TABLE, "from_device", "handle", handle])

    def _alone(self, events, handle):
        with self._delete(handle):
            deleted = events.await_any(_DELRULE)
            return events.await_any(_NEWRULE) - deleted

    def _asked(self, events, handle):
        os.kill(self.pid, 19)  # SIGSTOP
        with self._delete(handle):
            pass
        events.await_any(_DELRULE)
        # What happened meanwhile is not to be noticed before the reload: both are there when culvertd goes on.
        began = time.monotonic()
        with subprocess.Popen(["culvert", "reload"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as reload:
            os.kill(self.pid, 18)  # SIGCONT
            assert reload.wait(LIMIT) in (0, 1)
        events.await_any(_NEWRULE)
        return time.monotonic() - began

    def ours(self, run):
        return self._measure(self._alone)

    def peer(self, run):
        return self._measure(self._asked)

    def close(self):
        self.lab.clear()
