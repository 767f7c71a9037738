"""What the generator offers: every combination that differs from the allowed suite, up to a number, and odd forms of it.

First each single deviation, then pairs and whole suites drawn from the same lists: the order is fixed by the seed.
"""

import itertools
import random
from typing import NamedTuple

import ike_wire as wire
from ike_peer import Offer
from ike_wire import AH, ESP, IKE, Proposal, Transform, key_length

def distinct(*values):
    return [*dict.fromkeys(values)]


# Encryption as (number, bits), bits None without the attribute. First what stacks do offer, then what charon knows
# besides, what others know, what nobody does.
SIZES = (None, 0, 64, 128, 192, 256, 512)
ENCRYPTION = distinct(
    (12, 128), (3, None), (11, None), (20, 128), (12, 192), (2, None), (28, None), (20, 256), (12, None), (13, 256),
    (18, 256), (16, 256), (23, 256), (21, 256), (7, 128), (6, 128),
    *((n, None) for n in (1, 4, 5, 6, 8, 9, 0, 10, 29, 255, 1023, 1024, 1025, 65535)),
    *((n, bits) for n in (7, 12, 13, 23, 24) for bits in SIZES if (n, bits) != (12, 256)),
    *((n, bits) for n in (14, 15, 16, 18, 19, 20, 21, 25, 26, 27) for bits in (None, 128, 192, 256)),
    (12, 1), (12, 255), (12, 257), (12, 32768), (12, 65535), (28, 256), (3, 192), (11, 256), (1026, 256), (1028, 256))
AEAD = {14, 15, 16, 18, 19, 20, 21, 25, 26, 27, 28}
INTEGRITY = distinct(2, 1, None, 0, 13, 14, 5, 8, *range(0, 16), 255, 1024, 1025, 1026, 1027, 1028, 65535)
PRFS = distinct(2, 1, None, 7, 6, *range(0, 10), 255, 1024, 1025, 1026, 1027, 65535)
GROUPS = distinct(2, 5, None, 0, 19, 31, 15, 1, 22, 36, *range(0, 7), *range(14, 40), 255, 1024, 1025, 1030, 1031, 65535)
ESNS = [1, 2, 255, 65535]
ML_KEM = 36


class Suite(NamedTuple):
    """One value of each type; None leaves the transform out."""
    protocol: int
    encryption: tuple | None
    integrity: int | None
    prf: int | None
    group: int | None
    esn: int | None

    def transforms(self):
        made = []
        if self.encryption is not None:
            number, bits = self.encryption
            made.append(Transform(wire.ENCR, number, b"" if bits is None else key_length(bits)))
        for kind, number in ((wire.INTEG, self.integrity), (wire.PRF, self.prf), (wire.GROUP, self.group),
                             (wire.ESN, self.esn)):
            if number is not None:
                made.append(Transform(kind, number))
        return tuple(made)

    def proposal(self):
        return Proposal(self.protocol, self.transforms())

    def __str__(self):
        encryption = "-" if self.encryption is None else "/".join(str(v) for v in self.encryption)
        rest = (f"{name}{'-' if value is None else value}" for name, value in zip(
            ("integ", "prf", "group", "esn"), self[2:]))
        return f"protocol{self.protocol} encr{encryption} {' '.join(rest)}"


ALLOWED_IKE = Suite(IKE, (12, 256), 12, 5, 14, None)
ALLOWED_FIRST = Suite(ESP, (12, 256), 12, None, None, 0)  # in IKE_AUTH, which has no key exchange of its own
ALLOWED_ESP = ALLOWED_FIRST._replace(group=14)
def choices(allowed):
    """The values of each type that a suite of this form can have."""
    fields = {"encryption": [None, *ENCRYPTION], "integrity": INTEGRITY}
    if allowed.protocol == IKE:
        return {**fields, "prf": PRFS, "group": GROUPS}
    if allowed.group is not None:
        fields["group"] = GROUPS
    return {**fields, "esn": ESNS}


def is_stronger(suite, allowed):
    """An IKE_SA of a suite that an operator may name: until IKE_AUTH nobody knows whose it is. These are not offered."""
    if allowed.protocol != IKE or suite.protocol != IKE:
        return False
    sealed = (suite.encryption == (12, 256) and suite.integrity == 12) or (
        suite.encryption == (20, 256) and suite.integrity in (None, 0))
    return sealed and suite.prf in (5, 6) and suite.group in (14, 20)


def tidy(suite):
    """AEAD has no integrity, or NONE; half of the time that is what a stack would send."""
    if suite.encryption and suite.encryption[0] in AEAD and suite.integrity in (12, 13):
        return suite._replace(integrity=None)
    return suite


def single_deviations(allowed):
    """Each value of each type, the types in turn: so the first ones have something of all."""
    rows = [[allowed._replace(**{name: value}) for value in values] for name, values in choices(allowed).items()]
    rows.append([allowed._replace(encryption=value, integrity=None) for value in ENCRYPTION if value[0] in AEAD])
    if allowed.protocol == ESP:
        rows.append([allowed._replace(protocol=AH, encryption=None, integrity=number) for number in INTEGRITY])
    return [suite for turn in itertools.zip_longest(*rows) for suite in turn if suite]


def other_suites(allowed, rng):
    """Suites that are not allowed, without end: single deviations, then two or more at once. None comes twice."""
    fields, seen = choices(allowed), {allowed}

    def candidates():
        yield from single_deviations(allowed)
        for n in itertools.count():
            names = rng.sample(sorted(fields), 2 if n % 2 else len(fields))
            yield tidy(allowed._replace(**{name: rng.choice(fields[name]) for name in names}))
    for suite in candidates():
        if suite not in seen and not is_stronger(suite, allowed):
            seen.add(suite)
            yield suite


def payload_group(suite):
    """Which group the KE payload of an offer has: that of the transform, or one that was not offered."""
    return suite.group if suite.group not in (None, 0) else None


def plain(suite, notifies=()):
    group = payload_group(suite)
    return Offer(str(suite), (suite.proposal(),), 14 if suite.protocol == IKE and group is None else group, notifies)


def changed(suite, kind, *transforms):
    """The suite's proposal with other transforms instead of those of a type."""
    return Proposal(suite.protocol, tuple(t for t in suite.transforms() if t.kind != kind) + transforms)


def odd_forms(allowed):
    """The allowed suite with something wrong about it, and what has no suite at all."""
    good, group = allowed.proposal(), allowed.group
    encr = good.transforms[0]
    other_group = 2 if group else None

    def offer(name, *proposals, may="refuse", ke=group, notifies=()):
        return Offer(name, proposals, ke, notifies, may=may)

    def more(*transforms):
        return good._replace(transforms=good.transforms + transforms)
    hybrid = wire.notify(wire.INTERMEDIATE_SUPPORTED)
    for kind in range(wire.ADDKE1, wire.ADDKE1 + 7):
        yield offer(f"additional key exchange {kind - 5}", more(Transform(kind, ML_KEM)), notifies=(hybrid,),
                    may="refuse" if group else "either")
    yield offer("additional key exchange NONE", more(Transform(wire.ADDKE1, 0)), may="either", notifies=(hybrid,))
    for kind in (0, 13, 240, 255):
        yield offer(f"transform of type {kind}", more(Transform(kind, 1)), may="either")
    for bits in ((128, 256), (256, 128), (256, 256), (192, 128), (256, 0)):
        doubled = Transform(wire.ENCR, 12, b"".join(key_length(b) for b in bits))
        yield offer(f"key length {bits}", changed(allowed, wire.ENCR, doubled),
                    may="either" if bits[0] == 256 or bits[-1] == 256 else "refuse")
    for name, attributes in {
            "unknown attribute": key_length(256) + b"\x80\x0f\x00\x01",
            "unknown attribute first": b"\x80\x0f\x00\x01" + key_length(256),
            "long attribute": key_length(256) + wire.attribute(15, b"abcd"),
            "key length of four octets": wire.attribute(14, (256).to_bytes(4, "big"))}.items():
        yield offer(name, changed(allowed, wire.ENCR, encr._replace(attributes=attributes)), may="either")
    yield offer("key length of an integrity", changed(allowed, wire.INTEG, Transform(wire.INTEG, 12, key_length(128))),
                may="either")
    for protocol in (0, 4, 5, 200, 255):
        yield offer(f"protocol {protocol}", good._replace(protocol=protocol))
    yield offer("no transform", Proposal(good.protocol, ()))
    yield offer("no proposal")
    yield offer("every weak one", everything(allowed, weak=True), ke=other_group)
    yield offer("split in two", *(good._replace(transforms=part) for part in (good.transforms[:2], good.transforms[2:])))
    if allowed.protocol == ESP:
        for protocol in (IKE, AH):
            if protocol == AH or group is None:
                yield offer(f"ESP's transforms under protocol {protocol}", good._replace(protocol=protocol))
        yield offer("without ESN", changed(allowed, wire.ESN), may="either")
        yield offer("both kinds of ESN", more(Transform(wire.ESN, 1)), may="choose")
        yield offer("transport mode", good, may="either", notifies=(wire.notify(wire.USE_TRANSPORT_MODE),))
        yield offer("compression", good, may="either", notifies=(wire.notify(wire.IPCOMP_SUPPORTED, b"\0\2\2"),))
        for number in (2, 14, 19) if group is None else ():
            yield offer(f"group {number} in IKE_AUTH", more(Transform(wire.GROUP, number)), may="either")
        for size in (1, 5, 8):
            yield offer(f"SPI of {size} octets", good._replace(spi=b"\1" * size), may="either")
    elif allowed.protocol == IKE:
        for protocol in (AH, ESP):
            yield offer(f"IKE's transforms under protocol {protocol}", good._replace(protocol=protocol))
    if group:
        yield offer("KE payload of another group", good, ke=2, may="either")
        yield offer("no KE payload", good, ke=None, may="either")
        yield offer("KE payload of no group", good, ke=0, may="either")


def everything(allowed, weak=False):
    """One proposal with many transforms of each type; the allowed ones are in the middle, or absent."""
    def listed(kind, numbers, good):
        return [Transform(kind, n) for n in numbers if not (weak and n == good)]
    transforms = [Transform(wire.ENCR, 12, key_length(bits)) for bits in (128, 192, 256) if not (weak and bits == 256)]
    transforms += [Transform(wire.ENCR, 3), Transform(wire.ENCR, 11)]
    transforms += listed(wire.INTEG, (1, 2, 12, 13, 14), 12)
    if allowed.protocol == IKE:
        transforms += listed(wire.PRF, (1, 2, 5, 7), 5)
    if allowed.group is not None:
        transforms += listed(wire.GROUP, (1, 2, 5, 14, 15, 19, 31), 14)
    if allowed.esn is not None:
        transforms += listed(wire.ESN, (1, 0), 0)
    return Proposal(allowed.protocol, tuple(transforms))


def mixed(allowed, weak_suites):
    """Offers with the allowed suite among others: exactly that must be chosen."""
    good = allowed.proposal()
    weak = [s.proposal() for s in weak_suites]

    def offer(name, *proposals):
        return Offer(name, proposals, allowed.group, may="choose")
    yield offer("everything in one proposal", everything(allowed))
    yield offer("everything, each type reversed", everything(allowed)._replace(
        transforms=tuple(reversed(everything(allowed).transforms))))
    yield offer("the allowed one twice", good, good)
    yield offer("sealed ciphers and none of integrity among them", Proposal(allowed.protocol, (
        Transform(wire.ENCR, 20, key_length(256)), *good.transforms, Transform(wire.INTEG, 0))))
    if allowed.group:
        yield offer("an additional key exchange or none", Proposal(allowed.protocol, (
            *good.transforms, Transform(wire.ADDKE1, ML_KEM), Transform(wire.ADDKE1, 0))))
    if allowed == ALLOWED_ESP:
        yield offer("the key exchange or none", good._replace(transforms=(Transform(wire.GROUP, 0), *good.transforms)))
    yield offer("last of many", *weak[:20], good)
    yield offer("first of many", good, *weak[:20])
    yield offer("everything weak, then the allowed one", everything(allowed, weak=True), good)
    for i, other in enumerate(weak):
        yield offer(f"behind {weak_suites[i]}", other, good)
        yield offer(f"before {weak_suites[i]}", good, other)


def alive(allowed, name="alive"):
    return Offer(name, (allowed.proposal(),), allowed.group, may="choose")


def wishes(allowed):
    """Instead of an answer: a wish for another key exchange, or something that leads elsewhere."""
    if allowed.group is None:
        return
    for number in (0, 1, 2, 5, 15, 19, 31, 36, 1024, 65535):
        wish = wire.notify(wire.INVALID_KE_PAYLOAD, number.to_bytes(2, "big"))
        yield Offer(f"wish for group {number}", (), None, (wish,))
    yield Offer("wish for nothing", (), None, (wire.notify(wire.INVALID_KE_PAYLOAD),))


def offers(allowed, count, seed, mixes=20):
    """count offers for a step whose allowed suite is this: deviations, odd forms, mixes."""
    rng = random.Random(f"{seed} {allowed}")
    odd = [*odd_forms(allowed)]
    weak = [*itertools.islice(other_suites(allowed, random.Random(f"{seed} mix {allowed}")), 400)]
    some = [*mixed(allowed, rng.sample(weak, (mixes + 1) // 2))][:mixes]
    plains = [plain(s) for s in itertools.islice(other_suites(allowed, rng), max(0, count - len(odd) - len(some)))]
    return [*plains, *odd, *some]
