"""What a plugin of ours costs charon in instructions, counted by callgrind: no clock, no other process, no cache comes in.

`ours` is a gateway with all of our plugins, `peer` the same one without the plugin in question; both have the same tunnels,
and stock carriers. Counted is the whole of charon, from before the first packet until it has nothing left to do. What was
counted last is in /run/ike-lab/SIDE/callgrind.N, for callgrind_annotate.
"""

import glob
import re
import subprocess
import time

import ike_lab
import measure
import vici
from charons import Ours, Stock, Wire
from ike_lab import wait_for

PLUGINS = ("culvert-conf", "culvert-policy", "culvert-rekey")
LIMIT = 120.0  # seconds; valgrind makes charon fifty times slower
ike_lab.LIMIT = LIMIT


# An old inbound SA goes soon: its end belongs to the rekey that is counted (0 would leave it until it expires). And who
# looks through all IKE_SAs from time to time finds a table of few rows: that has nothing to do with the plugin.
CHANGES = {"delete_rekeyed_delay = 5": "delete_rekeyed_delay = 1", "ikesa_table_size = 4096": "ikesa_table_size = 16",
           "ikesa_table_segments = 64": "ikesa_table_segments = 1"}


def adapt(charon):
    path = f"{charon.folder}/strongswan.conf"
    with open(path, encoding="ascii") as f:
        text = f.read()
    for old, new in CHANGES.items():
        assert old in text, old
        text = text.replace(old, new)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


class Gateway(Ours):
    """charon under callgrind, which counts only while count() runs."""

    def __init__(self, lab, size, name, plugins):
        super().__init__(lab, size, name, " ".join(f"{p}!" for p in plugins))
        adapt(self)
        with open(self.conf, "r+", encoding="ascii") as f:  # nothing that happens by itself
            text = f.read().replace('initiator = "carrier";', 'initiator = "carrier"; dpd = 600;')
            f.seek(0)
            f.write(text)

    @property
    def wrapper(self):
        return ("valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self.folder}/callgrind",
                "--fair-sched=yes")

    def _tell(self, *command):
        subprocess.run(["vgdb", f"--pid={self.pid}", *command], capture_output=True, timeout=LIMIT, check=True)

    def wait_idle(self):
        """Until charon did nothing for longer than an old SA is kept."""
        before = [-1.0]

        def probe():
            time.sleep(1.5)  # no event tells that nothing happens
            cpu, last = measure.cpu_of(self.pid), before[0]
            before[0] = cpu
            return cpu - last < 0.01
        wait_for(f"{self.name} to come to rest", probe, LIMIT)

    def count(self, work):
        """Instructions that charon takes for what work() brings about."""
        self.wait_idle()
        self._tell("instrumentation", "on")
        self._tell("zero")
        work()
        self.wait_idle()
        self._tell("dump")
        self._tell("instrumentation", "off")
        newest = max(glob.glob(f"{self.folder}/callgrind.*"), key=lambda path: int(path.rsplit(".", 1)[1]))
        with open(newest, encoding="utf-8", errors="replace") as f:
            return int(re.search(r"^totals: (\d+)", f.read(), re.MULTILINE)[1])


class Carrier(Stock):
    def ids(self):
        """Of what there is, the numbers of the IKE_SAs and the SPIs of the CHILD_SAs."""
        text = self.swanctl("--list-sas")
        return (sorted(re.findall(r"^t\d+: #(\d+), ESTABLISHED", text, re.MULTILINE)),
                sorted(re.findall(r"^ +in +([0-9a-f]{8})", text, re.MULTILINE)))

    def end_all(self):
        for n in range(self.size):
            if self.ids()[0]:
                self.ask("terminate", ike=f"t{n}", timeout=-1, force="yes")
        wait_for("the tunnels to end", lambda: self.ids() == ([], []))


class Bench:
    """phase is "handshake" or "rekey", without the plugin that the peer does not load."""

    def __init__(self, size, phase, without):
        self.size, self.phase, self.lab = size, phase, Wire()
        self.pairs = {}
        for name, plugins in (("ours", PLUGINS), ("stock", [p for p in PLUGINS if p != without])):
            gateway = Gateway(self.lab, size, name, plugins)
            carrier = Carrier(self.lab, f"{name}-carrier", size, "carrier")
            self.pairs[name] = (gateway, carrier)
            adapt(carrier)
            for charon in (gateway, carrier):
                charon.start()
            gateway.load(f"added={size} changed=0 removed=0 kept=0")
            carrier.load()
            if phase == "rekey":
                carrier.bring_up(range(size))

    def _handshakes(self, gateway, carrier):
        carrier.end_all()
        counted = gateway.count(lambda: carrier.bring_up(range(self.size)))
        assert [len(ids) for ids in carrier.ids()] == [self.size, self.size], carrier.ids()
        return {"value": counted / self.size, "handshakes": self.size}

    def _rekey(self, charon, carrier, kind):
        """Each tunnel's IKE_SA or CHILD_SA is rekeyed by one side."""
        before = carrier.ids()[kind == "child"]
        connection = vici.Vici(f"{charon.folder}/vici", LIMIT)
        for n in range(self.size):
            connection.ask("rekey", **({"child": f"a{n}"} if kind == "child" else {"ike": f"t{n}"}))
        connection.close()

        def renewed():
            after = carrier.ids()[kind == "child"]
            return len(after) == self.size and not set(before) & set(after)
        wait_for(f"all {kind} rekeys by {charon.name}", renewed, LIMIT)

    def _rekeys(self, gateway, carrier):
        def work():
            for kind in ("child", "ike"):
                for charon in (gateway, carrier):
                    self._rekey(charon, carrier, kind)
        return {"value": gateway.count(work) / (4 * self.size), "rekeys": 4 * self.size}

    def _measure(self, side):
        return (self._handshakes if self.phase == "handshake" else self._rekeys)(*self.pairs[side])

    def ours(self, _run):
        return self._measure("ours")

    def peer(self, _run):
        return self._measure("stock")

    def close(self):
        for pair in self.pairs.values():
            for charon in pair:
                charon.kill()
