"""conf-load-5000: what the whole way from the operator's file to charon costs, for a fresh charon."""

from charons import Ours, Stock, Wire

NAME = "conf-load-5000"
WHAT = ("load 5000 tunnels with a pre-shared key each into a fresh charon: CPU seconds of all processes. Ours: culvert.conf read and checked, a "
        "generation frozen, prepared and committed (culvertd's part in C, and charon). Peer: swanctl --load-all of the same (swanctl and charon). "
        "Both charons log to a file at the level that is their default. CPU and not wall time: on both sides client and charon wait for each other, so "
        "that the wall time of an idle machine is nearly the CPU time, and that of a busy one says what else it does; it is in the runs")
UNIT = "CPU s"
GOAL = 0.05
SIZE, SMALL = 5000, 40
LAB = None


class Bench:
    def __init__(self, size):
        self.size, self.charons = size, []
        lab = Wire()
        self.ours_charon = Ours(lab, size)
        self.stock = Stock(lab, "stock", size, "gateway")

    def ours(self, run):
        self.ours_charon.rewind()
        return self._load(self.ours_charon, f"added={self.size} changed=0 removed=0 kept=0")

    def peer(self, run):
        return self._load(self.stock, "--load-all")

    @staticmethod
    def _load(charon, argument):
        charon.start()
        costs = charon.load(argument)
        code = charon.stop()
        assert code == 0, f"charon ended with {code}"
        return {"value": costs["cpu"], **costs}

    def close(self):
        self.ours_charon.stop()
        self.stock.stop()
