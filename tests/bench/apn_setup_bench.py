"""apn-setup-1000: what it takes the kernel to get 1000 APNs from nothing."""

import apn_lab

NAME = "apn-setup-1000"
WHAT = ("1000 APNs from nothing in a freshly booted machine, each a VRF, an XFRM interface that carries, a cloud interface (a dummy that is there), an "
        "address, routes, refusals and the elements of the walls: wall seconds. Ours: both halves of a reload as culvertd calls them, the kernel asked "
        "for its verdict on the walls, looked at, changed, and the 3000 sysctls of the interfaces. Peer: nft -f, ip -6 -batch and ip -batch of the same "
        "objects in their shortest form, without those sysctls. CPU seconds are in the runs")
UNIT = "s"
GOAL = 0.7
SIZE, SMALL = 1000, 10
LAB = "boot-each"


class Bench:
    def __init__(self, size):
        self.size = size

    def ours(self, run):
        return apn_lab.measure("setup", self.size, self.size)

    def peer(self, run):
        return apn_lab.measure("ip", self.size, self.size)

    def close(self):
        apn_lab.release()
