"""Sending at once from every place, and seeing on every interface of every namespace.

What the gateway has let through is what comes in from it: on the wires of cloud, Internet and administrators, and on the
carriers' outer wire, where the kernel shows what it has taken out of ESP. What its own sockets get, raw sockets get too.
"""

import contextlib
import errno
import socket
import struct
import time

import frame
import netns
import packets
import places
import wire

_FILTER, _SO_ATTACH_FILTER = struct.Struct("HBBI"), 26
_CALM, _GAP = 10, 0.005  # reads of an empty queue in a row, seconds between them
_OTHERS, _OUTGOING = 3, 4
_PROTOCOLS = (frame.ICMP, frame.TCP, frame.UDP, 47, 132, 253)
_PROTOCOLS_SIX = (frame.ICMP6, frame.TCP, frame.UDP)


def _without_esp(sock):
    """Leaves out IPv4 packets of protocol ESP and UDP 4500: they are many, and show nothing."""
    import ctypes  # pylint: disable=import-outside-toplevel
    code = [(0x28, 0, 0, 12), (0x15, 0, 6, 0x0800), (0x30, 0, 0, 23), (0x15, 3, 0, 50), (0x15, 0, 3, 17),
        (0x28, 0, 0, 36), (0x15, 0, 1, 4500), (0x06, 0, 0, 0), (0x06, 0, 0, 0x40000)]
    program = b"".join(_FILTER.pack(*one) for one in code)
    buffer = ctypes.create_string_buffer(program)
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HL", len(code), ctypes.addressof(buffer)))


class Sighting:
    """site: the namespace; arrived: it came in there, as against sent from there; packet: the frame."""

    def __init__(self, site, interface, arrived, raw):
        self.site, self.interface, self.arrived = site, interface, arrived
        self.packet = frame.Frame(raw, 0) if interface else None

    def says_to(self, probe):
        """Whether it is an ICMP message about the probe to where that claims to come from, by somebody else."""
        packet = self.packet
        return packet and packet.proto in (frame.ICMP, frame.ICMP6) and packet.src != probe.address and \
            packet.dst in (probe.address, probe.source.four, probe.source.six)

    def __str__(self):
        return f"{self.site} {self.interface}: {self.packet}" if self.packet else "a socket of the gateway"


class Eye:
    def __init__(self):
        self._captures = {name: self._open(name) for name in places.namespaces()}
        self._sockets = [self._raw(socket.AF_INET, one) for one in _PROTOCOLS]
        self._sockets += [self._raw(socket.AF_INET6, one) for one in _PROTOCOLS_SIX]

    @staticmethod
    def _open(namespace):
        with netns.inside(namespace):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(wire.ETH_P_ALL))
        _without_esp(sock)
        sock.setsockopt(socket.SOL_SOCKET, wire.SO_RCVBUFFORCE, wire.BUFFER)
        # All interfaces at once; of the segment, a switch, the gateway's port alone: the others are the far ends of these.
        if namespace == "seg":
            sock.bind(("gw", wire.ETH_P_ALL))
        sock.setblocking(False)
        return sock

    @staticmethod
    def _raw(family, protocol):
        sock = socket.socket(family, socket.SOCK_RAW, protocol)
        sock.setsockopt(socket.SOL_SOCKET, wire.SO_RCVBUFFORCE, wire.BUFFER)
        sock.setblocking(False)
        return sock

    def forget(self):
        for _ in self.sightings():
            pass

    def sightings(self):
        """(number of the packet, Sighting) of all that has been seen since the last call."""
        for site, sock in self._captures.items():
            for raw, (interface, _, kind, *_) in self._drained(sock):
                for number in packets.numbers_in(raw):
                    # What a switch floods to all its ports is for others, but on the port where the gateway is.
                    ignored = kind == _OUTGOING or (kind == _OTHERS and site != "seg")
                    yield number, Sighting(site, interface, not ignored, raw)
            _, drops = struct.unpack("II", sock.getsockopt(wire.SOL_PACKET, wire.PACKET_STATISTICS, 8))
            if drops:
                raise RuntimeError(f"the capture in {site} lost {drops} frames: no verdict can rest on it")
        for sock in self._sockets:
            for raw, _ in self._drained(sock):
                for number in packets.numbers_in(raw):
                    yield number, Sighting("gateway", "", True, raw)

    @staticmethod
    def _drained(sock):
        while True:
            try:
                yield sock.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError as error:  # an interface went down or away: said once, what was captured stays
                if error.errno not in (errno.ENETDOWN, errno.ENODEV, errno.EHOSTUNREACH, errno.ECONNREFUSED):
                    raise

    def close(self):
        for sock in (*self._captures.values(), *self._sockets):
            sock.close()


class Senders:
    """Sockets in every place; the gateway's own go by its routing, all others put frames on the wire."""

    def __init__(self):
        self._ways = {}
        for place in places.PLACES:
            for six in (False, True):
                self._ways[place.name, six] = self._way(place, six)

    @staticmethod
    def _way(place, six):
        if place is places.GATEWAY:
            family = socket.AF_INET6 if six else socket.AF_INET
            return socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW), None
        interface = (place.six_interface if six else "") or place.interface
        with netns.inside(place.namespace):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        sock.bind((interface, 0))
        to, by = places.mac(*place.next_hop), places.mac(place.namespace, interface)
        return sock, lambda packet: packets.framed(to, by, packet)

    def prepared(self, probes):
        """What sends each of these probes when called."""
        return [self._call(one) for one in probes]

    def _call(self, probe):
        six = probe.packet[0] >> 4 == 6
        sock, framed = self._ways[probe.source.name, six]
        if framed:
            return sock.send, (framed(probe.packet),)
        to = (socket.inet_ntop(socket.AF_INET6, probe.packet[24:40]), 0, 0, 0) if six else (
            socket.inet_ntoa(probe.packet[16:20]), 0)
        return sock.sendto, (probe.packet, to)

    @staticmethod
    def send(calls):
        for send, arguments in calls:
            with contextlib.suppress(OSError):  # no way there at the moment, or refused on the spot
                send(*arguments)

    def close(self):
        for sock, _ in self._ways.values():
            sock.close()


def backlog():
    """Packets that wait on the machine's CPUs, which all namespaces share."""
    with open("/proc/net/softnet_stat", encoding="ascii") as lines:
        return sum(int(line.split()[11], 16) for line in lines)


def await_idle(limit=wire.LIMIT):
    """Until nothing waits anywhere; a packet that is being worked on waits again soon, or is gone."""
    calm, end = 0, time.monotonic() + limit
    while calm < _CALM and time.monotonic() < end:
        calm = calm + 1 if backlog() == 0 else 0
        time.sleep(_GAP)
    if calm < _CALM:
        raise RuntimeError("the machine's queues do not become empty")
