"""A second carrier with a device of its own, whose address another carrier's device may have as well:

    dev3 10.64.0.5, fd00:64::5 --lan-- carrier2 --wan 192.0.2.12-- seg

What must not pass between two APNs is offered and looked for here; offers.py has what one APN suffices for.
"""

import contextlib

import libreswan
import netns
import topology as net
import traffic
import wire

CARRIER, DEV3, DEV3_SIX, POOL_SIX = "192.0.2.12", net.DEV1, "fd00:64::5", "fd00:64::/64"
LAN_SIX = "fd00:64::1"

_RULES = """
table inet carrier {
	chain forward {
		type filter hook forward priority 0;
		oifname "wan" rt ipsec missing drop
	}
}
"""

pluto = libreswan.Pluto("carrier2", "carrier2-libreswan.service", "/run/carrier2-libreswan", address=CARRIER,
    identity="brno.example.net", pool=net.POOL)


def build(lab):
    for name in ("carrier2", "dev3"):
        netns.run("ip", "netns", "add", name)
        netns.set_sysctl(name, "net.ipv4.conf.all.rp_filter", 0)
        netns.set_sysctl(name, "net.ipv4.conf.default.rp_filter", 0)
    netns.ip("seg", """
        link add name p3 type veth peer name wan netns carrier2
        link set p3 master sw up
    """)
    netns.ip("carrier2", f"""
        link add lan type veth peer name eth0 netns dev3
        link set lo up
        addr add {CARRIER}/24 dev wan
        link set wan up
        addr add {net.CARRIER_LAN}/32 dev lan
        addr add {LAN_SIX}/64 dev lan nodad
        link set lan up
        route add {DEV3}/32 dev lan
        route add default via {net.GATEWAY} table {net.TABLE_OF_DEVICES}
        rule add iif lan lookup {net.TABLE_OF_DEVICES} pref 100
        route add fd00:120::/64 dev wan
    """)
    netns.ip("dev3", f"""
        link set lo up
        addr add {DEV3}/32 dev eth0
        addr add {DEV3_SIX}/64 dev eth0 nodad
        link set eth0 up
        route add {net.CARRIER_LAN}/32 dev eth0
        route add default via {net.CARRIER_LAN}
        route add default via {LAN_SIX}
    """)
    netns.set_sysctl("carrier2", "net.ipv4.ip_forward", 1)
    netns.set_sysctl("carrier2", "net.ipv6.conf.all.forwarding", 1)
    with netns.inside("carrier2"):
        netns.run("nft", "-f", "-", stdin=_RULES)
    lab.captures["dev3"] = wire.Capture("dev3", "eth0")


def _is_esp(one):
    """In UDP as well: IKE has four zeros there where ESP has its SPI."""
    return one.spi is not None or (one.sport == 4500 and len(one.payload) > 8 and any(one.payload[:4]))


def refused(lab, text, namespace, source, target, never_at, fence, carrier=None):
    """Offers one datagram; it is seen to be sent, and beyond the gateway nowhere, when what came behind it is back."""
    mark, before = wire.token(), lab.outer.mark()
    with contextlib.suppress(PermissionError):
        wire.send_as(namespace, source, target, mark)
    fenced = all(fence.ask() for _ in range(2))
    flaw = "" if fenced else "the fence did not come back"
    if not lab.captures[namespace].find(mark):
        flaw = "it was never sent"
    encrypted = [one for one in lab.outer.frames(before) if one.src == carrier and _is_esp(one)]
    if carrier and len(encrypted) <= 2:
        flaw = "the carrier did not put it into the tunnel"
    seen = [f"{name}: {frame}" for name in never_at if (frame := lab.captures[name].find(mark))]
    lab.check(f"{text} ({source[0]} > {target[0]}:{target[1]}) does not arrive", not flaw and not seen,
        flaw or "; ".join(seen))


def exchange(namespace, source, target, port=traffic.SERVICE, sport=40021):
    return traffic.Exchange(namespace, (source, sport), (target, port))


def clear():
    pluto.clear()
