"""ike-cpu-5000: what a handshake costs the responder when it is one of many that are configured."""

import time

import measure
from charons import Ours, Stock, Wire

NAME = "ike-cpu-5000"
WHAT = ("CPU milliseconds of the responding charon for one handshake (IKE_SA_INIT, IKE_AUTH with pre-shared key and one CHILD_SA, "
        "aes256-sha256-modp2048) with 5000 tunnels configured: 200 at a time, spread over all of them, others each run. Ours: culvert-conf. Peer: the "
        "same loaded by swanctl")
UNIT = "CPU ms"
GOAL = 0.3
SIZE, SMALL = 5000, 40
LAB = None
HANDSHAKES = 200


class Bench:
    def __init__(self, size):
        self.size, self.sides = size, []
        self.step = max(1, size // HANDSHAKES)
        lab = Wire()
        ours, stock = Ours(lab, size), Stock(lab, "stock", size, "gateway")
        self.carriers = {side: Stock(lab, f"{side.name}-carrier", size, "carrier") for side in (ours, stock)}
        self.ours_charon, self.stock = ours, stock
        for charon in (ours, stock, *self.carriers.values()):
            charon.start()
            self.sides.append(charon)
            charon.load(*([f"added={size} changed=0 removed=0 kept=0"] if charon is ours else []))

    def _shake(self, gateway, run):
        """A run takes tunnels that none before it took."""
        tunnels = range(run % self.step, self.size, self.step)
        before, cpu, began = gateway.count_up(), measure.cpu_of(gateway.pid), time.monotonic()
        self.carriers[gateway].bring_up(tunnels)
        cpu, wall = measure.cpu_of(gateway.pid) - cpu, time.monotonic() - began
        up = gateway.count_up() - before
        assert up == len(tunnels), f"{up} of {len(tunnels)} tunnels up"
        return {"value": round(1000 * cpu / len(tunnels), 4), "handshakes": len(tunnels), "wall": round(wall, 3)}

    def ours(self, run):
        return self._shake(self.ours_charon, run)

    def peer(self, run):
        return self._shake(self.stock, run)

    def close(self):
        for charon in self.sides:
            charon.stop()
