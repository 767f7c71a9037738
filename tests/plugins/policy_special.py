"""What is no suite and must not come up: IKEv1, EAP, peers that do not authenticate, messages in the wrong place."""

import os

import ike_crypto
import ike_wire as wire
from ike_responder import Responder
from ike_vici import Live
from policy_answers import GOOD, Answering, weak_words
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, alive
from policy_steps import CHILD, FIRST, INIT, establish
from policy_target import by_hand
from policy_verdict import ACCEPTED, OFFERED, REFUSED, judge

WEAK_ESP = alive(ALLOWED_ESP._replace(encryption=(12, 128)), "weak")
WEAK_IKE = alive(ALLOWED_IKE._replace(encryption=(12, 128)), "weak")


def no_sa(payloads, allowed=ALLOWED_FIRST):
    """Verdict on an answer that must have no SA in it, nor ask for more authentication."""
    verdict, said = judge(payloads, allowed)
    if payloads and (wire.find(payloads, wire.SA) or wire.find(payloads, wire.EAP) or wire.find(payloads, wire.AUTH)):
        return ACCEPTED, f"payloads {[kind for kind, _ in payloads]}"
    return verdict, said


def wrong_psk(peer, sa):
    return no_sa(peer.auth(sa, FIRST, psk="somebody else's"))


def eap(peer, sa):
    """Without AUTH: RFC 7296, section 2.16."""
    return no_sa(peer.auth(sa, FIRST, replace=[wire.notify(wire.EAP_ONLY)]))


def null_authentication(peer, sa):
    """RFC 7619."""
    return no_sa(peer.auth(sa, FIRST, replace=[(wire.AUTH, sa.null_auth(wire.encode_id(peer.link.identity)))]))


def signature(peer, sa):
    return no_sa(peer.auth(sa, FIRST, replace=[(wire.AUTH, b"\x01\0\0\0" + os.urandom(256))]))


def childless(peer, sa):
    identity = wire.encode_id(peer.link.identity)
    return no_sa(peer.request(sa, wire.IKE_AUTH, [
        (wire.IDI, identity), (wire.AUTH, sa.auth(peer.link.psk, identity))]))


def child_without_authentication(peer, sa):
    return no_sa(peer.create_child(sa, CHILD, limit=0.5))


def rekey_without_authentication(peer, sa):
    return no_sa(peer.rekey_ike(sa, INIT, limit=0.5)[0])


def intermediate_that_nobody_asked_for(peer, sa):
    """Additional key exchanges were not negotiated."""
    ke = wire.KE, wire.encode_ke(36, ike_crypto.any_public(36))
    return no_sa(peer.request(sa, wire.IKE_INTERMEDIATE, [ke], limit=0.5))


def authentication_for_later(peer, sa):
    """IKE_AUTH with the number of a message behind an IKE_INTERMEDIATE that never was."""
    sa.next_request = 2
    return no_sa(peer.auth(sa, FIRST, limit=0.5))


BEFORE = (wrong_psk, eap, null_authentication, signature, childless, child_without_authentication,
          rekey_without_authentication, intermediate_that_nobody_asked_for, authentication_for_later)


def child_of(peer, sa, *payloads):
    return peer.request(sa, wire.CREATE_CHILD_SA, [*payloads], limit=0.5)


def pieces(peer, offer, spi):
    """SA, nonce and KE payload of an offer."""
    return [(wire.SA, wire.encode_sa([p._replace(spi=spi) for p in offer.proposals])), (wire.NONCE, os.urandom(32)),
            *peer.ke(offer, ike_crypto.KeyExchange())]


def followup(peer, sa):
    return no_sa(peer.request(sa, wire.IKE_FOLLOWUP_KE, [
        (wire.KE, wire.encode_ke(36, ike_crypto.any_public(36))),
        wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, os.urandom(4))], limit=0.5))


def weak_ike_with_selectors(peer, sa):
    """IKE proposals in what looks like a new CHILD_SA."""
    return no_sa(child_of(peer, sa, *pieces(peer, WEAK_IKE, os.urandom(8)), *peer.selectors(True)))


def weak_esp_without_selectors(peer, sa):
    """ESP proposals in what looks like a rekeying of the IKE_SA."""
    return no_sa(child_of(peer, sa, *pieces(peer, WEAK_ESP, os.urandom(4))))


def rekey_of_child_without_selectors(peer, sa):
    old = [*sa.children.values()][0]
    return no_sa(child_of(peer, sa, wire.notify(wire.REKEY_SA, protocol=wire.ESP, spi=old),
                          *pieces(peer, WEAK_ESP, os.urandom(4))))


def rekey_of_nothing(peer, sa):
    return no_sa(child_of(peer, sa, wire.notify(wire.REKEY_SA, protocol=wire.ESP, spi=os.urandom(4)),
                          *pieces(peer, WEAK_ESP, os.urandom(4)), *peer.selectors(True)))


def weak_and_good_payload(peer, sa):
    """Two SA payloads."""
    spi = os.urandom(4)
    return no_sa(child_of(peer, sa, *pieces(peer, WEAK_ESP, spi)[:1], *pieces(peer, CHILD, spi), *peer.selectors(True)))


def good_and_weak_payload(peer, sa):
    spi = os.urandom(4)
    return no_sa(child_of(peer, sa, *pieces(peer, CHILD, spi)[:1], *pieces(peer, WEAK_ESP, spi), *peer.selectors(True)))


def authentication_again(peer, sa):
    return no_sa(peer.auth(sa, FIRST, limit=0.5))


LATER = (followup, weak_ike_with_selectors, weak_esp_without_selectors, rekey_of_child_without_selectors,
         rekey_of_nothing, weak_and_good_payload, good_and_weak_payload, authentication_again)


def other_version(peer, version, exchange):
    """A first message of another version of IKE; its SA payload has the type that this version gives it."""
    body = wire.encode_sa([ALLOWED_IKE.proposal()])
    payloads = [(1, b"\0\0\0\1\0\0\0\1" + body)] if version == 0x10 else [(wire.SA, body), *pieces(peer, INIT, b"")[1:]]
    answer = peer.ask(wire.encode_message(os.urandom(8), bytes(8), exchange, wire.INITIATOR if version > 0x1F else 0, 0,
                                          payloads, version), limit=0.3)
    if answer and (wire.find(answer[2], wire.SA) is not None or wire.find(answer[2], 1) is not None):
        return ACCEPTED, f"payloads {[kind for kind, _ in answer[2]]}"
    return REFUSED, "no SA in the answer"


VERSIONS = ((0x10, 2), (0x10, 4), (0x10, 34), (0x11, 2), (0x00, 34), (0x30, 34))


def run(tally, source, peer):
    """Each on an IKE_SA of its own, between two proofs of life."""
    place = f"{source}, things that are no suite"
    peer.delete_ike(establish(peer))
    for case in BEFORE:
        sa = peer.init(INIT)[1]
        tally.add(place, alive(ALLOWED_IKE, case.__name__)._replace(may="refuse"), *case(peer, sa))
        peer.forget(sa)
    for case in LATER:
        sa = establish(peer)
        tally.add(place, alive(ALLOWED_IKE, case.__name__)._replace(may="refuse"), *case(peer, sa))
        peer.forget(sa)
    for version, exchange in VERSIONS:
        offer = alive(ALLOWED_IKE, f"version {version:#x}, exchange {exchange}")._replace(may="refuse")
        tally.add(place, offer, *other_version(peer, version, exchange))
    peer.delete_ike(establish(peer))
    return tally.line(place)


GOOD_IKE, GOOD_ESP = "aes256-sha256-modp2048", "esp_proposals = aes256-sha256-modp2048"
WEAK_BY_HAND = (
    ("aes128-sha256-modp2048", GOOD_ESP), ("aes256-sha1-modp2048", GOOD_ESP), ("aes256-sha256-modp1024", GOOD_ESP),
    ("3des-md5-modp768", GOOD_ESP), ("aes256gcm16-prfsha256-modp2048", GOOD_ESP),
    (GOOD_IKE, "esp_proposals = null-sha256-modp2048"), (GOOD_IKE, "esp_proposals = aes256-modp2048"),
    (GOOD_IKE, "esp_proposals = aes128-sha1-modp1024"), (GOOD_IKE, "esp_proposals = aes256-sha256-modp2048-esn"),
    (GOOD_IKE, "ah_proposals = sha256-modp2048"), (GOOD_IKE, f"mode = transport\n{GOOD_ESP}"),
    (GOOD_IKE, f"mode = beet\n{GOOD_ESP}"))


def weak_by_hand(tally, gateway, peer, names):
    """The gateway has nothing but a weak connection and begins: it neither offers that, nor does it come up.

    charon makes the public value before the offer is filtered: one of a weak group may go along with an empty offer.
    """
    place = "vici, gateway with nothing but"
    vici = Live(f"{gateway.folder}/vici")
    for ike, child in (*WEAK_BY_HAND, (GOOD_IKE, GOOD_ESP)):
        gateway.load(by_hand(ike=ike, child=child))
        answering = Answering(peer, f"{gateway.folder}/vici", *names)
        peer.responder = Responder(GOOD)
        answering.patient = (ike, child) == (GOOD_IKE, GOOD_ESP)
        failed = answering.initiate()
        weak = [word for _, row in vici.sas() for word in weak_words(row)]
        offered = answering.weak_offers(peer.responder.heard, values=False)
        verdict = ACCEPTED if weak or not failed else OFFERED if offered else REFUSED
        said = f"{failed} {weak} {offered}"
        if (ike, child) == (GOOD_IKE, GOOD_ESP):
            assert not failed and not weak, f"the allowed suite does not come up: {said}"
        else:
            offer = alive(ALLOWED_IKE, f"{ike} {child}".replace("\n", " "))._replace(may="refuse")
            tally.add(place, offer, verdict, said)
        answering.end()
    return tally.line(place)
