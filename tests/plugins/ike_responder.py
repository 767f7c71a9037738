"""How the hand-built peer answers: well, or with what a test has put into `script` for a step of the exchanges."""

import functools
import os

import ike_crypto
import ike_wire as wire
from ike_peer import BEHIND_NAT, with_spi
from ike_sa import IkeSa

# The steps that can be scripted.
INIT, AUTH, CHILD, IKE_REKEY = "init", "auth", "child", "ike-rekey"
INTERMEDIATE, FOLLOWUP = "intermediate", "followup"


def is_wish(offer):
    """Nothing but notifies."""
    return not offer.proposals and offer.notifies


class Responder:
    """Keeps what was heard: (step, payloads, None where they could not be opened)."""

    def __init__(self, good):
        self.good = good  # Offer by step: what a well-behaved peer answers
        self.script, self.heard = {}, []
        self.made = self.derive = None  # the IKE_SA that was rekeyed last, and what makes its keys
        self.forge = None  # makes of the good payloads of IKE_AUTH what is sent; called with the peer, the IKE_SA and them

    def answer(self, step):
        return self.script.get(step, self.good[step])

    def serve(self, peer, header, data, sa):
        """The reply to a request, or None."""
        if header.exchange == wire.IKE_SA_INIT:
            return self._init(peer, header, data)
        if sa is None:  # keys that this peer does not have: whoever sent it took a suite that is not ours
            self.heard.append((header.exchange, None))
            return None
        sa.turn()
        try:
            payloads = sa.open(data)
        except wire.Malformed:
            self.heard.append((header.exchange, None))
            return None
        reply = {wire.IKE_AUTH: self._auth, wire.CREATE_CHILD_SA: self._create_child,
                 wire.IKE_INTERMEDIATE: self._intermediate, wire.IKE_FOLLOWUP_KE: self._followup,
                 wire.INFORMATIONAL: self._informational}.get(header.exchange, lambda *_: [])(peer, sa, payloads)
        return sa.seal(header.exchange, reply, header.number, True)

    def _init(self, peer, header, data):
        payloads = wire.decode_payloads(header.next, data[wire.HEADER.size:])[0]
        self.heard.append((INIT, payloads))
        offer = self.answer(INIT)
        if is_wish(offer):
            return wire.encode_message(header.spi_i, bytes(8), wire.IKE_SA_INIT, wire.RESPONSE, 0, list(offer.notifies))
        exchange = ike_crypto.exchange_of(offer.group)
        spi, nonce, other = os.urandom(8), os.urandom(32), wire.find(payloads, wire.NONCE)
        reply = wire.encode_message(header.spi_i, spi, wire.IKE_SA_INIT, wire.RESPONSE, 0, [
            (wire.SA, wire.encode_sa(offer.proposals)), *peer.ke(offer, exchange), (wire.NONCE, nonce), *BEHIND_NAT,
            *offer.notifies])
        group, public = wire.decode_ke(wire.find(payloads, wire.KE))
        if group == exchange.group:
            sa = IkeSa(False, header.spi_i, spi, ike_crypto.first_keys(
                exchange.shared(public), other, nonce, header.spi_i, spi))
            sa.signed, sa.expected, sa.nonces = reply + other, data + nonce, (other, nonce)
            peer.sas[header.spi_i, spi] = sa
        return reply

    def _auth(self, peer, sa, payloads):
        self.heard.append((AUTH, payloads))
        offer, spi, identity = self.answer(AUTH), os.urandom(4), wire.encode_id(peer.link.identity)
        self._keep_child(sa, payloads, spi)
        reply = [(wire.IDR, identity), (wire.AUTH, sa.auth(peer.link.psk, identity)),
                 (wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), *self._selectors(payloads), *offer.notifies]
        return self.forge(peer, sa, reply) if self.forge else reply

    def _create_child(self, peer, sa, payloads):
        offered = wire.decode_sa(wire.find(payloads, wire.SA))
        if offered[0].protocol == wire.IKE:
            return self._rekey_ike(peer, sa, payloads, offered)
        self.heard.append((CHILD, payloads))
        offer, spi = self.answer(CHILD), os.urandom(4)
        if is_wish(offer):
            return list(offer.notifies)
        self._keep_child(sa, payloads, spi)
        return [(wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, os.urandom(32)),
                *peer.ke(offer, ike_crypto.exchange_of(offer.group)), *self._selectors(payloads), *offer.notifies]

    def _rekey_ike(self, peer, sa, payloads, offered):
        self.heard.append((IKE_REKEY, payloads))
        offer, spi, nonce = self.answer(IKE_REKEY), os.urandom(8), os.urandom(32)
        if is_wish(offer):
            return list(offer.notifies)
        exchange = ike_crypto.exchange_of(offer.group)
        group, public = wire.decode_ke(wire.find(payloads, wire.KE))
        if group == exchange.group:
            self.derive = functools.partial(ike_crypto.rekeyed_keys, sa.keys, exchange.shared(public),
                                            wire.find(payloads, wire.NONCE), nonce, offered[0].spi, spi)
            made = self.made = IkeSa(False, offered[0].spi, spi, self.derive())
            made.children = dict(sa.children)
            peer.sas[offered[0].spi, spi] = made
        return [(wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, nonce), *peer.ke(offer, exchange),
                *offer.notifies]

    def _intermediate(self, peer, sa, payloads):
        self.heard.append((INTERMEDIATE, payloads))
        reply, secret = self._more(peer, INTERMEDIATE, payloads)
        sa.follow(secret, payloads, reply)
        return reply

    def _followup(self, peer, sa, payloads):
        self.heard.append((FOLLOWUP, payloads))
        reply, secret = self._more(peer, FOLLOWUP, payloads)
        if self.made:
            self.made.keys = self.derive(more=secret)
        return reply

    def _more(self, peer, step, payloads):
        """The payloads of the answer to an additional key exchange, and its secret."""
        offer, exchange = self.answer(step), ike_crypto.Encapsulation(wire.decode_ke(wire.find(payloads, wire.KE))[1])
        return [*peer.ke(offer, exchange), *offer.notifies], exchange.secret

    def _informational(self, peer, sa, payloads):
        self.heard.append((wire.INFORMATIONAL, payloads))
        reply = []
        for kind, body in payloads:
            if kind != wire.DELETE:
                continue
            if body[0] == wire.IKE:
                peer.sas.pop((sa.spi_i, sa.spi_r), None)
                continue
            gone = [sa.children.pop(body[i:i + 4], None) for i in range(4, len(body), 4)]
            gone = [spi for spi in gone if spi]
            if gone:
                reply.append(wire.delete(body[0], *gone))
        return reply

    @staticmethod
    def _selectors(payloads):
        return [(kind, wire.find(payloads, kind)) for kind in (wire.TSI, wire.TSR)]

    @staticmethod
    def _keep_child(sa, payloads, spi):
        offered = wire.find(payloads, wire.SA)
        if offered:
            sa.children[wire.decode_sa(offered)[0].spi] = spi
