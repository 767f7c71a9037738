"""What a stranger may send to the gateway's outer address: everything."""

import os
import random
import socket
import struct
import sys

import frame
import netns
import operators_file
import topology as net

sys.path.append(f"{operators_file.HOME}/tests/plugins")
import ike_wire as wire  # noqa: E402

PORTS = (*range(1, 1025), 1194, 1701, 1723, 2049, 2222, 3306, 3389, 4500, 5060, 5353, 5683, 5684, 8080, 8443, 10161, 65535)
SYN = 0x02
SUITE = wire.Proposal(wire.IKE, (
    wire.Transform(wire.ENCR, 12, wire.key_length(256)), wire.Transform(wire.PRF, 5), wire.Transform(wire.INTEG, 12),
    wire.Transform(wire.GROUP, 14)))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data + bytes(len(data) % 2)[:len(data) % 2]))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def ike_sa_init():
    """A first message that charon takes, if it comes from a peer."""
    public = bytes([random.randrange(1, 255)]) + os.urandom(255)
    payloads = [(wire.SA, wire.encode_sa([SUITE])), (wire.KE, wire.encode_ke(14, public)), (wire.NONCE, os.urandom(32))]
    return wire.encode_message(os.urandom(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)


def udp(sport, dport, payload):
    return frame.UDP, struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def syn(source, sport, dport):
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, SYN, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(net.GATEWAY) + struct.pack("!BBH", 0, frame.TCP, len(head))
    return frame.TCP, head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def icmp(kind, code=0):
    body = struct.pack("!BBHHH", kind, code, 0, 7, 7) + bytes(24)
    return frame.ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def ike(port):
    return udp(port, port, (bytes(4) if port == 4500 else b"") + ike_sa_init())


def everything(source):
    """(protocol, what is behind the IPv4 header) of each packet."""
    for protocol in range(256):
        if protocol not in (frame.ICMP, frame.TCP, frame.UDP):
            yield protocol, os.urandom(40)
    for port in PORTS:
        yield syn(source, 40100, port)
        yield udp(40100, port, b"anybody there?")
    for kind in range(256):
        yield icmp(kind)
    yield udp(500, 500, b"")
    yield udp(4500, 4500, b"\xff")
    yield udp(4500, 4500, os.urandom(64))  # ESP in UDP
    yield udp(500, 500, wire.HEADER.pack(os.urandom(8), bytes(8), 1, 0x10, 2, 0, 0, 28))  # IKEv1, main mode
    yield udp(500, 500, wire.HEADER.pack(os.urandom(8), bytes(8), 0, 0x30, 34, 8, 0, 28))  # of a version to come
    yield udp(500, 500, wire.HEADER.pack(os.urandom(8), os.urandom(8), 0, 0x20, wire.INFORMATIONAL, 8, 0, 28))
    yield ike(500)
    yield ike(4500)


class Sender:
    """Sends from the Internet host in anybody's name."""

    def __init__(self):
        with netns.inside("inet"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)

    def send(self, source, packet, target=net.GATEWAY, ttl=64):
        protocol, body = packet
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), random.randrange(65536), 0, ttl, protocol, 0,
            socket.inet_aton(source), socket.inet_aton(target))
        self.sock.sendto(head + body, (net.GATEWAY, 0))

    def close(self):
        self.sock.close()
