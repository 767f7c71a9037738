"""charon-kill-outage: what traffic loses when charon is killed."""

import os
import re
import signal
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))

NAME = "charon-kill-outage"
WHAT = ("seconds of a device's numbered datagrams, 250 a second, that got no answer after kill -9 of charon until it has new SAs and has used "
        "them for two seconds, per kill, and 0.004 for the one that was not lost. By numbers and not by the clock: the lab's processors are busy. "
        "Ours: Culvert. Peer: stock strongSwan 6.0.1 as the gateway, under its unit's restart and swanctl --load-all, with start_action = start. "
        "The carrier is libreswan. The runs have the losses of each kill, and datagrams seen in clear outside")
UNIT = "s"
GOAL_OURS = 0.25
SIZE, SMALL = 5, 1
LAB = "boot"
LIMIT = 60  # seconds for a tunnel to come back
INTERVAL = 0.004  # seconds
TWO_SECONDS = 500  # answers


class Side:
    """A gateway under traffic. spis(): those of the SAs in use, as its charon says; none while it does not answer."""

    def __init__(self, lab, unit, spis):
        import systemd  # pylint: disable=import-outside-toplevel
        import traffic  # pylint: disable=import-outside-toplevel
        self.lab, self.unit, self.spis, self.systemd = lab, unit, spis, systemd
        traffic.Stream.INTERVAL = INTERVAL
        self.stream = traffic.Stream()
        self.losses = []
        assert self.stream.await_answers(TWO_SECONDS), "no traffic flows"

    def kill(self):
        """Kills charon and waits until all is well again; counts what was lost meanwhile."""
        import check  # pylint: disable=import-outside-toplevel
        old, pid = self.spis(), self.systemd.main_pid(self.unit)
        assert old and pid, "charon has no SAs"
        first = max(self.stream.answered)
        os.kill(pid, signal.SIGKILL)
        assert check.poll(lambda: (new := self.spis()) and not new & old, LIMIT, every=0.5), "charon has no new SAs"
        assert self.stream.await_answers(TWO_SECONDS, LIMIT), "no traffic flows on the new SAs"
        assert self.systemd.main_pid(self.unit) not in (0, pid), "charon was not killed"
        last = max(self.stream.answered)
        self.losses.append(len(set(range(first, last)) - set(self.stream.answered)))

    def result(self):
        import topology  # pylint: disable=import-outside-toplevel
        import wire  # pylint: disable=import-outside-toplevel
        lost = self.stream.stop()
        clear = [f for f in self.lab.outer.frames() if f.source_mac != topology.INET_MAC and wire.tokens_in(f)]
        value = (sum(self.losses) / len(self.losses) + 1) * INTERVAL
        return {"value": round(value, 4), "losses": self.losses, "lost": len(lost), "sent": len(self.stream.sent), "clear": len(clear)}


class Bench:
    def __init__(self, size):
        import lab  # pylint: disable=import-outside-toplevel; there in the lab machine only
        self.size, self.lab = size, lab

    def _measure(self, start):
        import libreswan  # pylint: disable=import-outside-toplevel
        import operators_file  # pylint: disable=import-outside-toplevel
        self.close()
        here = self.lab.Lab(NAME)
        here.open()
        libreswan.start(operators_file.PSK)
        side = Side(here, *start(here))
        for _ in range(self.size):
            side.kill()
        return side.result()

    def ours(self, run):
        import gateway  # pylint: disable=import-outside-toplevel

        def start(here):
            here.start_gateway()
            here.require_up()
            return gateway.CHARON, lambda: set(gateway.spis(gateway.status()) or ())
        result = self._measure(start)
        assert not result["clear"], f"{result['clear']} datagrams in clear"
        return result

    def peer(self, run):
        import netns  # pylint: disable=import-outside-toplevel
        import rekeys_stock  # pylint: disable=import-outside-toplevel

        def spis():
            text = netns.run("swanctl", "--list-sas", "--raw", "--uri", f"unix://{rekeys_stock.SOCKET}", check=False)
            return set(re.findall(r"state=INSTALLED [^{}]*?spi-in=([0-9a-f]+)", text))

        def start(here):
            rekeys_stock.start(alone=True)
            return rekeys_stock.UNIT, spis
        return self._measure(start)

    def close(self):
        import rekeys_stock  # pylint: disable=import-outside-toplevel
        rekeys_stock.clear()
        self.lab.clear()
