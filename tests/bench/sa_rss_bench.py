"""sa-rss-5000: what an established tunnel takes in charon's memory, beyond its configuration."""

from charons import Ours, Stock, Wire

NAME = "sa-rss-5000"
WHAT = ("KiB of the responding charon's resident memory for each established tunnel (IKE_SA and CHILD_SA) beyond its configuration: resident with "
        "5000 tunnels up less resident with them configured, by 5000, free memory given back before each reading (malloc_trim), a fresh charon each "
        "run. Ours: Culvert's plugins, every tunnel waiting for its rehearsal. Peer: the same tunnels loaded by swanctl. Neither changes how malloc "
        "works. What the configuration takes is in the runs, by tunnel")
UNIT = "KiB"
GOAL = 1.05
SIZE, SMALL = 5000, 100
LAB = None


class Bench:
    def __init__(self, size):
        self.size = size
        lab = Wire()
        self.ours_charon, self.stock = Ours(lab, size), Stock(lab, "stock", size, "gateway")
        self.carriers = {side: Stock(lab, f"{side.name}-carrier", size, "carrier") for side in (self.ours_charon, self.stock)}

    def _grow(self, gateway, argument):
        carrier = self.carriers[gateway]
        gateway.start()
        carrier.start()
        empty = gateway.memory()
        gateway.load(argument)
        carrier.load()
        loaded = gateway.memory()
        carrier.bring_up(range(self.size))
        up = gateway.memory()
        count = gateway.count_up()
        assert count == self.size, f"{count} of {self.size} tunnels up"
        # Killed: 5000 farewells are no part of this.
        for charon in (carrier, gateway):
            charon.kill()

        def each(a, b, kind):
            return round((b[kind] - a[kind]) / self.size, 3)
        return {"value": each(loaded, up, 0), "malloc_a_tunnel": each(loaded, up, 1), "configuration_a_tunnel": each(empty, loaded, 0),
                "configuration_malloc_a_tunnel": each(empty, loaded, 1), "resident_empty": empty[0], "resident_loaded": loaded[0],
                "resident_up": up[0]}

    def ours(self, run):
        self.ours_charon.rewind()
        return self._grow(self.ours_charon, f"added={self.size} changed=0 removed=0 kept=0")

    def peer(self, run):
        return self._grow(self.stock, "--load-all")

    def close(self):
        for charon in (self.ours_charon, self.stock, *self.carriers.values()):
            charon.kill()
