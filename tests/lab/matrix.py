"""The matrix: from every place to every other one packets of every kind, and who has seen which."""

import collections
import itertools
import socket
import struct

import matrix_model as model
import packets
import places

KINDS = ("TCP", "UDP", "ICMP", "other protocol", "fragments", "IPv6", "spoofed", "ICMP error")
PAIRS = [(a, b) for a in places.PLACES for b in places.PLACES if a is not b or a.namespace]
BY_NAME = {one.name: one for one in places.PLACES}
_NO_FLOW, _FIRST_PORT, _PORTS = 39990, 42000, 18000
_SERIES = itertools.count(step=10 * _PORTS)

Probe = collections.namedtuple("Probe", "number source target kind text packet verdict sites address")


def numbers():
    """Those of one set of packets: what is late of it is not taken for the next one's. The ports are the same in each."""
    return itertools.count(next(_SERIES) + 1)


def port(number):
    return _FIRST_PORT + number % _PORTS


class Probes:
    """The packets of some cells, each cell (source, target, kind)."""

    def __init__(self, cells):
        self.all = {}
        self._numbers = numbers()
        self._cell = None
        for self._cell in cells:
            source, target, kind = self._cell
            for to in places.GATEWAY_ADDRESSES if target is places.GATEWAY and kind != "IPv6" else ("",):
                _MAKERS[kind](self, source, target, to or target.known_as(source))

    def add(self, text, expected, build):
        """build(payload, port): one packet or several, each then with a number of its own (calls mark())."""
        source, target, kind = self._cell
        number = next(self._numbers)
        packet = build(packets.mark(number), port(number))
        self.all[number] = Probe(number, source, target, kind, text, packet, *expected, _source_of(packet))

    def add_pieces(self, text, expected, source, target, dport):
        two = [next(self._numbers) for _ in range(2)]
        both = packets.pieces(source, target, port(two[0]), dport, *map(packets.mark, two), two[0] & 0xFFFF)
        for number, packet, which in zip(two, both, ("first", "second")):
            self.all[number] = Probe(number, *self._cell, f"{which} {text}", packet, *expected, source)


def _source_of(packet):
    if packet[0] >> 4 == 6:
        return socket.inet_ntop(socket.AF_INET6, packet[8:24])
    return socket.inet_ntoa(packet[12:16])


def _tcp(probes, source, target, to):
    for what, port in (("tcp service", places.TCP_SERVICE), ("closed", places.CLOSED)):
        probes.add(what, model.expected(source, target, 4, what, to),
            lambda mark, sport, port=port: packets.tcp(source.four, to, sport, port, mark))


def _udp(probes, source, target, to):
    for what, port in (("service", places.SERVICE), ("downlink", places.DOWNLINK), ("closed", places.CLOSED)):
        probes.add(what, model.expected(source, target, 4, what, to),
            lambda mark, sport, port=port: packets.udp(source.four, to, sport, port, mark))
    if places.GATEWAY in (source, target):
        return
    for flow in model.FLOWS:
        if flow.asker == target.name:
            probes.add("answer", model.answer(source, target, flow), lambda mark, _, flow=flow:
                packets.udp(source.four, to, flow.dport, flow.sport, mark))
    probes.add("answer to no question", (model.NEVER, ()),
        lambda mark, _: packets.udp(source.four, to, places.SERVICE, _NO_FLOW, mark))


def _icmp(probes, source, target, to):
    probes.add("echo", model.expected(source, target, 4, "echo", to),
        lambda mark, port: packets.echo(source.four, to, packets.ECHO, port, mark))
    probes.add("time stamp", model.expected(source, target, 4, "time stamp", to),
        lambda mark, port: packets.echo(source.four, to, packets.TIMESTAMP, port, mark.ljust(12, b".")))
    if places.GATEWAY not in (source, target):
        probes.add("echo reply to no echo", (model.NEVER, ()),
            lambda mark, port: packets.echo(source.four, to, packets.ECHO_REPLY, port, mark))


def _other(probes, source, target, to):
    for what, number in (("SCTP", 132), ("GRE", 47), ("protocol 253", 253)):
        probes.add(what, model.expected(source, target, 4, what, to), lambda mark, port, number=number: packets.ip(
            source.four, to, number, struct.pack("!HHII", port, places.SERVICE, 0, 0) + mark))


def _fragments(probes, source, target, to):
    for what, port in (("service", places.SERVICE), ("downlink", places.DOWNLINK), ("closed", places.CLOSED)):
        text = f"fragment of {what}"
        probes.add_pieces(text, model.expected(source, target, 4, text, to), source.four, to, port)


def _six(probes, source, target, _):
    to = target.six
    for what, port in (("service", places.SERVICE), ("downlink", places.DOWNLINK), ("closed", places.CLOSED)):
        probes.add(what, model.expected(source, target, 6, what, to),
            lambda mark, sport, port=port: packets.udp(source.six, to, sport, port, mark))
    probes.add("tcp service", model.expected(source, target, 6, "tcp service", to),
        lambda mark, sport: packets.tcp(source.six, to, sport, places.TCP_SERVICE, mark))
    probes.add("echo", model.expected(source, target, 6, "echo", to),
        lambda mark, port: packets.echo(source.six, to, packets.ECHO6, port, mark))
    for what, port in (("service", places.SERVICE), ("closed", places.CLOSED)):
        text = f"fragment of {what}"
        probes.add_pieces(text, model.expected(source, target, 6, text, to), source.six, to, port)
    probes.add("error about no flow", model.expected(source, target, 6, "error", to), lambda mark, _:
        packets.error(source.six, to, packets.udp(to, source.six, _NO_FLOW, places.SERVICE, mark)))
    for name in ("fd00:99::1", places.DEV3.six, places.SIX_HOST):
        # Who is on the same wire cannot be told from his neighbour.
        if name in (source.six, to) or (source.name in model.HOSTS and name == places.SIX_HOST):
            continue
        for what, port in (("service", places.SERVICE), ("downlink", places.DOWNLINK)):
            probes.add(f"{what} as {name}", model.spoofed(source, target, what, to, 6),
                lambda mark, sport, name=name, port=port: packets.udp(name, to, sport, port, mark))
        probes.add(f"echo as {name}", model.spoofed(source, target, "echo", to, 6),
            lambda mark, port, name=name: packets.echo(name, to, packets.ECHO6, port, mark))


def _names(source, target):
    """Other places' addresses that help most: whose packets to target would be taken; that a reflection would hit."""
    yield "10.99.0.1"
    for one in places.PLACES:
        claimed = places.STRANGER if one is source is places.ADMIN_ else one.shown or one.four
        # Who is on the same wire, or has an address of the same pool, cannot be told from his neighbour.
        near = source.name in model.DEVICES and one.four.startswith("10.64.") and not one.shown
        near = near or (source.name in model.HOSTS and one.name in model.HOSTS and model.same_side(one, source))
        if claimed != source.four and not near and one.name != target.name:
            yield claimed


def _spoofed(probes, source, target, to):
    for name in _names(source, target):
        for what, port in (("service", places.SERVICE), ("downlink", places.DOWNLINK)):
            probes.add(f"{what} as {name}", model.spoofed(source, target, what, to),
                lambda mark, sport, name=name, port=port: packets.udp(name, to, sport, port, mark))
        probes.add(f"echo as {name}", model.spoofed(source, target, "echo", to),
            lambda mark, port, name=name: packets.echo(name, to, packets.ECHO, port, mark))


    if (neighbour := {places.DEV1: places.DEV2, places.DEV2: places.DEV1}.get(source)) and target is not neighbour:
        _reflected(probes, source, target, to, neighbour.four)


def _reflected(probes, source, target, to, neighbour):
    """In the name of another device of the pool, which no wall can tell: what the gateway says to that must not reach it."""
    if model.expected(source, target, 4, "echo", to)[0] == model.NEVER:
        probes.add("echo as its neighbour", (model.NEVER, ()),
            lambda mark, port: packets.echo(neighbour, to, packets.ECHO, port, mark))
    probes.add("service as its neighbour, which ends at the gateway", (model.NEVER, ()), lambda mark, port:
        packets.with_ttl(packets.udp(neighbour, to, port, places.SERVICE, mark), 2))


def _error(probes, source, target, to):
    probes.add("about no flow", model.expected(source, target, 4, "error", to), lambda mark, _:
        packets.error(source.four, to, packets.udp(to, source.four, _NO_FLOW, places.SERVICE, mark)))
    for flow in model.FLOWS:
        if target.name not in (flow.asker, flow.answerer):
            continue
        ports = (flow.sport, flow.dport) if target.name == flow.asker else (flow.dport, flow.sport)
        other = BY_NAME[flow.answerer if target.name == flow.asker else flow.asker]
        peer = other.four if source.name in model.DEVICES else other.shown or other.four
        probes.add("about a flow", model.error(source, target, other), lambda mark, _, ports=ports, peer=peer:
            packets.error(source.four, to, packets.udp(to, peer, *ports, mark)))


_MAKERS = dict(zip(KINDS, (_tcp, _udp, _icmp, _other, _fragments, _six, _spoofed, _error)))
