"""The gateway begins with a hybrid suite, and who answers leaves the second key exchange out or makes another: in
IKE_INTERMEDIATE, and in IKE_FOLLOWUP_KE of a new CHILD_SA and of both kinds of rekey. The first one is not worth the suite."""

import ike_crypto
import ike_responder
import ike_wire as wire
from ike_peer import Offer
from ike_vici import children
from policy_answers import AnswerChild, AnswerChildRekey, AnswerIkeRekey, AnswerInit, answer_all
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, ML_KEM, alive
from policy_verdict import tell

HYBRID = "aes256-sha256-ecp384-ke1_mlkem768"
ADDITIONAL = wire.Transform(wire.ADDKE1, ML_KEM)
EXCHANGES = {"dh-group": "ECP_384", "ake1": "ML_KEM_768"}
LINK = wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, b"link")


def hybrid(allowed, *notifies):
    proposal = allowed._replace(group=20).proposal()
    return Offer("hybrid", (proposal._replace(transforms=(*proposal.transforms, ADDITIONAL)),), 20, notifies)


MORE = Offer("alive", (), ML_KEM, may="choose")
IKE = hybrid(ALLOWED_IKE, wire.notify(wire.INTERMEDIATE_SUPPORTED))
GOOD = {ike_responder.INIT: IKE, ike_responder.INTERMEDIATE: MORE, ike_responder.AUTH: alive(ALLOWED_FIRST),
        ike_responder.CHILD: hybrid(ALLOWED_ESP, LINK), ike_responder.IKE_REKEY: hybrid(ALLOWED_IKE, LINK),
        ike_responder.FOLLOWUP: MORE}


def instead():
    """Of the second key exchange."""
    yield "nothing", None
    for group, name in ((35, "ML-KEM-512"), (37, "ML-KEM-1024"), (14, "a group of IKE's"), (20, "the first one again")):
        yield name, (group, None)
    yield "half a value", (ML_KEM, bytes(600))
    yield "a public value of its own", (ML_KEM, ike_crypto.any_public(ML_KEM))
    yield "an empty value", (ML_KEM, b"")


def answers():
    for name, ke in instead():
        group, value = ke or (None, None)
        yield Offer(name, (), group, value=value)
    yield Offer("a refusal", (), None, (wire.notify(wire.NO_PROPOSAL_CHOSEN),))
    yield Offer("a wish for another", (), None, (wire.notify(wire.INVALID_KE_PAYLOAD, (20).to_bytes(2, "big")),))


def first_answers(good):
    """To the exchange before: as if there were no second one, or none asked for."""
    yield good._replace(name="without what announces the second", notifies=())
    plain = good.proposals[0]._replace(transforms=tuple(t for t in good.proposals[0].transforms if t != ADDITIONAL))
    for name, notifies in (("the classic suite", ()), ("the classic suite, announcing more", good.notifies)):
        yield good._replace(name=name, proposals=(plain,), notifies=notifies)


def lacks(values, what):
    return [f"{what} {key} {values.get(key)}" for key, wanted in EXCHANGES.items() if values.get(key) != wanted]


class Hybrid:
    """Mixed in before an Answering. first: the step of the exchange that the second key exchange follows."""

    def good(self):
        return GOOD

    def weak(self, row):
        """What has come up without both key exchanges; the CHILD_SA of IKE_AUTH has none of its own."""
        found = lacks(row, "IKE_SA") if row["state"] == "ESTABLISHED" else []
        for name, child in children(row).items():
            if child.get("state") == "INSTALLED" and ("dh-group" in child or "ake1" in child):
                found += lacks(child, name)
        return found

    def weak_offers(self, heard, values=True):
        offered = [(step, proposal) for step, payloads in heard if wire.find(payloads or [], wire.SA)
                   for proposal in wire.decode_sa(wire.find(payloads, wire.SA))]
        weak = [tell(p) for step, p in offered
                if sorted(p.transforms) != sorted(GOOD[step].proposals[0].transforms)]
        return f"; it offers {'; '.join(weak)}" if weak else ""


class Intermediate(Hybrid, AnswerInit):
    step, first = ike_responder.INTERMEDIATE, ike_responder.INIT


class NewChild(Hybrid, AnswerChild):
    step, first = ike_responder.FOLLOWUP, ike_responder.CHILD


class ChildRekey(Hybrid, AnswerChildRekey):
    step, first = ike_responder.FOLLOWUP, ike_responder.CHILD


class IkeRekey(Hybrid, AnswerIkeRekey):
    step, first = ike_responder.FOLLOWUP, ike_responder.IKE_REKEY


KINDS = {"a first IKE_SA": Intermediate, "a new CHILD_SA": NewChild, "a CHILD_SA rekey": ChildRekey,
         "an IKE_SA rekey": IkeRekey}


def run(tally, gateway, peer, names):
    """names: of a tunnel that has no other suite."""
    for name, kind in KINDS.items():
        for step, offers in ((kind.first, first_answers(GOOD[kind.first])), (kind.step, answers())):
            answering, place = kind(peer, f"{gateway.folder}/vici", *names), f"peer answers in {step} of {name}"
            answering.step = step
            answer_all(tally, place, answering, [*offers])
            yield tally.line(place)
