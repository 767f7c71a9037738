"""What the isolation benches share: traffic through a gateway in the lab machine, and the CPU seconds of QEMU meanwhile.

Devices, carrier and cloud are in the same machine. Their part is measured as well, by the same packets that are thrown away
at the gateway's door, and taken off: what is left is the gateway's share.
"""

import json
import os
import statistics
import subprocess

import measure

HERE = os.path.dirname(os.path.abspath(__file__))
TURNS, FEW = 8, 1000  # through and to the door alternate, so that what drifts hits both; not for so few packets


class Drive:
    def __init__(self):
        labdir = os.environ.get("LABDIR", os.path.join(HERE, "../../build/lab"))
        with open(f"{labdir}/run/pid", encoding="ascii") as file:
            self._qemu = int(file.read())
        self._lab = subprocess.Popen([os.environ["LAB"], "ssh", "python3", "-S", "-B", "/share/tests/bench/isolation_lab.py"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        self._lab.stdin.write(" ".join(map(str, words)) + "\n")
        self._lab.stdin.flush()
        answer = self._lab.stdout.readline()
        if not answer:
            raise RuntimeError(f"the lab machine did not do {words}")
        return json.loads(answer)["done"]

    def _cost(self, direction, count, how):
        """CPU seconds of the machine."""
        self.tell("prepare", direction, how)
        before = measure.cpu_of(self._qemu)
        self.tell("send", direction, count)
        cost = measure.cpu_of(self._qemu) - before
        if how == "through" or direction == "up":
            passed = self.tell("passed", direction)
            assert passed == count, f"{passed} of {count} packets passed {direction} {how}"
        return cost

    def share(self, gateway, size, count):
        """Microseconds of the gateway for each packet, both directions together, with such a gateway."""
        self.tell("gateway", gateway, size)
        parts, turns = {}, TURNS if count > FEW else 1
        for direction in ("up", "down"):
            self._cost(direction, max(count // 10, 100), "through")  # what is compiled once, by QEMU
            costs = {"through": [], "to": []}
            for turn in range(turns):
                for how in sorted(costs, reverse=turn % 2 == 0):
                    costs[how].append(self._cost(direction, count // turns, how) / (count // turns) * 1e6)
            parts[direction] = statistics.median(a - b for a, b in zip(costs["through"], costs["to"]))
            parts[f"{direction}, all of the machine"] = statistics.median(costs["through"])
        value = (parts["up"] + parts["down"]) / 2
        return {"value": round(value, 2), **{name: round(one, 2) for name, one in parts.items()}}

    def close(self):
        try:
            self.tell("close")
        finally:
            self._lab.stdin.close()
            self._lab.wait()
