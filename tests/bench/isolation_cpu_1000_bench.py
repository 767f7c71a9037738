"""isolation-cpu-1000: what 999 other APNs cost a packet."""

import isolation_drive

NAME = "isolation-cpu-1000"
WHAT = ("UDP of 200 octets in 100 flows, uplink and downlink: microseconds of QEMU's CPU a packet, the gateway's share only. Ours: through one of 1000 "
        "APNs. Peer: the same through the only one. Interfaces, routes and walls by culvertd, SAs and policies by hand as charon makes them. Each in a freshly booted machine")
UNIT = "us"
GOAL = 1.05
SIZE, SMALL = 1000, 8
LAB = "drive-each"
DIFFERENCE = True
PACKETS = 20  # for each of 1000 APNs


class Bench:
    def __init__(self, size):
        self.size, self.drive = size, None
        self.drive = isolation_drive.Drive()

    def ours(self, run):
        return self.drive.share("apns", self.size, max(self.size * PACKETS, 400))

    def peer(self, run):
        return self.drive.share("apns", 1, max(self.size * PACKETS, 400))

    def close(self):
        if getattr(self, "drive", None):
            self.drive.close()
