"""Sends IKE_SA_INIT requests in others' names, as a program of its own: flood_sender.py RATE LIMIT SOURCE...

RATE packets a second, LIMIT altogether, to the gateway. Every other packet comes from one of the SOURCEs, the rest from
addresses that nobody has (198.18.0.0/15). Each has a proposal that the gateway takes, and a key exchange, nonce and SPI
of its own. Says how many were sent when its standard input is closed or LIMIT is reached.
"""

import ipaddress
import os
import random
import select
import socket
import struct
import sys
import time

import ike_wire as wire
from policy_offers import ALLOWED_IKE

GATEWAY = "192.0.2.1"
TICK = 0.01  # seconds; so much is sent at once
NOBODY = int(ipaddress.ip_address("198.18.0.0"))


def request():
    """One message. The public value is no power of anything, which the gateway cannot know."""
    public = bytes([random.randrange(1, 255)]) + os.urandom(255)
    payloads = [(wire.SA, wire.encode_sa([ALLOWED_IKE.proposal()])), (wire.KE, wire.encode_ke(14, public)),
                (wire.NONCE, os.urandom(32))]
    return wire.encode_message(os.urandom(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)


def datagram(source, payload):
    """With its IPv4 header, whose checksum the kernel fills in; UDP does without."""
    udp = struct.pack(">HHHH", random.randrange(1024, 65536), 500, 8 + len(payload), 0) + payload
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), random.randrange(65536), 0, 64, socket.IPPROTO_UDP, 0, source,
                       socket.inet_aton(GATEWAY)) + udp


def main(rate, limit, sources):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    owned = [socket.inet_aton(source) for source in sources]
    sent, began = 0, time.monotonic()
    while sent < limit and not select.select([sys.stdin], [], [], TICK)[0]:
        while sent < min(limit, (time.monotonic() - began) * rate):
            nobody = struct.pack(">I", NOBODY + random.randrange(1 << 17))
            try:
                raw.sendto(datagram(random.choice(owned) if sent % 2 else nobody, request()), (GATEWAY, 0))
            except OSError:  # no room in a queue: such a packet counts as sent and lost
                pass
            sent += 1
    print(sent)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
