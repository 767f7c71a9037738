"""Numbered datagrams in both directions all the time, and what became of each."""

import itertools
import select
import socket
import struct
import threading
import time

import topology
import wire

# Ports of their own, so that the lab's echo services do not answer.
UP, DOWN = 5690, 5691
SETTLE = 20  # seconds for the last ones to arrive, behind a key that comes late


class _Direction:
    """One sender, one receiver. Times are the kernel's, in seconds."""

    def __init__(self, name, source, target):
        self.name = name
        self._sender = wire.udp(*source)
        self._target = target[1:]
        self.receiver = wire.udp(target[0], *target[1:])
        self.receiver.setblocking(False)
        self.receiver.setsockopt(socket.SOL_SOCKET, wire.SO_TIMESTAMPNS, 1)
        self.receiver.setsockopt(socket.SOL_SOCKET, wire.SO_RCVBUFFORCE, wire.BUFFER)
        self.sent, self.arrived, self.twice = [], {}, 0  # time of each number; number to time

    def send(self):
        number = len(self.sent)
        self.sent.append(time.time())
        try:
            self._sender.sendto(b"%08d" % number, self._target)
        except OSError:  # an ICMP error of an earlier one; this one counts as sent, and as lost
            pass

    def collect(self):
        while True:
            try:
                payload, control, _, _ = self.receiver.recvmsg(64, 64)
            except BlockingIOError:
                return
            number = int(payload)
            self.twice += number in self.arrived
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            self.arrived.setdefault(number, seconds + nanoseconds / 1e9)

    def lost(self, since=0, until=None):
        """Numbers in [since, until) that did not arrive."""
        until = len(self.sent) if until is None else until
        return [one for one in range(since, until) if one not in self.arrived]

    def blocked(self, since, until):
        """The longest silence at the receiver while these were sent, in seconds beyond the sender's own."""
        numbers = [one for one in range(max(0, since - 1), until) if one in self.arrived]
        longest, newest = 0.0, None
        for one in sorted(numbers, key=self.arrived.get):
            if newest is not None:
                after = min(newest + 1, len(self.sent) - 1)
                own = self.sent[after] - self.sent[newest]
                longest = max(longest, self.arrived[one] - self.arrived[newest] - own)
            newest = one
        return longest

    def close(self):
        self._sender.close()
        self.receiver.close()


class Numbered(threading.Thread):
    """Devices to the cloud host, and it to the devices, rate datagrams a second each way."""

    def __init__(self, rate):
        super().__init__(daemon=True)
        cloud, device = ("cloud", topology.CLOUD), ("dev1", topology.DEV1)
        self.up = _Direction("up", (*device, 40100), (*cloud, UP))
        self.down = _Direction("down", (*cloud, 40101), (*device, DOWN))
        self.both = (self.up, self.down)
        self._rate, self._end = rate, threading.Event()
        self.start()

    def run(self):
        due = time.monotonic()
        for direction in itertools.cycle(self.both):
            self._collect(due)
            if self._end.is_set():
                break
            direction.send()
            due = max(due + 0.5 / self._rate, time.monotonic())
        end = time.monotonic() + SETTLE
        while time.monotonic() < end and any(one.lost() for one in self.both):
            self._collect(time.monotonic() + 0.1)

    def _collect(self, until):
        while True:
            ready = select.select([one.receiver for one in self.both], [], [], max(0, until - time.monotonic()))[0]
            for direction in self.both:
                if direction.receiver in ready:
                    direction.collect()
            if time.monotonic() >= until:
                return

    def mark(self):
        """The next number of each direction."""
        return [len(one.sent) for one in self.both]

    def flows(self, count=10, limit=30):
        """Waits until that many more have arrived each way; whether they did."""
        wanted, end = [len(one.arrived) + count for one in self.both], time.monotonic() + limit
        while time.monotonic() < end:
            if all(len(one.arrived) >= w for one, w in zip(self.both, wanted)):
                return True
            time.sleep(0.02)  # both ends are threads of their own
        return False

    def stop(self):
        self._end.set()
        self.join()
        for one in self.both:
            one.close()
