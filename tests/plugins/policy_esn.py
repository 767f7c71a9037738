"""A tunnel whose suite has extended sequence numbers takes no CHILD_SA without, nor one whose suite is without any with them:
the first, a new one, a rekeyed one, whoever begins."""

import ike_wire as wire
import policy_answers
import policy_steps
from policy_offers import alive, changed

STEPS = ("IKE_AUTH", "new CHILD_SA", "CHILD_SA rekey")


def kinds(allowed):
    """The suite's proposal with the other kind of sequence numbers, with both, with none, and as it has to be."""
    other = wire.Transform(wire.ESN, 1 - allowed.esn)
    good = allowed.proposal()
    return (changed(allowed, wire.ESN, other), good._replace(transforms=(*good.transforms, other)),
            changed(allowed, wire.ESN), good)


def offers(allowed):
    other, both, none, good = kinds(allowed)
    for name, proposals, may in (
            ("the other", (other,), "refuse"), ("both", (both,), "choose"),
            # Until IKE_AUTH says whose it is both may pass, and a connection by hand that has both takes the first.
            ("the other, then it", (other, good), "choose" if allowed.group or allowed.esn else "either"),
            # That they are short may go without saying.
            ("none", (none,), "refuse" if allowed.esn else "either"), ("it again", (good,), "choose")):
        yield alive(allowed, name)._replace(proposals=proposals, may=may)


def answers(allowed):
    """What was not offered, and what is no choice."""
    other, both, none, _ = kinds(allowed)
    for name, proposal, may in (("the other", other, "refuse"), ("both", both, "refuse"),
                                ("none", none, "refuse" if allowed.esn else "either")):
        yield alive(allowed, name)._replace(proposals=(proposal,), may=may)


def run(tally, source, gateway, peer, names, esn):
    """esn: whether the suite has them, 1 or 0."""
    for step in STEPS:
        kind, allowed = policy_steps.STEPS[step]
        allowed = allowed._replace(esn=esn)
        policy_steps.offer_all(tally, f"{source}, ESN, peer offers in {step}", kind(peer, allowed), [*offers(allowed)])
        answering = policy_answers.STEPS[step][0](peer, f"{gateway.folder}/vici", *names, esn=esn)
        policy_answers.answer_all(tally, f"{source}, ESN, peer answers in {step}", answering, [*answers(allowed)])
    return "\n          ".join(tally.line(place) for place in tally.counts if place.startswith(f"{source}, ESN"))
