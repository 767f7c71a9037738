"""One IKE_SA of the hand-built peer: its keys, its message numbers, its CHILD_SAs; seals and opens messages."""

import hmac
import struct

import ike_crypto
import ike_wire as wire

CHECK_SIZE = 16  # AUTH_HMAC_SHA2_256_128
# Methods of authentication.
SHARED_KEY, NULL = 2, 13
FIRST_KEY_PAD = struct.Struct(">BxH")


class IkeSa:
    def __init__(self, initiator, spi_i, spi_r, keys):
        self.initiator, self.spi_i, self.spi_r, self.keys = initiator, spi_i, spi_r, keys
        self.next_request = 0
        self.last_reply = {}  # by the number of the request, to send it again
        self.children = {}  # our SPI by theirs
        # What AUTH covers, until IKE_AUTH is over: own first message and the other side's nonce, and the other way round.
        self.signed = self.expected = b""
        self.int_auth = b""  # what it covers behind an IKE_INTERMEDIATE (RFC 9242, section 3.3.2)
        self.nonces = self.next_keys = None  # the initiator's and the responder's; keys from the next request on

    @property
    def sealing(self):
        return (self.keys.ei, self.keys.ai) if self.initiator else (self.keys.er, self.keys.ar)

    @property
    def opening(self):
        return (self.keys.er, self.keys.ar) if self.initiator else (self.keys.ei, self.keys.ai)

    def follow(self, secret, request, reply):
        """As responder, IKE_INTERMEDIATE with these payloads: the only one, so it has the number 1, and IKE_AUTH 2."""
        sides = (self.keys.pi, wire.INITIATOR, request), (self.keys.pr, wire.RESPONSE, reply)
        self.int_auth = b"".join(ike_crypto.prf(key, self._plain(flags, payloads)) for key, flags, payloads in sides)
        self.int_auth += struct.pack(">I", 2)
        self.next_keys = ike_crypto.rekeyed_keys(self.keys, secret, *self.nonces, self.spi_i, self.spi_r)

    def _plain(self, flags, payloads):
        """A message of IKE_INTERMEDIATE as AUTH covers it."""
        first, chain = wire.encode_payloads(payloads)
        size = FIRST_KEY_PAD.size + len(chain)
        return wire.HEADER.pack(self.spi_i, self.spi_r, wire.SK, 0x20, wire.IKE_INTERMEDIATE, flags, 1,
                                wire.HEADER.size + size) + FIRST_KEY_PAD.pack(first, size) + chain

    def turn(self):
        """The other side begins an exchange: it has had the answer to the one before."""
        self.keys, self.next_keys = self.next_keys or self.keys, None

    def seal(self, exchange, payloads, number, response):
        first, chain = wire.encode_payloads(payloads)
        return self.seal_chain(exchange, first, chain, number, response)

    def seal_chain(self, exchange, first, chain, number, response):
        """first and chain may be anything: only the envelope is right."""
        key, check = self.sealing
        body = ike_crypto.encrypt(key, chain)
        flags = (wire.INITIATOR if self.initiator else 0) | (wire.RESPONSE if response else 0)
        size = FIRST_KEY_PAD.size + len(body) + CHECK_SIZE
        data = wire.HEADER.pack(self.spi_i, self.spi_r, wire.SK, 0x20, exchange, flags, number, wire.HEADER.size + size)
        data += FIRST_KEY_PAD.pack(first, size) + body
        return data + ike_crypto.prf(check, data)[:CHECK_SIZE]

    def open(self, data):
        """The payloads of a message; one that the other side cannot have written raises."""
        key, check = self.opening
        if not hmac.compare_digest(ike_crypto.prf(check, data[:-CHECK_SIZE])[:CHECK_SIZE], data[-CHECK_SIZE:]):
            raise wire.Malformed("the integrity check fails")
        payloads, first = wire.decode_payloads(wire.decode_header(data).next, data[wire.HEADER.size:])
        sealed = wire.find(payloads, wire.SK)
        try:
            return wire.decode_payloads(first, ike_crypto.decrypt(key, sealed[:-CHECK_SIZE]))[0]
        except (IndexError, struct.error) as error:  # another cipher's ciphertext
            raise wire.Malformed("the inside is no chain of payloads") from error

    @property
    def proving(self):
        return self.keys.pi if self.initiator else self.keys.pr

    def auth(self, psk, identity, own=True):
        """The AUTH payload's data for an ID payload, of our side or as the other side must have it."""
        theirs = self.keys.pr if self.initiator else self.keys.pi
        octets = (self.signed if own else self.expected) + ike_crypto.prf(self.proving if own else theirs, identity)
        return struct.pack(">B3x", SHARED_KEY) + ike_crypto.psk_auth(psk.encode(), octets + self.int_auth)

    def null_auth(self, identity):
        """That of our side without authentication: RFC 7619, section 2.1."""
        octets = self.signed + ike_crypto.prf(self.proving, identity)
        return struct.pack(">B3x", NULL) + ike_crypto.psk_auth(self.proving, octets)
