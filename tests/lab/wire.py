"""Sockets and captures in any namespace, from one process.

Whether a datagram arrived is decided by its token, a text that no other datagram carries. That one did not arrive is
known without waiting: after it a fence, an allowed datagram, is sent the same way; when the fence is seen, whatever
was before it has either been seen or been dropped.
"""

import errno
import itertools
import re
import secrets
import socket
import struct

import frame
import netns
import packets

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
ARPHRD_ETHER = 1
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35
BUFFER = 32 << 20  # octets; a capture is read when asked, not while it runs
LIMIT = 20  # seconds for a datagram to cross the lab; 0.05 is usual

_run = f"cvt{secrets.token_hex(4)}x".encode()
_count = itertools.count(1)


def token():
    """A text of 18 ASCII letters and digits that no other datagram carries."""
    return _run + f"{next(_count):06d}".encode()


def tokens_in(one):
    """The tokens of this run that a frame shows in clear."""
    return re.findall(_run + rb"[0-9]{6}", one.raw)


def udp(namespace, address, port=0):
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, port))
    sock.settimeout(LIMIT)
    return sock


def tcp(namespace, address, port=0):
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.settimeout(LIMIT)
    return sock


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _send_as_six(namespace, source, target, payload):
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with sock:
        sock.sendto(packets.udp(source[0], target[0], source[1], target[1], payload), (target[0], 0))


def send_as(namespace, source, target, payload):
    """Sends a UDP datagram with any source; source and target are (address, port)."""
    if ":" in target[0]:
        _send_as_six(namespace, source, target, payload)
        return
    length = 8 + len(payload)
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0, 64, frame.UDP, 0) + addresses
    datagram = struct.pack("!HHHH", source[1], target[1], length, 0) + payload  # checksum 0: none
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with sock:
        sock.sendto(header + datagram, (target[0], 0))


def ping(namespace, target):
    """One ICMP echo; True when the answer comes in time."""
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    mark = b"ping%06d" % next(_count)
    body = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + mark
    request = body[:2] + struct.pack("!H", _checksum(body)) + body[4:]
    with sock:
        sock.settimeout(LIMIT)
        sock.sendto(request, (target, 0))
        try:
            while True:
                answer = sock.recv(2048)
                if answer[20] == 0 and mark in answer:
                    return True
        except TimeoutError:
            return False


def arping(namespace, interface, target):
    """Asks who has that address, in nobody's name; True when the answer comes in time. Whatever the target lets in or out,
    this it answers, behind all that came to it before."""
    nobody = target.rpartition(".")[0] + ".250"  # no address of the lab's: no other answer goes there
    with netns.inside(namespace):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((interface, frame.ETH_ARP))
    with sock:
        own = sock.getsockname()[4]
        ends = own + socket.inet_aton(nobody) + bytes(6) + socket.inet_aton(target)
        sock.send(b"\xff" * 6 + own + struct.pack("!HHHBBH", frame.ETH_ARP, 1, 0x0800, 6, 4, 1) + ends)
        sock.settimeout(LIMIT)
        try:
            while True:
                answer = sock.recv(2048)
                if answer[20:22] == b"\0\2" and answer[28:32] == ends[16:20] and answer[38:42] == ends[6:10]:
                    return True
        except TimeoutError:
            return False


class Capture:
    """Every frame seen on an interface since the capture was made, in the kernel's order."""

    def __init__(self, namespace, interface):
        self.namespace, self.interface = namespace, interface
        self._frames = []
        with netns.inside(namespace):
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
            self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._sock.bind((interface, ETH_P_ALL))
        self._ethernet = self._sock.getsockname()[3] == ARPHRD_ETHER
        self._sock.setblocking(False)

    def __str__(self):
        return f"{self.namespace or 'gateway'} {self.interface}"

    def _drain(self):
        while True:
            try:
                raw, control, _, _ = self._sock.recvmsg(65536, 64)
            except BlockingIOError:
                break
            except OSError as error:  # the interface went down or away: said once, what was captured stays
                if error.errno not in (errno.ENETDOWN, errno.ENODEV):
                    raise
                continue
            seconds, nanoseconds = struct.unpack_from("qq", control[0][2])
            self._frames.append(frame.Frame(raw, seconds + nanoseconds / 1e9, self._ethernet))
        _, drops = struct.unpack("II", self._sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if drops:
            raise RuntimeError(f"the capture on {self} lost {drops} frames: no verdict can rest on it")

    def frames(self, since=0):
        """The frames captured so far, from number since on."""
        self._drain()
        return self._frames[since:]

    def mark(self):
        """The number of frames so far, for frames(since)."""
        return len(self.frames())

    def find(self, text, since=0):
        """The first frame that contains text anywhere in its octets, or None."""
        return next((one for one in self.frames(since) if text in one.raw), None)

    def close(self):
        self._sock.close()
