"""Packets of any kind, octet by octet. Each carries its number behind a text that no other run has: in its payload, an
ICMP error in the packet that it quotes, fragments in every piece."""

import ipaddress
import re
import secrets
import struct

from frame import ETH_IPV4, ETH_IPV6, ICMP, ICMP6, TCP, UDP

MAGIC = b"cv" + secrets.token_bytes(6)
_MARK = re.compile(re.escape(MAGIC) + b"(.{4})", re.S)
ECHO_REPLY, UNREACHABLE, ECHO, TIMESTAMP = 0, 3, 8, 13
PORT_UNREACHABLE, UNREACHABLE6, PORT_UNREACHABLE6 = 3, 1, 4
ECHO6, ECHO_REPLY6, FRAGMENT6 = 128, 129, 44
SYN = 2


def mark(number):
    return MAGIC + struct.pack("!I", number)


def numbers_in(raw):
    """The numbers of the packets in these octets: two in a datagram that was put together from pieces."""
    return [int.from_bytes(one, "big") for one in _MARK.findall(raw)]


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _packed(address):
    return ipaddress.ip_address(address).packed


def _with_checksum(segment, at, source, target, protocol):
    pseudo = _packed(source) + _packed(target) + struct.pack("!II", len(segment), protocol)
    value = checksum(pseudo + segment) or 0xFFFF
    return segment[:at] + struct.pack("!H", value) + segment[at + 2:]


def ip(source, target, protocol, segment, identity=0, flags=0):
    """An IP packet around a segment."""
    if ":" in target:
        return struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + _packed(source) + _packed(target) + segment
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), identity, flags, 64, protocol, 0)
    header += _packed(source) + _packed(target)
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + segment


def udp(source, target, sport, dport, payload):
    segment = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ip(source, target, UDP, _with_checksum(segment, 6, source, target, UDP))


def tcp(source, target, sport, dport, payload):
    """A SYN with data."""
    segment = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, SYN, 1024, 0, 0) + payload
    return ip(source, target, TCP, _with_checksum(segment, 16, source, target, TCP))


def icmp(source, target, kind, rest, code=0, payload=b""):
    """rest: the four octets behind the checksum."""
    segment = struct.pack("!BBH", kind, code, 0) + rest + payload
    if ":" in target:
        return ip(source, target, ICMP6, _with_checksum(segment, 2, source, target, ICMP6))
    return ip(source, target, ICMP, segment[:2] + struct.pack("!H", checksum(segment)) + segment[4:])


def echo(source, target, kind, identity, payload):
    return icmp(source, target, kind, struct.pack("!HH", identity, 1), payload=payload)


def error(source, target, quoted):
    """That a port is closed, about a packet."""
    kind, code = (UNREACHABLE6, PORT_UNREACHABLE6) if ":" in target else (UNREACHABLE, PORT_UNREACHABLE)
    return icmp(source, target, kind, b"\0" * 4, code, quoted)


def pieces(source, target, sport, dport, first, second, identity):
    """A UDP datagram in two fragments; first, second: what each carries."""
    first = first.ljust(24, b".")
    whole = udp(source, target, sport, dport, first + second)
    if ":" in target:
        whole = whole[40:]
        return tuple(ip(source, target, FRAGMENT6, struct.pack("!BBHI", UDP, 0, place, identity) + piece)
            for place, piece in ((1, whole[:32]), (32, whole[32:])))
    whole = whole[20:]
    return (ip(source, target, UDP, whole[:32], identity, 0x2000), ip(source, target, UDP, whole[32:], identity, 4))


def with_ttl(packet, ttl):
    """An IPv4 packet with another time to live."""
    header = packet[:8] + bytes((ttl, packet[9], 0, 0)) + packet[12:20]
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + packet[20:]


def framed(to, by, packet):
    """The packet as it goes on the wire; to, by: MACs."""
    return to + by + struct.pack("!H", ETH_IPV6 if packet[0] >> 4 == 6 else ETH_IPV4) + packet
