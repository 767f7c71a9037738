"""rekey-spread: how even the rekeys of many tunnels are that rose together."""

import json

import measure
from charons import BUILD

NAME = "rekey-spread"
WHAT = ("peak over mean of the rekeys per second of 10,000 tunnels with an IKE_SA and a CHILD_SA each that rose within a minute, in any second from "
        "the end of the first period on, four periods long, in model time with the shipped code. Ours: ikev2/spread. Peer: the same tunnels and rekey "
        "times with strongSwan's arithmetic, rand_time at its default of a tenth")
UNIT = "peak/mean"
GOAL_OURS = 1.5
SIZE, SMALL = 10000, 10000  # in model time: a second
LAB = None


class Bench:
    def __init__(self, size):
        self.size = size

    def _live(self, how, run):
        output, costs = measure.run_measured([f"{BUILD}/spread", how, str(self.size), str(run + 1)])
        figures = json.loads(output)
        assert figures["rekeys"] > 3 * 2 * self.size, figures
        return {"value": round(figures["peak"] / figures["mean"], 4), **figures, "cpu": costs["cpu"]}

    def ours(self, run):
        return self._live("ours", run)

    def peer(self, run):
        return self._live("stock", run)

    def close(self):
        pass
