"""A hand-built IKEv2 peer. As initiator it offers, as responder it answers what a test wants; otherwise it behaves well.

It speaks one suite. That is enough to see any other accepted: the answer to an offer, or the exchange that follows on an
answer, says so. Everything goes by port 4500 as behind a NAT, which kernel-libipsec needs.
"""

import os
import select
import socket
import struct
import time
from typing import NamedTuple

import ike_crypto
import ike_wire as wire
from ike_lab import GATEWAY
from ike_sa import IkeSa

MARKER = bytes(4)  # before IKE on port 4500 (RFC 3948)
LIMIT = 5.0  # seconds until a request counts as ignored
BEHIND_NAT = [wire.notify(kind, bytes(20)) for kind in (wire.NAT_SOURCE, wire.NAT_DESTINATION)]


class Offer(NamedTuple):
    """Proposals with what goes along; also an answer, where the peer is the responder."""
    name: str
    proposals: tuple
    group: int | None  # of the KE payload, None: without one
    notifies: tuple = ()
    value: bytes | None = None  # public value, if it is to be a certain one
    may: str = "refuse"  # what the other side may do: "refuse", "choose" (it must, the allowed one), "either"


class Link(NamedTuple):
    """Who the peer is, and which traffic it wants."""
    address: str
    identity: str
    remote_identity: str
    psk: str
    own: tuple  # first and last address, as four octets
    other: tuple


def in_namespace(name, make):
    """What make() returns, called in a network namespace; sockets stay there."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{name}", "rb") as away:
        os.setns(away.fileno(), os.CLONE_NEWNET)
        try:
            return make()
        finally:
            os.setns(home.fileno(), os.CLONE_NEWNET)


def with_spi(proposals, spi):
    return [p if p.spi else p._replace(spi=spi) for p in proposals]


def udp(address, port):
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, port))
    return made


class Peer:
    """Sockets, IKE_SAs by the pair of SPIs, and the exchanges that the peer begins. Answers come from self.responder."""

    def __init__(self, link, namespace="carrier"):
        self.link = link
        self.ports = {port: in_namespace(namespace, lambda p=port: udp(link.address, p)) for port in (500, 4500)}
        self.sas, self.responder = {}, None
        self.waiting, self.answer = None, None
        self.repeated, self.last_request = 0, None  # how often the gateway has sent the same request again
        self.unasked = []  # answers that nobody waits for, as header and octets

    def close(self):
        for port in self.ports.values():
            port.close()

    # Messages.

    def send(self, data, port=4500):
        self.ports[port].sendto((MARKER if port == 4500 else b"") + data, (GATEWAY, port))

    def receive(self, limit, others=()):
        """Takes what comes within limit seconds, until the awaited answer is there or one of others is readable."""
        end = time.monotonic() + limit
        while self.answer is None:
            readable = select.select([*self.ports.values(), *others], [], [], max(0.0, end - time.monotonic()))[0]
            if not readable:
                return
            for port, sock in self.ports.items():
                if sock in readable:
                    self._take(port, sock.recv(65536))
            if any(other in readable for other in others):
                return

    def _take(self, port, data):
        if port == 4500:
            if not data.startswith(MARKER):
                return  # ESP, or a keep-alive
            data = data[len(MARKER):]
        header = wire.decode_header(data)
        sa = self.sas.get((header.spi_i, header.spi_r))
        if not header.flags & wire.RESPONSE:
            self.repeated += data == self.last_request
            self.last_request = data
            self._serve(port, header, data, sa)
        elif self.waiting == (header.spi_i, header.exchange, header.number):
            payloads = wire.decode_payloads(header.next, data[wire.HEADER.size:])[0]
            self.answer = header, data, sa.open(data) if sa and wire.find(payloads, wire.SK) else payloads
        else:
            self.unasked.append((header, data))

    def _serve(self, port, header, data, sa):
        if self.responder is None:
            return
        if sa is not None and header.number in sa.last_reply:
            reply = sa.last_reply[header.number]
        else:
            reply = self.responder.serve(self, header, data, sa)
            if sa is not None and reply is not None:
                sa.last_reply = {header.number: reply}
        if reply is not None:
            self.send(reply, port)

    def ask(self, data, limit=LIMIT):
        """Sends a request; its answer as header, octets and payloads, or None: ignored."""
        header = wire.decode_header(data)
        self.waiting, self.answer = (header.spi_i, header.exchange, header.number), None
        try:
            self.send(data)
            self.receive(limit)
            return self.answer
        finally:
            self.waiting = self.answer = None

    def request(self, sa, exchange, payloads, limit=LIMIT):
        """The payloads of the answer, or None."""
        answer = self.ask(sa.seal(exchange, payloads, sa.next_request, False), limit)
        if answer is None:
            return None
        sa.next_request += 1
        return answer[2]

    # Exchanges.

    def init(self, offer, limit=LIMIT, exchange=None):
        """IKE_SA_INIT: payloads of the answer or None, and the IKE_SA if the suite is ours."""
        spi, nonce, exchange = os.urandom(8), os.urandom(32), exchange or ike_crypto.KeyExchange()
        payloads = [(wire.SA, wire.encode_sa(offer.proposals)), *self.ke(offer, exchange), (wire.NONCE, nonce),
                    *BEHIND_NAT, *offer.notifies]
        request = wire.encode_message(spi, bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)
        answer = self.ask(request, limit)
        if answer is None:
            return None, None
        header, octets, payloads = answer
        group, public = wire.decode_ke(wire.find(payloads, wire.KE) or bytes(4))
        if group != exchange.group or wire.find(payloads, wire.SA) is None:
            return payloads, None
        other = wire.find(payloads, wire.NONCE)
        sa = IkeSa(True, spi, header.spi_r,
                   ike_crypto.first_keys(exchange.shared(public), nonce, other, spi, header.spi_r))
        sa.next_request, sa.signed, sa.expected = 1, request + other, octets + nonce
        self.sas[spi, header.spi_r] = sa
        return payloads, sa

    def auth(self, sa, offer, limit=LIMIT, psk=None, replace=()):
        """IKE_AUTH: payloads of the answer or None. replace: payloads instead of AUTH."""
        identity, spi = wire.encode_id(self.link.identity), os.urandom(4)
        proof = replace or [(wire.AUTH, sa.auth(psk or self.link.psk, identity))]
        payloads = self.request(sa, wire.IKE_AUTH, [
            (wire.IDI, identity), (wire.IDR, wire.encode_id(self.link.remote_identity)), *proof,
            (wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), *self.selectors(True), *offer.notifies], limit)
        if payloads and wire.find(payloads, wire.AUTH):
            other = wire.find(payloads, wire.IDR)
            wanted = sa.auth(self.link.psk, other, own=False)
            assert wire.find(payloads, wire.AUTH) == wanted, "the gateway's AUTH is wrong"
            self._keep_child(sa, payloads, spi)
        return payloads

    def create_child(self, sa, offer, rekeyed=None, limit=LIMIT):
        """CREATE_CHILD_SA, of a new CHILD_SA or instead of the one with our SPI rekeyed."""
        spi, exchange = os.urandom(4), ike_crypto.exchange_of(offer.group)
        first = [wire.notify(wire.REKEY_SA, protocol=wire.ESP, spi=rekeyed)] if rekeyed else []
        payloads = self.request(sa, wire.CREATE_CHILD_SA, [
            *first, (wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, os.urandom(32)),
            *self.ke(offer, exchange), *self.selectors(True), *offer.notifies], limit)
        if payloads:
            self._keep_child(sa, payloads, spi)
        return payloads

    def rekey_ike(self, sa, offer, limit=LIMIT):
        """CREATE_CHILD_SA of an IKE_SA: payloads of the answer or None, and the new IKE_SA if the suite is ours."""
        spi, nonce, exchange = os.urandom(8), os.urandom(32), ike_crypto.exchange_of(offer.group)
        payloads = self.request(sa, wire.CREATE_CHILD_SA, [
            (wire.SA, wire.encode_sa(with_spi(offer.proposals, spi))), (wire.NONCE, nonce), *self.ke(offer, exchange),
            *offer.notifies], limit)
        chosen, other_ke = wire.find(payloads or [], wire.SA), wire.find(payloads or [], wire.KE)
        if not chosen or not other_ke or wire.decode_ke(other_ke)[0] != exchange.group:
            return payloads, None
        spi_r = wire.decode_sa(chosen)[0].spi
        shared, other = exchange.shared(wire.decode_ke(other_ke)[1]), wire.find(payloads, wire.NONCE)
        made = IkeSa(True, spi, spi_r, ike_crypto.rekeyed_keys(sa.keys, shared, nonce, other, spi, spi_r))
        made.children, sa.children = sa.children, {}
        self.sas[spi, spi_r] = made
        return payloads, made

    def delete_child(self, sa, spi):
        sa.children = {theirs: ours for theirs, ours in sa.children.items() if ours != spi}
        return self.request(sa, wire.INFORMATIONAL, [wire.delete(wire.ESP, spi)])

    def delete_ike(self, sa):
        payloads = self.request(sa, wire.INFORMATIONAL, [wire.delete(wire.IKE)])
        self.sas.pop((sa.spi_i, sa.spi_r), None)
        return payloads

    def forget(self, sa):
        """Deletes an IKE_SA without an answer: whether the gateway has counted the last request is not known."""
        self.sas.pop((sa.spi_i, sa.spi_r), None)
        for number in (sa.next_request, sa.next_request + 1):
            self.send(sa.seal(wire.INFORMATIONAL, [wire.delete(wire.IKE)], number, False))

    # Pieces of messages.

    @staticmethod
    def ke(offer, exchange):
        if offer.group is None:
            return []
        value = offer.value
        if value is None:
            value = exchange.public if offer.group == exchange.group else ike_crypto.any_public(offer.group)
        return [(wire.KE, wire.encode_ke(offer.group, value))]

    def selectors(self, own_first):
        own, other = (struct.pack(">B3x", 1) + wire.encode_ts(*ends)[4:] for ends in (self.link.own, self.link.other))
        return [(wire.TSI, own if own_first else other), (wire.TSR, other if own_first else own)]

    @staticmethod
    def _keep_child(sa, payloads, spi):
        chosen = wire.find(payloads, wire.SA)
        if chosen:
            sa.children[wire.decode_sa(chosen)[0].spi] = spi
