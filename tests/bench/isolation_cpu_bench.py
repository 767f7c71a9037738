"""isolation-cpu: what the walls cost a packet."""

import isolation_drive

NAME = "isolation-cpu"
WHAT = ("UDP of 200 octets in 100 flows through the tunnel, uplink and downlink: microseconds of QEMU's CPU a packet, the gateway's share only. Ours: "
        "Culvert with one APN. Peer: stock strongSwan 6.0.1, policy-based, with no firewall, VRF or XFRM interface. Both with libreswan as the carrier")
UNIT = "us"
GOAL = 1.25
SIZE, SMALL = 20000, 400
LAB = "drive"
DIFFERENCE = True


class Bench:
    def __init__(self, size):
        self.size, self.drive = size, None
        self.drive = isolation_drive.Drive()

    def ours(self, run):
        return self.drive.share("culvert", 1, self.size)

    def peer(self, run):
        return self.drive.share("stock", 1, self.size)

    def close(self):
        if getattr(self, "drive", None):
            self.drive.close()
