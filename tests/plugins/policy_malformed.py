"""Messages whose lengths, counts and types are wrong in the places that a proposal has: nothing breaks or comes up."""

import os
import random

import ike_crypto
import ike_wire as wire
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, alive, everything
from policy_steps import FIRST, INIT, establish
from policy_verdict import ACCEPTED, REFUSED, judge

RANDOM = 40  # of each form, besides the systematic ones
VALUES = (0, 1, 2, 3, 4, 7, 0x7F, 0x80, 0xFE, 0xFF)


def damaged(body, rng):
    """An SA payload: each octet of its first proposal and transforms with other values; cut; grown; at random."""
    for at in range(min(len(body), 28)):
        for value in VALUES if at in (0, 2, 3, 5, 6, 7) else VALUES[::3]:
            yield body[:at] + bytes([value]) + body[at + 1:]
    for size in (*range(0, 24), len(body) - 9, len(body) - 8, len(body) - 4, len(body) - 1):
        yield body[:size]
    yield body + bytes(8)
    yield body * 2
    yield body + body[:20]
    for _ in range(RANDOM):
        changed = bytearray(body)
        for _ in range(rng.randint(1, 6)):
            changed[rng.randrange(len(changed))] = rng.choice(VALUES)
        yield bytes(changed)


def huge(allowed):
    """As much as fits: many transforms, many proposals, many attributes."""
    good = allowed.proposal()
    many = tuple(wire.Transform(wire.ENCR, n) for n in range(1000, 1000 + 255 - len(good.transforms)))
    same = (good.transforms[0],) * (255 - len(good.transforms))
    yield "255 transforms", (wire.Proposal(good.protocol, many + good.transforms),)
    yield "255 transforms, the most of them the same", (wire.Proposal(good.protocol, same + good.transforms),)
    yield "200 proposals", (*(wire.Proposal(good.protocol, good.transforms[1:]) for _ in range(199)), good)
    yield "40 long proposals", (everything(allowed, weak=True),) * 39 + (good,)
    attributes = wire.key_length(256) + b"".join(wire.attribute(15, bytes([n])) for n in range(200))
    yield "201 attributes", (wire.Proposal(good.protocol, (good.transforms[0]._replace(attributes=attributes),
                                                           *good.transforms[1:])),)


def in_init(peer, seed):
    """Sent without waiting; what is answered is judged at the end."""
    rng = random.Random(f"{seed} malformed")
    sent = 0
    peer.unasked.clear()
    for body in damaged(wire.encode_sa([ALLOWED_IKE.proposal()]), rng):
        payloads = [(wire.SA, body), *peer.ke(INIT, ike_crypto.KeyExchange()), (wire.NONCE, os.urandom(32))]
        message = wire.encode_message(os.urandom(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)
        peer.send(message)
        sent += 1
        if not sent % 20:
            peer.receive(0.01)
    peer.receive(0.5)
    for header, data in peer.unasked:
        yield judge(wire.decode_payloads(header.next, data[wire.HEADER.size:])[0], ALLOWED_IKE)
    for _ in range(sent - len(peer.unasked)):
        yield REFUSED, "no answer"
    peer.unasked.clear()


def in_create_child(peer, seed):
    """On an IKE_SA that stands; one that the gateway gives up is made anew."""
    rng = random.Random(f"{seed} malformed child")
    sa, spi = establish(peer), os.urandom(4)
    bodies = [*damaged(wire.encode_sa([ALLOWED_ESP.proposal()._replace(spi=spi)]), rng)]
    for body in rng.sample(bodies, 80):
        payloads = peer.request(sa, wire.CREATE_CHILD_SA, [
            (wire.SA, body), (wire.NONCE, os.urandom(32)), *peer.ke(alive(ALLOWED_ESP), ike_crypto.KeyExchange()),
            *peer.selectors(True)], limit=0.3)
        yield judge(payloads, ALLOWED_ESP)
        if payloads is None or not any(kind == wire.NO_PROPOSAL_CHOSEN for kind, _ in wire.notifies(payloads)):
            peer.forget(sa)
            sa = establish(peer)
    peer.delete_ike(sa)


def in_auth(peer, seed):
    rng = random.Random(f"{seed} malformed auth")
    bodies = [*damaged(wire.encode_sa([ALLOWED_FIRST.proposal()._replace(spi=os.urandom(4))]), rng)]
    for body in rng.sample(bodies, 30):
        sa = peer.init(INIT)[1]
        identity = wire.encode_id(peer.link.identity)
        yield judge(peer.request(sa, wire.IKE_AUTH, [
            (wire.IDI, identity), (wire.AUTH, sa.auth(peer.link.psk, identity)), (wire.SA, body), *peer.selectors(True)],
            limit=0.3), ALLOWED_FIRST)
        peer.forget(sa)


def large(peer):
    for name, proposals in huge(ALLOWED_IKE):
        yield name, judge(peer.init(INIT._replace(proposals=proposals))[0], ALLOWED_IKE)
    sa = establish(peer)
    for name, proposals in huge(ALLOWED_ESP):
        yield name, judge(peer.create_child(sa, alive(ALLOWED_ESP)._replace(proposals=proposals)), ALLOWED_ESP)
    peer.delete_ike(sa)
    for name, proposals in huge(ALLOWED_FIRST):
        sa = peer.init(INIT)[1]
        yield name, judge(peer.auth(sa, FIRST._replace(proposals=proposals)), ALLOWED_FIRST)
        peer.forget(sa)


def run(tally, source, peer, seed):
    place = f"{source}, malformed"
    peer.delete_ike(establish(peer))
    for form in (in_init, in_create_child, in_auth):
        for i, (verdict, said) in enumerate(form(peer, seed)):
            tally.add(place, alive(ALLOWED_IKE, f"{form.__name__} {i}")._replace(may="either"), verdict, said)
        peer.delete_ike(establish(peer))
    for name, (verdict, said) in large(peer):
        may = "either" if "attributes" in name else "choose"
        tally.add(place, alive(ALLOWED_IKE, name)._replace(may=may), verdict, said)
    peer.delete_ike(establish(peer))
    assert ACCEPTED not in tally.counts[place], place
    return tally.line(place)
