"""conf-reload-1-of-5000: what it costs to change one tunnel of many, some of which are up."""

from charons import Ours, Stock, Wire

NAME = "conf-reload-1-of-5000"
WHAT = ("reload after the pool of one of 5000 tunnels has changed, another one each time, with some tunnels up, whose SPIs stay: CPU seconds of all "
        "processes. Ours: culvert.conf read and checked, a generation frozen, prepared and committed; culvertd's part in C, by the process that did it "
        "the time before, as culvertd is: files of secrets that did not change it does not read again, but in the first run. Peer: "
        "swanctl --load-conns of a file with the same change. Both charons log to a file at the level that is their default. CPU and not wall time: on both sides client and charon wait for each other, so that the wall time of an idle machine is nearly "
        "the CPU time, and that of a busy one says what else it does; it is in the runs")
UNIT = "CPU s"
GOAL = 0.03
SIZE, SMALL = 5000, 40
LAB = None


class Bench:
    def __init__(self, size):
        self.size, self.sides = size, []
        lab = Wire()
        self.up = range(0, size // 2, max(1, size // 100))  # up to 50, of the first half; those that change are of the second
        ours, stock = Ours(lab, size), Stock(lab, "stock", size, "gateway")
        carriers = {side: Stock(lab, f"{side.name}-carrier", size, "carrier") for side in (ours, stock)}
        self.ours_charon, self.stock, self.carriers = ours, stock, carriers
        for charon in (ours, stock, *carriers.values()):
            charon.start()
            self.sides.append(charon)
        ours.load(f"added={size} changed=0 removed=0 kept=0")
        stock.load()
        for gateway, carrier in carriers.items():
            carrier.load()
            carrier.bring_up(self.up)
            assert gateway.count_up() == len(self.up), gateway.count_up()

    def _changed(self, run):
        return self.size // 2 + run % (self.size // 2)

    def _reload(self, charon, run, argument):
        charon.change(self._changed(run))
        before = charon.spis()
        assert len(before) == len(self.up), before
        costs = charon.load(argument)
        after = charon.spis()
        assert before == after, (before, after)
        return {"value": costs["cpu"], **costs, "others_touched": 0}

    def ours(self, run):
        return self._reload(self.ours_charon, run, f"added=0 changed=1 removed=0 kept={self.size - 1}")

    def peer(self, run):
        row = self._reload(self.stock, run, "--load-conns")
        n = self._changed(run)
        assert self.stock.pool_of(n) == self.stock.changed[n], "the change is not in force"
        return row

    def close(self):
        for charon in self.sides:
            charon.stop()
