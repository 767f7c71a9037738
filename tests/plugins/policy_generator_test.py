"""The generator that shows culvert-policy: thousands of suites that nobody may use, in every exchange and in both roles.

Runs like culvert_conf_test.py. With --off charon has the check switched off (CULVERT_OFF names that plugin), and the
generator must see weak suites accepted in every step of both roles. POLICY_OFFERS, POLICY_ANSWERS: how many there are in
each step; POLICY_SEED: which, behind those that are always there.
"""

import contextlib
import os
import sys
import time
import traceback

import policy_answers
import policy_esn
import policy_malformed
import policy_proofs
import policy_special
import policy_steps
import policy_target
from ike_lab import wait_for
from ike_responder import Responder
from ike_vici import Live
from policy_answers import GOOD, weak_words
from policy_offers import offers, wishes
from policy_verdict import Tally

SEED = int(os.environ.get("POLICY_SEED", "1"))
OFFERS = int(os.environ.get("POLICY_OFFERS", "300"))
ANSWERS = int(os.environ.get("POLICY_ANSWERS", "70"))
LEAST = 2000  # what a run must offer
ENOUGH = 10  # with the check switched off: so many acceptances show it
SOURCES = ("culvert.conf", "vici")  # of the default suite
# IKE_SA and CHILD_SAs by the gateway's names: the first CHILD_SA of IKE_AUTH, and one for CREATE_CHILD_SA.
NAMES = {"culvert.conf": ("t1", "a1", "a3"), "vici": ("c2", "k2", "k4"), "culvert.conf with ESN": ("t3", "a5", "a7")}


class Run:
    def __init__(self, off):
        self.off, self.tally, self.began = off, Tally(), time.monotonic()
        self.gateway, self.peers = policy_target.start(off)
        self.enough = ENOUGH if off else None
        for peer in self.peers.values():
            peer.responder = Responder(GOOD)  # the gateway may begin something by itself

    def say(self, text):
        print(f"{time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def finish(self, place):
        """Nothing weak stands. With the check off, what has come up with keys that the peer lacks ends by force."""
        self.say(self.tally.line(place))
        vici = Live(f"{self.gateway.folder}/vici")
        if self.off:
            with contextlib.suppress(RuntimeError):
                vici.ask("terminate", ike="c2", force="yes", timeout=-1)
            wait_for("no IKE_SA", lambda: not vici.sas())
        else:
            found = [(name, weak_words(row)) for name, row in vici.sas()]
            self.tally.accepted += [f"{place}: {name} has {weak}" for name, weak in found if weak]
        vici.close()

    def peer_offers(self, source):
        for step, (kind, allowed) in policy_steps.STEPS.items():
            place = f"{source}, peer offers in {step}"
            policy_steps.offer_all(self.tally, place, kind(self.peers[source], allowed), offers(allowed, OFFERS, SEED),
                                   enough=self.enough)
            self.finish(place)

    def peer_answers(self, source):
        for step, (kind, allowed) in policy_answers.STEPS.items():
            place = f"{source}, peer answers in {step}"
            answering = kind(self.peers[source], f"{self.gateway.folder}/vici", *NAMES[source])
            answers = [*wishes(allowed), *offers(allowed, ANSWERS, SEED, mixes=8)]
            policy_answers.answer_all(self.tally, place, answering, answers, enough=self.enough)
            self.finish(place)
        self.peers[source].responder = Responder(GOOD)

    def sequence_numbers(self, *sources):
        for source in sources:
            self.say(policy_esn.run(self.tally, source, self.gateway, self.peers[source], NAMES[source],
                                    int(source not in SOURCES)))

    def nothing_left(self):
        """Half of an IKE_SA goes after half_open_timeout."""
        vici = Live(f"{self.gateway.folder}/vici")
        wait_for("the end of the last IKE_SA", lambda: self.gateway.alive() and not vici.sas())

    def everything(self):
        for source in SOURCES:
            self.peer_offers(source)
            self.peer_answers(source)
            self.say(policy_proofs.run(self.tally, source, self.gateway, self.peers[source], NAMES[source]))
            self.say(policy_special.run(self.tally, source, self.peers[source]))
            self.say(policy_malformed.run(self.tally, source, self.peers[source], SEED))
        self.sequence_numbers(*self.peers)
        self.say(policy_special.weak_by_hand(self.tally, self.gateway, self.peers["vici"], NAMES["vici"]))
        self.nothing_left()

    def show(self):
        """The check holds."""
        self.everything()
        assert self.tally.total >= LEAST, f"only {self.tally.total} offers"
        assert not self.tally.accepted and not self.tally.wrong, "see above"
        log = self.gateway.read_log()
        assert "VIOLATED" not in log, "a weak SA came up and had to be ended"
        assert self.gateway.stop() == 0 and "ERROR: " not in self.gateway.read_log(), "charon has not ended well"

    def show_off(self):
        """The generator bites."""
        self.peer_offers("vici")
        self.peer_answers("vici")
        self.sequence_numbers("vici")
        missed = [place for place, counter in self.tally.counts.items() if not counter["accepted"]]
        assert not missed, f"nothing weak was accepted in {missed}"


def main(arguments):
    run = Run("--off" in arguments)
    try:
        run.show_off() if run.off else run.show()
    except Exception:  # pylint: disable=broad-except: whatever it is, what was seen so far explains it
        traceback.print_exc(file=sys.stdout)
        print(run.gateway.read_log()[-6000:])
        return 1
    finally:
        run.gateway.stop()
        for name in ("accepted", "wrong"):
            rows = getattr(run.tally, name)
            print(f"{len(rows)} {name}", *rows[:40], sep="\n    ")
        print(f"{run.tally.total} offers")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
