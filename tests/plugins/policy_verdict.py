"""What the gateway made of an offer, and whether it may; the counts of it."""

import collections

import ike_wire as wire

REFUSED, IGNORED, CHOSEN, ACCEPTED = "refused", "ignored", "chosen", "accepted"
OFFERED = "offered"  # the gateway itself offers what it may not
MAY = {"refuse": (REFUSED, IGNORED), "choose": (CHOSEN,), "either": (REFUSED, IGNORED, CHOSEN)}


def is_allowed(proposal, allowed):
    """Exactly the allowed suite; that sequence numbers are short may go without saying."""
    wanted = allowed.transforms()
    implied = tuple(t for t in wanted if t != wire.Transform(wire.ESN, 0))
    return proposal.protocol == allowed.protocol and sorted(proposal.transforms) in (sorted(wanted), sorted(implied))


def tell(proposal):
    transforms = " ".join(f"{t.kind}:{t.number}{t.attributes and '/' + t.attributes.hex() or ''}"
                          for t in proposal.transforms)
    return f"protocol {proposal.protocol} {transforms}"


def judge(payloads, allowed):
    """Of the payloads of an answer: the verdict, and what was seen."""
    if payloads is None:
        return IGNORED, "no answer"
    notifies = wire.notifies(payloads)
    body = wire.find(payloads, wire.SA)
    if body is None:
        # To ask for another group, a suite must have been chosen.
        wanted = [int.from_bytes(data[:2], "big") for kind, data in notifies if kind == wire.INVALID_KE_PAYLOAD]
        if wanted and wanted[0] != allowed.group:
            return ACCEPTED, f"asks for group {wanted[0]}"
        errors = [kind for kind, _ in notifies if kind < wire.FIRST_STATUS]
        return REFUSED, f"errors {errors}"
    chosen = wire.decode_sa(body)
    ke = wire.find(payloads, wire.KE)
    group = wire.decode_ke(ke)[0] if ke else None
    said = f"chosen {'; '.join(tell(p) for p in chosen)}, KE payload of group {group}"
    agreed = {wire.USE_TRANSPORT_MODE, wire.IPCOMP_SUPPORTED} & {kind for kind, _ in notifies}
    if agreed:
        return ACCEPTED, f"{said}, notifies {agreed}"
    right = len(chosen) == 1 and is_allowed(chosen[0], allowed) and group == allowed.group
    return (CHOSEN if right else ACCEPTED), said


class Tally:
    """Counts by target, role and step; and what must not have been."""

    def __init__(self):
        self.counts = collections.defaultdict(collections.Counter)
        self.accepted, self.wrong = [], []

    def add(self, place, offer, verdict, said):
        self.counts[place][verdict] += 1
        if verdict == ACCEPTED:
            self.accepted.append(f"{place} {offer.name}: {said}")
        elif verdict not in MAY[offer.may]:
            self.wrong.append(f"{place} {offer.name}: {verdict}, must {offer.may}; {said}")

    @property
    def total(self):
        return sum(sum(counter.values()) for counter in self.counts.values())

    def line(self, place):
        counter = self.counts[place]
        verdicts = ", ".join(f"{counter[v]} {v}" for v in (REFUSED, IGNORED, CHOSEN, OFFERED, ACCEPTED) if counter[v])
        return f"{place}: {sum(counter.values())}: {verdicts}"
