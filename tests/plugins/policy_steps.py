"""The peer offers, step by step: in IKE_SA_INIT, IKE_AUTH, and CREATE_CHILD_SA of a new CHILD_SA and both rekeys."""

import ike_wire as wire
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, alive
from policy_verdict import ACCEPTED, CHOSEN, IGNORED, judge

INIT, FIRST, CHILD = alive(ALLOWED_IKE), alive(ALLOWED_FIRST), alive(ALLOWED_ESP)

BROKEN = f"errors [{wire.INVALID_SYNTAX}]"  # the gateway drops the IKE_SA after that


def establish(peer, first=ALLOWED_FIRST):
    """An IKE_SA with a CHILD_SA of the allowed suite; that it comes up shows that the gateway is alive."""
    payloads, sa = peer.init(INIT)
    assert sa and judge(payloads, ALLOWED_IKE)[0] == CHOSEN, f"the allowed suite is refused in IKE_SA_INIT: {payloads}"
    payloads = peer.auth(sa, alive(first))
    assert judge(payloads, first)[0] == CHOSEN, f"the allowed suite is refused in IKE_AUTH: {payloads}"
    return sa


class Offering:
    """Makes offers in one step, an IKE_SA standing as far as the step needs one."""

    def __init__(self, peer, allowed):
        self.peer, self.allowed, self.sa = peer, allowed, None
        self.first = ALLOWED_FIRST._replace(esn=allowed.esn or 0)  # of the CHILD_SA in IKE_AUTH

    def begin(self):
        """Also shows that the allowed suite is accepted in this step."""
        self.sa = establish(self.peer, self.first)

    def end(self):
        if self.sa:
            self.peer.delete_ike(self.sa)
            self.sa = None

    def again(self, verdict):
        """After something that must not have been accepted, or no answer: from the beginning."""
        if self.sa and verdict != ACCEPTED:
            self.peer.forget(self.sa)
            self.sa = None
        self.end()
        self.begin()

    def offer(self, offer):
        """Verdict and what was seen."""
        verdict, said = judge(self.make(offer), self.allowed)
        if verdict == CHOSEN:
            self.clear()
        elif verdict in (ACCEPTED, IGNORED) or said == BROKEN:
            self.again(verdict)
        return verdict, said

    def show_alive(self):
        verdict, said = self.offer(alive(self.allowed))
        assert verdict == CHOSEN, f"the allowed suite is refused: {said}"


class Init(Offering):
    """Half an IKE_SA of those that were accepted stays behind and runs into the gateway's time limit."""

    def begin(self):
        self.show_alive()

    def make(self, offer):
        return self.peer.init(offer)[0]

    def again(self, _):
        pass

    def clear(self):
        pass

    def end(self):
        pass


class Auth(Offering):
    def begin(self):
        self.show_alive()

    def make(self, offer):
        self.sa = self.peer.init(INIT)[1]
        assert self.sa, "the allowed suite is refused in IKE_SA_INIT"
        payloads = self.peer.auth(self.sa, offer)
        if payloads and wire.find(payloads, wire.AUTH):
            self.peer.delete_ike(self.sa)
        self.sa = None
        return payloads

    def again(self, _):
        pass

    def clear(self):
        pass


class Child(Offering):
    def begin(self):
        super().begin()
        self.show_alive()

    def make(self, offer):
        return self.peer.create_child(self.sa, offer)

    def clear(self):
        """The newest CHILD_SA."""
        self.peer.delete_child(self.sa, [*self.sa.children.values()][-1])


class ChildRekey(Offering):
    def begin(self):
        super().begin()
        self.show_alive()

    def make(self, offer):
        return self.peer.create_child(self.sa, offer, rekeyed=[*self.sa.children.values()][0])

    def clear(self):
        """The one that was rekeyed; what came instead of it is the next to be rekeyed."""
        self.peer.delete_child(self.sa, [*self.sa.children.values()][0])


class IkeRekey(Offering):
    def __init__(self, peer, allowed):
        super().__init__(peer, allowed)
        self.made = None

    def begin(self):
        super().begin()
        self.show_alive()

    def make(self, offer):
        payloads, self.made = self.peer.rekey_ike(self.sa, offer)
        return payloads

    def clear(self):
        self.peer.delete_ike(self.sa)
        self.sa = self.made


STEPS = {"IKE_SA_INIT": (Init, ALLOWED_IKE), "IKE_AUTH": (Auth, ALLOWED_FIRST), "new CHILD_SA": (Child, ALLOWED_ESP),
         "CHILD_SA rekey": (ChildRekey, ALLOWED_ESP), "IKE_SA rekey": (IkeRekey, ALLOWED_IKE)}


def offer_all(tally, place, offering, offers, batch=100, enough=None):
    """Makes the offers in batches, each between two proofs of life; stops early after `enough` wrong acceptances."""
    accepted = 0
    for first in range(0, len(offers), batch):
        offering.begin()
        for offer in offers[first:first + batch]:
            verdict, said = offering.offer(offer)
            tally.add(place, offer, verdict, said)
            accepted += verdict == ACCEPTED
            if accepted == enough:
                offering.end()
                return
        offering.show_alive()
        offering.end()
