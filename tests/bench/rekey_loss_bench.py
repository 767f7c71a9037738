"""rekey-loss: what traffic loses when keys are replaced."""

import os
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))

NAME = "rekey-loss"
WHAT = ("numbered datagrams, 50 a second each way, through CHILD rekeys and a tenth as many IKE rekeys with libreswan, gateway and carrier initiating "
        "in turn, 20 ms each way, 5 % IKE loss: one more than were lost. Ours: Culvert. Peer: stock strongSwan 6.0.1 as the gateway. The runs have "
        "the figures as they are. No collisions: stock keeps what libreswan does not delete after them")
UNIT = "lost + 1"
GOAL_OURS = 1.0  # none lost, so never more than stock
SIZE, SMALL = 1000, 4
LAB = "boot"


class Bench:
    def __init__(self, size):
        import lab  # pylint: disable=import-outside-toplevel; there in the lab machine only
        self.size, self.lab = size, lab

    def _measure(self, start):
        import rekeys  # pylint: disable=import-outside-toplevel
        session = start(rekeys)
        try:
            assert session.traffic.flows(), "no datagrams pass"
            for case in rekeys.cases(self.size, max(1, self.size // 10), ("gateway", "carrier")):
                outcome = session.run(case)
                assert not outcome.flaw, outcome.flaw
        finally:
            session.stop()
        for line in session.summary():
            print(line, file=sys.stderr, flush=True)
        costs = [session.costs(one) for one in session.outcomes]
        return {"value": session.lost() + 1, "lost": session.lost(), "sent": session.sent(), "rekeys": len(costs),
                "rekeys with losses": sum(any(lost.values()) for lost, _ in costs),
                "blocked at most": round(max(max(blocked.values()) for _, blocked in costs), 3)}

    def _fresh(self):
        self.close()
        self.lab.Lab("rekey-loss").open()

    def ours(self, run):
        self._fresh()
        return self._measure(lambda rekeys: rekeys.start("libreswan"))

    def peer(self, run):
        import rekeys_carriers  # pylint: disable=import-outside-toplevel
        import rekeys_ends  # pylint: disable=import-outside-toplevel
        import rekeys_stock  # pylint: disable=import-outside-toplevel
        self._fresh()

        def start(rekeys):
            theirs = rekeys_carriers.start("libreswan")
            rekeys_stock.start()
            rekeys.road()
            return rekeys.Rekeys(rekeys_ends.Charon("gateway", rekeys_stock.SOCKET), theirs())
        return self._measure(start)

    def close(self):
        import rekeys_stock  # pylint: disable=import-outside-toplevel
        rekeys_stock.clear()
        self.lab.clear()
