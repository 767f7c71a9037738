"""Forbidden datagrams all the time, while something else happens to the gateway: none may slip through a gap."""

import contextlib
import threading

import offers
import walls
import wire


class Assault(threading.Thread):
    INTERVAL = 0.05  # seconds between two rounds

    def __init__(self, lab, these=offers.WITHIN + offers.FROM_CLOUD):
        super().__init__(daemon=True)
        self._lab, self._end = lab, threading.Event()
        self._marks = {offer: wire.token() for offer in these}
        self._rounds = 0
        self.start()

    def run(self):
        while True:
            for offer, mark in self._marks.items():
                with contextlib.suppress(OSError):  # no way there at the moment; that enough were sent is checked
                    wire.send_as(offer.namespace, *offer.ends(), mark)
            self._rounds += 1
            if self._end.wait(self.INTERVAL):
                break

    def end(self, tunnel=True):
        """Ends it; what speaks against the gateway, or against the assault itself."""
        self._end.set()
        self.join()
        fenced = all(walls.fence(self._lab, namespace, tunnel) for namespace in {one.namespace for one in self._marks})
        flaws = [] if fenced else ["a fence did not come back"]
        for offer, mark in self._marks.items():
            if not self._lab.captures[offer.seen_at].find(mark):
                flaws.append(f"{offer} was never sent")
            flaws += [f"{offer} seen at {name}" for name in offer.never_at if self._lab.captures[name].find(mark)]
        return flaws

    def check(self, during, tunnel=True):
        """Ends it; none of its datagrams has arrived anywhere beyond the gateway."""
        flaws = self.end(tunnel)
        text = f"none of {self._rounds * len(self._marks)} forbidden datagrams has passed {during}"
        self._lab.check(text, not flaws, "; ".join(flaws))
