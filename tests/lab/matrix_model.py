"""What the configuration of places.py means, written down by hand: who may speak with whom, and how. Nothing here is read
from the product.

An answer is (verdict, sites): MUST arrive in a gateway that works; MAY arrive; NEVER. sites are the namespaces in which it
then may be seen beyond the gateway; "gateway" stands for what the gateway's own sockets get.
"""

import collections

import places
import topology as net

MUST, MAY, NEVER = "must", "may", "never"

Apn = collections.namedtuple("Apn", "devices hosts family echo")
APNS = (
    Apn(("dev1", "dev2"), ("host1",), 4, True),
    Apn(("dev3",), ("host3",), 4, False),
    Apn(("dev3",), ("host1",), 6, False),
)

# One that began it, one that answers, with their ports.
Flow = collections.namedtuple("Flow", "asker answerer sport dport")
FLOWS = (
    Flow("dev1", "host1", 39001, places.SERVICE),
    Flow("dev3", "host3", 39001, places.SERVICE),
    Flow("host1", "dev1", 39003, places.DOWNLINK),
    Flow("host3", "dev3", 39003, places.DOWNLINK),
)

DEVICES, HOSTS = ("dev1", "dev2", "dev3"), ("host1", "host2", "host3", "host4")
# The gateway's own address on each cloud wire, and who stands on that wire.
_OWN = {("host1", 4): net.GATEWAY_CLOUD, ("host2", 4): net.GATEWAY_CLOUD, ("host3", 4): places.GATEWAY_CLOUD2,
    ("host4", 4): places.GATEWAY_CLOUD2, ("host1", 6): places.SIX_GATEWAY, ("host2", 6): places.SIX_GATEWAY}
_ICMP = ("echo", "error", "error of a flow")

_REFUSED = (NEVER, ())


def beyond(place):
    """Where a packet for that place is seen on its way from the gateway."""
    return (place.namespace or "gateway", *place.sites)


def same_side(one, other):
    """Whether two places are on the same wire of the gateway, or behind the same link."""
    return one.namespace == other.namespace if one.name in HOSTS else one.sites == other.sites


def _to_gateway(source, family, what, address):
    if source.name == "inet":  # ICMP passes the outer interface; the addresses of VRFs are not found from there
        known = address in (net.GATEWAY, places.OWN)
        return (MAY, ("gateway",)) if what in _ICMP and known and family == 4 else _REFUSED
    if source.name in HOSTS:
        return (MAY, ("gateway",)) if what in _ICMP and _OWN.get((source.name, family)) == address else _REFUSED
    if source.name == "admin" and family == 4:
        return (MUST if address == places.OWN and what in ("service", "tcp service", "fragment of service") else MAY,
            ("gateway",))
    return _REFUSED


def _from_gateway(target, family, what):
    """By its main table: the management's wire, and all else the outer one, where the guard lets ICMP pass alone."""
    if family == 6:
        return _REFUSED
    if target.name == "admin":
        return MAY, beyond(target)
    return (MAY, ("inet", "seg")) if what in _ICMP else _REFUSED


def _inside(source, target, family, what):
    for apn in APNS:
        up = source.name in apn.devices and target.name in apn.hosts
        down = source.name in apn.hosts and target.name in apn.devices
        if apn.family == family and (
                up and what in ("service", "tcp service", "fragment of service")
                or down and what in ("downlink", "fragment of downlink")
                or (up or down) and what == "echo" and apn.echo):
            return MUST, beyond(target)
    return _REFUSED


def expected(source, target, family, what, address=""):
    """What is to become of a packet with the source's own address. address: of the gateway, which has several."""
    if target.name == "gateway":
        return _to_gateway(source, family, what, address)
    if source.name == "gateway":
        return _from_gateway(target, family, what)
    return _inside(source, target, family, what)


def answer(source, target, flow):
    """What looks like the answer in a flow of target's."""
    return (MUST, beyond(target)) if source.name == flow.answerer else _REFUSED


def error(source, target, other):
    """An ICMP error about a packet that target has sent to other, in a flow that there is."""
    if source is other:
        return MUST, beyond(target)
    if source.name == "gateway":
        return _from_gateway(target, 4, "error of a flow")
    # Any router on the way may send it.
    kinds = (DEVICES, HOSTS)
    alike = any(source.name in kind and other.name in kind for kind in kinds)
    return (MAY, beyond(target)) if alike and same_side(source, other) else _REFUSED


def spoofed(source, target, what, address="", family=4):
    """The same with a source address that is not the sender's. An ICMP echo that the gateway takes from anyone on that wire
    may come to it; what it answers must not go to whom the address belongs to."""
    if what == "echo" and target.name == "gateway" and source.name != "admin":
        return _to_gateway(source, family, what, address)
    if source.name == "gateway":
        return _from_gateway(target, family, what)
    return _REFUSED


# Which tables lead to where a packet is seen, and which one a packet from there meets.
_WORLDS = {"carrier": {"meters"}, "dev1": {"meters"}, "dev2": {"meters"}, "cloud": {"meters", "sixes"},
    "carrier2": {"buses", "sixes"}, "dev3": {"buses", "sixes"}, "cloud2": {"buses"}, "seg": {"main"}, "inet": {"main"},
    "admin": {"main"}, "gateway": {"main", "meters", "buses", "sixes"}}


def held_by_routing(source, site):
    """Whether wall 1 alone keeps packets of that place, and what they provoke, from being seen there."""
    return not _WORLDS[source.namespace or "gateway"] & _WORLDS[site]
