"""IKEv2 on the wire (RFC 7296, section 3): messages, payloads, proposals. Anything can be written, also what nobody says.

A payload is a pair (type, body); what is read is read strictly, so a test never guesses.
"""

import struct
from typing import NamedTuple

IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37
IKE_INTERMEDIATE, IKE_FOLLOWUP_KE = 43, 44
INITIATOR, RESPONSE = 0x08, 0x20
SA, KE, IDI, IDR, AUTH, NONCE, NOTIFY, DELETE, TSI, TSR, SK, EAP = 33, 34, 35, 36, 39, 40, 41, 42, 44, 45, 46, 48
# Protocols of a proposal, a notify or a delete.
IKE, AH, ESP = 1, 2, 3
# Types of a transform; additional key exchanges are 6 to 12 (RFC 9370).
ENCR, PRF, INTEG, GROUP, ESN, ADDKE1 = 1, 2, 3, 4, 5, 6
# Notifies: below 16384 they are errors.
INVALID_SYNTAX, NO_PROPOSAL_CHOSEN, INVALID_KE_PAYLOAD = 7, 14, 17
IPCOMP_SUPPORTED, NAT_SOURCE, NAT_DESTINATION, USE_TRANSPORT_MODE, REKEY_SA = 16387, 16388, 16389, 16391, 16393
EAP_ONLY, INTERMEDIATE_SUPPORTED, ADDITIONAL_KEY_EXCHANGE = 16417, 16438, 16441
FIRST_STATUS = 16384

HEADER = struct.Struct(">8s8sBBBBII")


class Transform(NamedTuple):
    kind: int
    number: int
    attributes: bytes = b""


class Proposal(NamedTuple):
    protocol: int
    transforms: tuple
    spi: bytes = b""


class Header(NamedTuple):
    spi_i: bytes
    spi_r: bytes
    next: int
    version: int
    exchange: int
    flags: int
    number: int
    length: int


class Malformed(ValueError):
    """What the other side sent is no IKEv2."""


def key_length(bits):
    return struct.pack(">HH", 0x800E, bits)


def attribute(kind, value):
    """An attribute of several octets."""
    return struct.pack(">HH", kind, len(value)) + value


def transform_bits(transform):
    """The key length of a transform, None without one."""
    if not transform.attributes:
        return None
    kind, value = struct.unpack_from(">HH", transform.attributes)
    if kind != 0x800E or len(transform.attributes) != 4:
        raise Malformed(f"attributes {transform.attributes.hex()}")
    return value


def encode_transform(transform, last):
    body = struct.pack(">BxH", transform.kind, transform.number) + transform.attributes
    return struct.pack(">BxH", 0 if last else 3, len(body) + 4) + body


def encode_proposal(proposal, number, last):
    transforms = b"".join(encode_transform(t, t_last) for t, t_last in with_last(proposal.transforms))
    body = struct.pack(">BBBB", number & 0xFF, proposal.protocol, len(proposal.spi), len(proposal.transforms) & 0xFF)
    body += proposal.spi + transforms
    return struct.pack(">BxH", 0 if last else 2, len(body) + 4) + body


def with_last(items):
    return [(item, i == len(items) - 1) for i, item in enumerate(items)]


def encode_sa(proposals):
    return b"".join(encode_proposal(p, i + 1, last) for i, (p, last) in enumerate(with_last(proposals)))


def decode_sa(body):
    """The proposals of an SA payload."""
    proposals, at, more = [], 0, 2
    while more == 2:
        more, length, number, protocol, spi_size, count = struct.unpack_from(">BxHBBBB", body, at)
        end, at = at + length, at + 8
        spi, at = body[at:at + spi_size], at + spi_size
        transforms = []
        for _ in range(count):
            size, kind, transform = struct.unpack_from(">2xHBxH", body, at)
            transforms.append(Transform(kind, transform, body[at + 8:at + size]))
            at += size
        if at != end or not number:
            raise Malformed(f"proposal {body.hex()}")
        proposals.append(Proposal(protocol, tuple(transforms), spi))
    if more or at != len(body):
        raise Malformed(f"proposals {body.hex()}")
    return proposals


def encode_ke(group, value):
    return struct.pack(">H2x", group & 0xFFFF) + value


def decode_ke(body):
    return struct.unpack_from(">H", body)[0], body[4:]


def encode_id(name):
    """ID_FQDN."""
    return struct.pack(">B3x", 2) + name.encode()


def encode_ts(first, last):
    """One IPv4 range, each end as four octets; all protocols and ports."""
    return struct.pack(">B3xBBHHH", 1, 7, 0, 16, 0, 0xFFFF) + first + last


def notify(kind, data=b"", protocol=0, spi=b""):
    return NOTIFY, struct.pack(">BBH", protocol, len(spi), kind) + spi + data


def decode_notify(body):
    """(type, data)"""
    size, kind = struct.unpack_from(">xBH", body)
    return kind, body[4 + size:]


def delete(protocol, *spis):
    return DELETE, struct.pack(">BBH", protocol, len(spis[0]) if spis else 0, len(spis)) + b"".join(spis)


def encode_payloads(payloads):
    """(type of the first, the chain)"""
    chain = b""
    for i, (_, body) in enumerate(payloads):
        following = payloads[i + 1][0] if i + 1 < len(payloads) else 0
        chain += struct.pack(">BxH", following, len(body) + 4) + body
    return payloads[0][0] if payloads else 0, chain


def decode_payloads(kind, chain):
    payloads, at = [], 0
    while kind:
        if at + 4 > len(chain):
            raise Malformed("the chain of payloads breaks off")
        following, length = struct.unpack_from(">BxH", chain, at)
        payloads.append((kind, chain[at + 4:at + length]))
        at += length
        if kind == SK:  # the last one; the type behind it belongs to its inside
            return payloads, following
        kind = following
    return payloads, 0


def encode_message(spi_i, spi_r, exchange, flags, number, payloads, version=0x20):
    first, chain = encode_payloads(payloads)
    return HEADER.pack(spi_i, spi_r, first, version, exchange, flags, number, HEADER.size + len(chain)) + chain


def decode_header(data):
    if len(data) < HEADER.size:
        raise Malformed("shorter than a header")
    return Header(*HEADER.unpack_from(data))


def find(payloads, kind):
    """The body of the first payload of that type, or None."""
    return next((body for k, body in payloads if k == kind), None)


def notifies(payloads):
    """Type and data of all notifies."""
    return [decode_notify(body) for kind, body in payloads if kind == NOTIFY]
