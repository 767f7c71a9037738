"""apn-change-1-of-1000: what the others cost when one APN is added."""

import apn_lab

NAME = "apn-change-1-of-1000"
WHAT = ("one APN added, in a freshly booted machine that has the interfaces for 1001: wall seconds of both halves of a reload as culvertd calls them. "
        "Ours: to 1000 that stand. Peer: the first one, by the same code. CPU seconds are in the runs")
UNIT = "s"
GOAL = 2.0
SIZE, SMALL = 1000, 10
LAB = "boot-each"


class Bench:
    def __init__(self, size):
        self.size = size

    def ours(self, run):
        return apn_lab.measure("change", self.size, self.size + 1)

    def peer(self, run):
        return apn_lab.measure("first", self.size, 1)

    def close(self):
        apn_lab.release()
