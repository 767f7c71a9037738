"""How the hand-built peer answers: well, or with what a test has put into `script` for a step of the exchanges."""

import os

import ike_crypto
import ike_wire as wire
from ike_peer import BEHIND_NAT, with_spi
from ike_sa import IkeSa

# The steps that can be scripted.
INIT, AUTH, CHILD, IKE_REKEY = "init", "auth", "child", "ike-rekey"


def is_wish(offer):
    """Nothing but notifies."""
    return not offer.proposals and offer.notifies


class Responder:
    """Keeps what was heard: (step, payloads, None where they could not be opened)."""

    def __init__(self, good):
        self.good = good  # Offer by step: what a well-behaved peer answers
        self.script, self.heard = {}, []
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
        try:
            payloads = sa.open(data)
        except wire.Malformed:
            self.heard.append((header.exchange, None))
            return None
        reply = {wire.IKE_AUTH: self._auth, wire.CREATE_CHILD_SA: self._create_child,
                 wire.INFORMATIONAL: self._informational}.get(header.exchange, lambda *_: [])(peer, sa, payloads)
        return sa.seal(header.exchange, reply, header.number, True)

    def _init(self, peer, header, data):
        payloads = wire.decode_payloads(header.next, data[wire.HEADER.size:])[0]
        self.heard.append((INIT, payloads))
        offer, exchange = self.answer(INIT), ike_crypto.KeyExchange()
        if is_wish(offer):
            return wire.encode_message(header.spi_i, bytes(8), wire.IKE_SA_INIT, wire.RESPONSE, 0, list(offer.notifies))
        spi, nonce, other = os.urandom(8), os.urandom(32), wire.find(payloads, wire.NONCE)
        reply = wire.encode_message(header.spi_i, spi, wire.IKE_SA_INIT, wire.RESPONSE, 0, [
            (wire.SA, wire.encode_sa(offer.proposals)), *peer.ke(offer, exchange), (wire.NONCE, nonce), *BEHIND_NAT,
            *offer.notifies])
        group, public = wire.decode_ke(wire.find(payloads, wire.KE))
        if group == 14:
            sa = IkeSa(False, header.spi_i, spi, ike_crypto.first_keys(
                exchange.shared(public), other, nonce, header.spi_i, spi))
            sa.signed, sa.expected = reply + other, data + nonce
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
        offer, spi, exchange = self.answer(CHILD), os.urandom(4), ike_crypto.KeyExchange()
        if is_wish(offer):
            return list(offer.notifies)
        self._keep_child(sa, payloads, spi)
        return [(wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, os.urandom(32)),
                *peer.ke(offer, exchange), *self._selectors(payloads), *offer.notifies]

    def _rekey_ike(self, peer, sa, payloads, offered):
        self.heard.append((IKE_REKEY, payloads))
        offer, spi, nonce, exchange = self.answer(IKE_REKEY), os.urandom(8), os.urandom(32), ike_crypto.KeyExchange()
        if is_wish(offer):
            return list(offer.notifies)
        group, public = wire.decode_ke(wire.find(payloads, wire.KE))
        if group == 14:
            other = wire.find(payloads, wire.NONCE)
            made = IkeSa(False, offered[0].spi, spi, ike_crypto.rekeyed_keys(
                sa.keys, exchange.shared(public), other, nonce, offered[0].spi, spi))
            made.children = dict(sa.children)
            peer.sas[offered[0].spi, spi] = made
        return [(wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, nonce), *peer.ke(offer, exchange),
                *offer.notifies]

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
