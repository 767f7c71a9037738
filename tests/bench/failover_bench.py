"""failover: how long no cloud host reaches the devices when a carrier falls silent."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))

NAME = "failover"
WHAT = ("seconds in which numbered datagrams of a cloud host to a device, 20 a second, got no answer when the carrier in use was cut off the segment "
        "with a second one standing by. Ours: Culvert with its shipped timers, an ICMP probe as in its example; the runs have the figure without "
        "probes as well. Peer: stock strongSwan 6.0.1 with a connection to each carrier for the same selectors, DPD after 10 s as Culvert's, "
        "dpd_action = restart, and retransmissions as it ships them. The carriers are libreswan")
UNIT = "s"
GOAL_OURS = 3.0
SIZE, SMALL = 5, 1  # the peer's retransmissions: it ships with 5; with 1 it is quick, and no measure
LAB = "boot"
LIMIT = 260  # seconds


class Bench:
    def __init__(self, size):
        import lab  # pylint: disable=import-outside-toplevel; there in the lab machine only
        self.size, self.lab = size, lab

    def _fresh(self):
        self.close()
        fresh = self.lab.Lab("failover")
        fresh.open()
        return fresh

    def _gap(self, lab, text):
        """Cuts the carrier in use off."""
        import failover  # pylint: disable=import-outside-toplevel
        import netns  # pylint: disable=import-outside-toplevel
        failure = failover.Failure(lab, text)
        before = failover.marks(lab)
        assert failure.stream.await_answers(20), "no datagrams pass"
        used = failover.face(lab, failure.stream, before)
        assert len(used) == 1, used
        # A peer that is deaf and dumb: it answers no ARP either, which what was asked just before does not need.
        port, other = ("p1", failover.BACKUP) if used == {failover.FIRST} else ("p3", failover.FIRST)
        failover.cut(port)
        gap = failure.restored(LIMIT, other)
        assert lab.checks.good(), lab.checks.failed
        netns.ip("seg", f"link set {port} up")
        return round(gap, 3)

    def ours(self, run):
        import failover  # pylint: disable=import-outside-toplevel
        gaps = []
        for settings in (failover.PROBE, ""):
            lab = self._fresh()
            failover.start(lab, settings=settings)
            gaps.append(self._gap(lab, "Culvert"))
        return {"value": gaps[0], "without probes": gaps[1]}

    def peer(self, run):
        import failover  # pylint: disable=import-outside-toplevel
        import failover_stock  # pylint: disable=import-outside-toplevel
        lab = self._fresh()
        failover.carriers(lab)
        failover_stock.start(self.size, failover_stock.DPD if self.size >= SIZE else 2)
        return {"value": self._gap(lab, "stock strongSwan")}

    def close(self):
        import failover_stock  # pylint: disable=import-outside-toplevel
        failover_stock.clear()
        self.lab.clear()
