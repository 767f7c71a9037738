"""IKE messages that nobody should send: good ones damaged in every way, and forms that only an attacker builds.

Everything is drawn from a random.Random, so that a seed names a run.
"""

import os
import struct

import ike_crypto
import ike_wire as wire
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE
from ike_sa import CHECK_SIZE

SKF, CP, VENDOR, CERT, CERTREQ, PUZZLE = 53, 47, 43, 37, 38, 54
COOKIE, FRAGMENTATION, HASHES, MOBIKE, REDIRECT = 16390, 16430, 16431, 16396, 16407
KINDS = (0, 1, 2, 4, 5, 10, 13, *range(33, 56), 128, 200, 255)
EXCHANGES = (0, 2, 4, 5, 6, 32, 33, 34, 35, 36, 37, 38, 43, 44, 240, 255)
EDGES = (0, 1, 2, 3, 4, 5, 7, 8, 0x10, 0x20, 0x7F, 0x80, 0xFE, 0xFF)
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF)
LARGEST = 60000  # octets of a datagram


def first_payloads(rng):
    """Of a good IKE_SA_INIT, and at times what may go along. The public value is no power of anything."""
    public = bytes([rng.randrange(1, 255)]) + rng.randbytes(255)
    payloads = [(wire.SA, wire.encode_sa([ALLOWED_IKE.proposal()])), (wire.KE, wire.encode_ke(14, public)),
                (wire.NONCE, rng.randbytes(32))]
    more = [wire.notify(wire.NAT_SOURCE, bytes(20)), wire.notify(wire.NAT_DESTINATION, bytes(20)),
            wire.notify(FRAGMENTATION), wire.notify(HASHES, struct.pack(">HHH", 1, 2, 5)), wire.notify(REDIRECT, rng.randbytes(9)),
            (VENDOR, rng.randbytes(16)), (CERTREQ, b"\4" + rng.randbytes(40)), wire.notify(COOKIE, rng.randbytes(24))]
    return payloads + rng.sample(more, rng.randrange(len(more)))


def inner_payloads(rng, exchange):
    """Of a good message inside an IKE_SA, more or less."""
    ts = struct.pack(">B3x", 1) + wire.encode_ts(bytes((10, 1, 0, 0)), bytes((10, 1, 255, 255)))[4:]
    esp = ALLOWED_FIRST if exchange == wire.IKE_AUTH else ALLOWED_ESP
    sa = wire.encode_sa([esp.proposal()._replace(spi=rng.randbytes(4))])
    if exchange == wire.IKE_AUTH:
        return [(wire.IDI, wire.encode_id("peer1.example.net")), (wire.AUTH, struct.pack(">B3x", 2) + rng.randbytes(32)), (wire.SA, sa),
                (wire.TSI, ts), (wire.TSR, ts), (CERT, b"\4" + rng.randbytes(200)), (CP, struct.pack(">B3xHH", 1, 1, 0))]
    if exchange == wire.CREATE_CHILD_SA:
        public = bytes([1]) + rng.randbytes(255)
        return [wire.notify(wire.REKEY_SA, protocol=wire.ESP, spi=rng.randbytes(4)), (wire.SA, sa), (wire.NONCE, rng.randbytes(32)),
                (wire.KE, wire.encode_ke(14, public)), (wire.TSI, ts), (wire.TSR, ts)]
    return [wire.delete(wire.ESP, *(rng.randbytes(4) for _ in range(rng.randrange(1, 5)))), wire.notify(rng.randrange(65536), rng.randbytes(8)),
            (CP, struct.pack(">B3xHH", 1, 1, 0)), (VENDOR, b"")]


def flip(rng, data):
    """Some octets with other values, rather those that lengths and types are in."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice(EDGES)
    return bytes(changed)


def cut(rng, data):
    return data[:rng.randrange(len(data) + 1)]


def grow(rng, data):
    return data + rng.randbytes(rng.choice((1, 2, 3, 4, 7, 64, 1500)))


def with_length(rng, data):
    """The header's length does not fit."""
    return data[:24] + struct.pack(">I", rng.choice((*LENGTHS, 0x7FFFFFFF, 0xFFFFFFFF))) + data[28:]


def with_header(rng, data):
    """Another first payload, version, exchange, flags or message ID."""
    head = list(wire.HEADER.unpack_from(data))
    place, values = rng.choice(((2, KINDS), (3, (0, 0x10, 0x11, 0x1F, 0x21, 0x2F, 0x30, 0xF0)), (4, EXCHANGES), (5, range(256)),
                                (6, (0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF)), (0, (bytes(8),)), (1, (bytes(8), rng.randbytes(8)))))
    head[place] = rng.choice(values)
    return wire.HEADER.pack(*head) + data[wire.HEADER.size:]


def chain_of(rng, payloads):
    """(first type, chain): a chain of payloads with wrong lengths, types, orders, counts or depths."""
    payloads = list(payloads)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(payloads))
        kind, body = payloads[at]
        form = rng.randrange(7)
        if form == 0:
            payloads[at] = kind, flip(rng, body)
        elif form == 1:
            payloads[at] = kind, cut(rng, body)
        elif form == 2:
            payloads[at] = rng.choice(KINDS), body
        elif form == 3:
            payloads.insert(at, payloads[rng.randrange(len(payloads))])
        elif form == 4:
            rng.shuffle(payloads)
        elif form == 5:
            payloads[at] = kind, rng.randbytes(rng.choice((0, 1, 3, 4, 5, 8, 300)))
        else:
            payloads.insert(at, (rng.choice(KINDS), rng.randbytes(rng.choice((0, 1, 4, 8, 20)))))
    first, chain = wire.encode_payloads(payloads)
    if not rng.randrange(3):  # a length of one of its payloads, wherever the walk along them ends
        at = 0
        for _ in range(rng.randrange(len(payloads))):
            at += struct.unpack_from(">2xH", chain, at)[0]
        chain = chain[:at + 2] + struct.pack(">H", rng.choice(LENGTHS)) + chain[at + 4:]
    return first, chain


def many_payloads(rng):
    """As many as fit of the smallest, or of one kind."""
    kind = rng.choice((wire.NOTIFY, wire.DELETE, VENDOR, 200, wire.NONCE, wire.TSI, CERTREQ, CP))
    body = {wire.NOTIFY: struct.pack(">BBH", 0, 0, 16384)}.get(kind, bytes(rng.choice((0, 1, 8))))
    count = rng.choice((50, 500, LARGEST // (len(body) + 4)))
    return wire.encode_payloads([(kind, body)] * count)


def large_counts(rng):
    """Counts that nothing is behind, and much that is counted."""
    return rng.choice((
        lambda: (wire.SA, struct.pack(">BxHBBBB", 0, 8, 1, 1, 0, 255)),
        lambda: (wire.SA, struct.pack(">BxHBBBB", 0, 8, 1, 1, 255, 255)),
        lambda: (wire.SA, struct.pack(">BxHBBBB", 2, 0, 1, 1, 0, 0) * 1000),
        lambda: (wire.SA, wire.encode_sa([ALLOWED_IKE.proposal()] * 200)),
        lambda: (wire.TSI, struct.pack(">B3x", 255)),
        lambda: (wire.TSI, struct.pack(">B3x", 255) + wire.encode_ts(bytes(4), b"\xff" * 4)[4:] * 255),
        lambda: (wire.DELETE, struct.pack(">BBH", 3, 4, 0xFFFF)),
        lambda: (wire.DELETE, struct.pack(">BBH", 3, 4, 2000) + rng.randbytes(8000)),
        lambda: (wire.NOTIFY, struct.pack(">BBH", 3, 255, 16393)),
        lambda: (CP, struct.pack(">B3x", 1) + struct.pack(">HH", 1, 0xFFFF)),
        lambda: (CP, struct.pack(">B3x", 1) + struct.pack(">HH", 1, 0) * 5000),
    ))()


def ike_version_1(rng):
    """Main mode, aggressive mode and others of IKEv1, good ones cut or not."""
    transform = struct.pack(">BxHBBxx", 0, 28, 1, 1) + b"".join(
        struct.pack(">HH", 0x8000 | k, v) for k, v in ((1, 7), (14, 256), (2, 4), (3, 1), (4, 14)))
    body = struct.pack(">II", 1, 1) + struct.pack(">BxHBBBB", 0, 8 + len(transform), 1, 1, 0, 1) + transform
    payload = struct.pack(">BxH", 0, 4 + len(body)) + body
    data = wire.HEADER.pack(rng.randbytes(8), bytes(8), 1, 0x10, rng.choice((2, 4, 5, 6, 32, 33)), 0, 0, 28 + len(payload)) + payload
    return flip(rng, data) if rng.randrange(2) else data


def small(rng):
    """What is no message: nothing, a keep-alive, a marker alone, noise."""
    return rng.choice((b"", b"\xff", b"\0", bytes(4), bytes(5), bytes(27), bytes(28), bytes(32), rng.randbytes(rng.randrange(64)),
                       rng.randbytes(1400), bytes(LARGEST)))


def damaged_init(rng):
    first, chain = chain_of(rng, first_payloads(rng))
    return wire.HEADER.pack(rng.randbytes(8), bytes(8), first, 0x20, wire.IKE_SA_INIT, wire.INITIATOR, 0, 28 + len(chain)) + chain


def good_init(rng, cookie=None):
    payloads = first_payloads(rng)
    if cookie is not None:
        payloads = [wire.notify(COOKIE, cookie), *payloads]
    return wire.encode_message(rng.randbytes(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)


def counted_init(rng):
    payloads = [large_counts(rng), *first_payloads(rng)]
    rng.shuffle(payloads)
    return wire.encode_message(rng.randbytes(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, payloads)


def crowded_init(rng):
    first, chain = many_payloads(rng)
    return wire.HEADER.pack(rng.randbytes(8), bytes(8), first, 0x20, wire.IKE_SA_INIT, wire.INITIATOR, 0, 28 + len(chain)) + chain


def unsealed(rng, spis):
    """In the name of an IKE_SA that is there or not, without a right integrity check."""
    spi_i, spi_r = rng.choice(spis) if spis and rng.randrange(4) else (rng.randbytes(8), rng.randbytes(8))
    exchange = rng.choice(EXCHANGES)
    kind = rng.choice((wire.SK, wire.SK, SKF, SKF, *KINDS))
    inside = rng.choice((b"", struct.pack(">HH", rng.choice(EDGES), rng.choice(EDGES)))) + rng.randbytes(rng.choice((0, 1, 16, 80, 1200)))
    payload = struct.pack(">BBH", rng.choice(KINDS), rng.choice((0, 0x80)), rng.choice((4 + len(inside), *LENGTHS))) + inside
    return wire.HEADER.pack(spi_i, spi_r, kind, 0x20, exchange, rng.choice((0, 8, 0x20, 0x28)), rng.randrange(4), 28 + len(payload)) + payload


def nobodys(rng, spis=()):
    """One message that takes no key to send."""
    form = rng.randrange(12)
    if form == 0:
        return small(rng)
    if form == 1:
        return ike_version_1(rng)
    if form == 2:
        return counted_init(rng)
    if form == 3 and not rng.randrange(8):
        return crowded_init(rng)
    if form <= 5:
        return unsealed(rng, spis)
    if form <= 8:
        return damaged_init(rng)
    return rng.choice((flip, cut, grow, with_length, with_header))(rng, good_init(rng))


def inside(rng, exchange):
    """(first type, chain) that only the peer can send, inside an IKE_SA."""
    form = rng.randrange(8)
    if form == 0:
        return rng.choice(KINDS), rng.randbytes(rng.choice((0, 1, 4, 40, 1000)))
    if form == 1:
        return many_payloads(rng)
    if form == 2:
        return wire.encode_payloads([large_counts(rng), *inner_payloads(rng, exchange)])
    return chain_of(rng, inner_payloads(rng, exchange))


def fragment(sa, exchange, first, piece, number, total, message):
    """One fragment of a message (RFC 7383), sealed as it must be; number and total may be anything."""
    key, check = sa.sealing
    body = ike_crypto.encrypt(key, piece)
    size = 8 + len(body) + CHECK_SIZE
    data = wire.HEADER.pack(sa.spi_i, sa.spi_r, SKF, 0x20, exchange, wire.INITIATOR if sa.initiator else 0, message, wire.HEADER.size + size)
    data += struct.pack(">BxHHH", first if number == 1 else 0, size, number & 0xFFFF, total & 0xFFFF) + body
    return data + ike_crypto.prf(check, data)[:CHECK_SIZE]


def odd_fragments(rng, sa, exchange, message):
    """Fragments of one message that never becomes whole, or not as it began."""
    pieces = [os.urandom(rng.choice((1, 16, 400, 1200))) for _ in range(rng.randrange(1, 12))]
    total = rng.choice((len(pieces) + 1, len(pieces), 2, 255, 1000, 0xFFFF, 0))
    parts = [(rng.choice((n + 1, n, rng.randrange(0x10000), total, total + 1, 0)), total) for n in range(len(pieces))]
    if rng.randrange(2):  # the same with other octets, and another total behind it
        parts += [(number, rng.choice((total, total + 1, max(0, total - 1)))) for number, _ in parts]
        pieces += [os.urandom(len(piece)) for piece in pieces]
    mixed = list(zip(parts, pieces))
    rng.shuffle(mixed)
    return [fragment(sa, exchange, rng.choice(KINDS), piece, number, count, message) for (number, count), piece in mixed]
