"""A wire between two namespaces that passes every frame, some of them late or not at all: what netem does, where the
kernel has it. One thread, two raw sockets; frames with other delays may overtake each other."""

import heapq
import os
import random
import select
import socket
import threading
import time
from collections import Counter

from ike_lab import run

ETH_P_ALL = 3
CREATE_CHILD_SA = 36
RESPONSE = 0x20
UDP, ETHERNET = 17, 14  # protocol number, octets of the header


def udp_header(frame):
    """Where the UDP header of a frame begins, 0 if it has none or comes by IPv6."""
    if len(frame) < ETHERNET + 28 or frame[12:14] != b"\x08\x00" or frame[ETHERNET + 9] != UDP:
        return 0
    return ETHERNET + 4 * (frame[ETHERNET] & 15)


def ike_header(frame, udp):
    """Where the IKE header begins, 0 if there is none: on port 500, or on 4500 behind the marker that ESP has not."""
    ports = {int.from_bytes(frame[at:at + 2], "big") for at in (udp, udp + 2)}
    at = udp + 8 if 500 in ports else udp + 12 if 4500 in ports and frame[udp + 8:udp + 12] == bytes(4) else 0
    return at if at and len(frame) >= at + 28 else 0


class Relay(threading.Thread):
    """Passes frames between two interfaces of a namespace. Begins at once; set delay (seconds) and loss (share) any time.

    delay is that of CREATE_CHILD_SA responses, loss that of all IKE packets. seen counts IKE packets by exchange type and
    whether they are responses, late and lost those that were.
    """

    def __init__(self, namespace, west, east, seed):
        super().__init__(daemon=True)
        self.delay, self.loss, self.random = 0.0, 0.0, random.Random(seed)
        self.seen, self.late, self.lost = Counter(), 0, 0
        self.ended, self.waiting, self.count = False, [], 0
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        os.setns(there, os.CLONE_NEWNET)
        try:
            self.sockets = [self._open(interface) for interface in (west, east)]
        finally:
            os.setns(here, os.CLONE_NEWNET)
            os.close(here)
            os.close(there)
        self.start()

    @staticmethod
    def _open(interface):
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        raw.bind((interface, 0))
        raw.setblocking(False)
        return raw

    def run(self):
        west, east = self.sockets
        while not self.ended:
            left = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else 0.1
            for source in select.select(self.sockets, [], [], min(left, 0.1))[0]:
                frame, address = source.recvfrom(65535)
                if address[2] != socket.PACKET_OUTGOING:
                    self._take(bytearray(frame), east if source is west else west)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, frame, target = heapq.heappop(self.waiting)
                target.send(frame)

    def _take(self, frame, target):
        delay, udp = 0.0, udp_header(frame)
        if udp:
            # The sender leaves the checksum to a device, of which there is none: 0 says that there is no checksum.
            frame[udp + 6:udp + 8] = bytes(2)
        at = ike_header(frame, udp) if udp else 0
        if at:
            kind, response = frame[at + 18], bool(frame[at + 19] & RESPONSE)
            self.seen[kind, response] += 1
            if self.random.random() < self.loss:
                self.lost += 1
                return
            if kind == CREATE_CHILD_SA and response and self.delay:
                self.late += 1
                delay = self.delay
        self.count += 1
        heapq.heappush(self.waiting, (time.monotonic() + delay, self.count, bytes(frame), target))

    def close(self):
        self.ended = True
        self.join()
        for raw in self.sockets:
            raw.close()


def lay(namespace, west, east):
    """Puts a namespace between two others, and in it the interfaces "west" and "east"; each end is (namespace, name)."""
    run("ip", "netns", "add", namespace)
    for side, (far, name) in (("west", west), ("east", east)):
        run("ip", "link", "add", name, "netns", far, "type", "veth", "peer", "name", side, "netns", namespace)
        run("ip", "-n", namespace, "link", "set", side, "up")
