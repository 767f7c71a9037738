"""The gateway begins, and who answers does not prove to be the peer: no IKE_SA, no CHILD_SA, and the reason is told."""

import os

import ike_responder
import ike_wire as wire
from policy_answers import GOOD, AnswerAuth
from policy_offers import ALLOWED_FIRST, alive
from policy_verdict import IGNORED

# What the gateway says: with our check, and where charon does not get that far.
NOTHING_PROVEN = "refused: EAP or no authentication with the peer at"
NOT_PROVEN = "peer authentication failed: the PSK or identity"


def instead(reply, kind, *payloads):
    """The reply with these in the place of one of its payloads."""
    at = [k for k, _ in reply].index(kind)
    return [*reply[:at], *payloads, *reply[at + 1:]]


def other_psk(peer, sa, reply):
    return instead(reply, wire.AUTH, (wire.AUTH, sa.auth("somebody else's", wire.find(reply, wire.IDR))))


def one_bit(peer, sa, reply):
    good = wire.find(reply, wire.AUTH)
    return instead(reply, wire.AUTH, (wire.AUTH, good[:-1] + bytes([good[-1] ^ 1])))


def half_a_value(peer, sa, reply):
    return instead(reply, wire.AUTH, (wire.AUTH, wire.find(reply, wire.AUTH)[:20]))


def the_gateways_own(peer, sa, reply):
    """What the gateway has sent, back to it."""
    return instead(reply, wire.AUTH, (wire.AUTH, wire.find(peer.responder.heard[-1][1], wire.AUTH)))


def signature(peer, sa, reply):
    return instead(reply, wire.AUTH, (wire.AUTH, b"\1\0\0\0" + os.urandom(256)))


def null_authentication(peer, sa, reply):
    """RFC 7619."""
    return instead(reply, wire.AUTH, (wire.AUTH, sa.null_auth(wire.find(reply, wire.IDR))))


def no_proof(peer, sa, reply):
    return instead(reply, wire.AUTH)


def eap_request(peer, sa, reply):
    """A request for the identity (RFC 3748, section 5.1) by a peer that wants nothing but EAP (RFC 5998)."""
    return instead(reply, wire.AUTH, (wire.EAP, b"\1\1\0\5\1"), wire.notify(wire.EAP_ONLY))


def eap_success(peer, sa, reply):
    return instead(reply, wire.AUTH, (wire.EAP, b"\3\1\0\4"))


def another_identity(peer, sa, reply):
    """It knows the PSK, and that is all."""
    other = wire.encode_id("peer9.example.net")
    return [(wire.IDR, other), *instead(reply[1:], wire.AUTH, (wire.AUTH, sa.auth(peer.link.psk, other)))]


def another_identity_than_proven(peer, sa, reply):
    return instead(reply, wire.IDR, (wire.IDR, wire.encode_id("peer9.example.net")))


def no_identity(peer, sa, reply):
    return instead(reply, wire.IDR)


CASES = {other_psk: NOT_PROVEN, one_bit: NOT_PROVEN, half_a_value: NOT_PROVEN, the_gateways_own: NOT_PROVEN,
         signature: NOT_PROVEN, null_authentication: NOT_PROVEN, no_proof: NOTHING_PROVEN, eap_request: NOTHING_PROVEN,
         eap_success: NOTHING_PROVEN, another_identity: NOT_PROVEN, another_identity_than_proven: NOT_PROVEN,
         no_identity: NOT_PROVEN}


class AnswerProof(AnswerAuth):
    """The suites are good: what comes up is wrong, be it an IKE_SA alone."""

    def make(self):
        """initiate has its answer when charon gives up, not when it has."""
        super().make()
        self.serve_until(lambda: not self.busy())

    def is_up(self, row):
        up = super().is_up(row)
        return up or self.peer.responder.forge and row is not None and row["state"] == "ESTABLISHED"

    def forged(self, case):
        self.patient, self.peer.responder.forge = True, case
        verdict, said = self.answer(GOOD[ike_responder.AUTH])
        self.peer.responder.forge = None
        return verdict, f"{said}; {self.why}"


def run(tally, source, gateway, peer, names):
    """Each between two proofs of life. The reason that a tunnel of culvert.conf has in `culvert status` is the right one."""
    place = f"{source}, proofs of the peer's identity"
    answering = AnswerProof(peer, f"{gateway.folder}/vici", *names)
    is_tunnel = names[0] in gateway.report()
    answering.begin()
    for case, reason in CASES.items():
        if is_tunnel:  # an attempt beside what is up is no failure
            gateway.wait_tunnel(names[0], "down", lambda row: row["state"] == "down")
        verdict, said = answering.forged(case)
        assert verdict != IGNORED, said
        tally.add(place, alive(ALLOWED_FIRST, case.__name__)._replace(may="refuse"), verdict, said)
        told = gateway.report()[names[0]]["failure"] if is_tunnel else reason
        assert told.startswith(reason), f"{case.__name__}: the reason told is {told}"
        answering.show_alive()
    answering.end()
    return tally.line(place)
