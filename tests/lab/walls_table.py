"""The table of SECURITY.md, "Which wall stops what": its rows as they stand there, the packets that each row means, and how
a wall is broken."""

import itertools

import gateway
import matrix
import matrix_model as model
import netns
import operators_file
import packets
import places
import policy
import topology as net
from traffic import DOWNLINK, SERVICE

WALLS = (1, 2, 3)
_HEAD = "| packet | 1 routing | 2 nftables | 3 SA |"
_EMPTY, _STOPS, _BY_SELECTORS = "", "stops", "stops, unless the selectors are `any`"


def rows():
    """Text of each row to the walls that stop it alone; raises ValueError for a cell that means nothing here."""
    with open(f"{operators_file.HOME}/SECURITY.md", encoding="utf-8") as file:
        lines = file.read().split(_HEAD, 1)[1].splitlines()[2:]
    table = {}
    for line in itertools.takewhile(lambda one: one.startswith("|"), lines):
        text, *cells = (one.strip() for one in line.strip("|").split("|"))
        for number, cell in enumerate(cells, 1):
            if cell not in (_EMPTY, _STOPS) + ((_BY_SELECTORS,) if number == 3 else ()):
                raise ValueError(f"{text}: {cell}")
        table[text] = {number for number, cell in enumerate(cells, 1) if cell}
    return table


def _udp(source, to, port=SERVICE, by=""):
    return lambda mark, sport: packets.udp(by or (source.six if ":" in to else source.four), to, sport, port, mark)


def _one(source, target, to, port=SERVICE, by=""):
    sites = ("inet", "seg") if target is places.INET else model.beyond(target)
    return source, target, _udp(source, to, port, by), sites


# Wall 2 has the mapping of buses; without it its device is known by its address there to nobody but a route by hand.
PACKETS = {
    "device to a port that is not listed": (_one(places.DEV1, places.HOST_1, net.CLOUD, places.CLOSED),),
    "device to another device of the APN (hairpin)": (_one(places.DEV1, places.DEV2, net.DEV2),),
    "device to another APN, also on a shared interface": (_one(places.DEV1, places.HOST_3, places.HOST3),
        _one(places.DEV1, places.DEV3, places.SHOWN3)),
    "device to the Internet": (_one(places.DEV1, places.INET, net.INTERNET),),
    "device with a source outside the pool": (_one(places.DEV1, places.HOST_1, net.CLOUD, by=net.SPOOFED),),
    "device to the gateway's outer address": (_one(places.DEV1, places.GATEWAY, net.GATEWAY),),
    "device to the gateway's address in its cloud": (_one(places.DEV1, places.GATEWAY, net.GATEWAY_CLOUD),),
    "cloud host to a device without downlink": (_one(places.HOST_2, places.DEV1, net.DEV1, DOWNLINK),),
    "cloud host to another APN's hosts": (_one(places.HOST_1, places.HOST_3, places.HOST3),),
    "cloud host to the Internet": (_one(places.HOST_1, places.INET, net.INTERNET),),
    "clear text from the Internet to the cloud": (_one(places.INET, places.HOST_1, net.CLOUD),),
    "clear text from the Internet to devices": (_one(places.INET, places.DEV1, net.DEV1, DOWNLINK),),
    "clear text from the Internet back to it": (_one(places.INET, places.INET, net.CARRIER),),
    "clear text to the Internet (no SA, charon dead, interface deleted)":
        ((places.HOST_1, places.DEV3, _udp(places.HOST_1, places.DEV3.six, DOWNLINK), ("inet", "seg")),),
    "the Internet to the administrators, and they to it": (_one(places.INET, places.ADMIN_, places.ADMIN),
        _one(places.ADMIN_, places.INET, net.INTERNET)),
}


def probes():
    """Number to probe, and row to its probes."""
    by_number, by_row, numbers = {}, {}, matrix.numbers()
    for row, these in PACKETS.items():
        for source, target, build, sites in these:
            number = next(numbers)
            packet = build(packets.mark(number), matrix.port(number))
            by_number[number] = matrix.Probe(number, source, target, "", row, packet, model.MAY, sites, "")
            by_row.setdefault(row, []).append(by_number[number])
    return by_number, by_row


class Walls:
    """The walls of a gateway whose culvertd stands still. Wall 2 is broken once and for all; the others come and go."""

    def __init__(self, state):
        links = {one: gateway.link(state, *one) for one in places.LINKS}
        meters, buses, sixes = (links[one] for one in places.LINKS)
        table, six = (one["vrf"].removeprefix("culv-v") for one in (meters, sixes))
        self._policies = [one["if_id"] for one in links.values()]
        self._six_link = sixes["interface"]
        hand = f"via {net.ROUTER} dev eth0 table {table} onlink"
        self._routes = (
            f"default {hand}",
            f"{places.NET2} dev eth3 table {table}",
            f"{places.SHOWN} dev {buses['interface']} table {table}",
            f"{net.POOL} dev {meters['interface']}",
            f"{net.CLOUD_NET} dev culv-c{table}",
            f"{places.DEV3.six}/128 dev eth0 table {six}",
        )
        self._up = {1: True, 2: True, 3: False}

    def break_link(self):
        """What would go to devices of sixes has no SA, and no interface."""
        netns.run("ip", "link", "del", self._six_link)
        netns.run("ip", "-6", "neigh", "replace", places.DEV3.six, "lladdr", net.INET_MAC, "dev", "eth0")

    def leave(self, up):
        """Only these stand."""
        if self._up[1] != (1 in up):
            verb = "add" if self._up[1] else "del"
            netns.ip(None, "\n".join(f"route {verb} {one}" for one in self._routes))
            for name in ("eth0", "eth1", "eth2"):
                netns.set_sysctl(None, f"net.ipv4.conf.{name}.forwarding", int(self._up[1]))
            # The gateway's own addresses are behind the VRFs' rule; before it they are found from anywhere.
            netns.ip(None, f"rule {verb} pref 1 lookup local")
        if self._up[2] and 2 not in up:
            gateway.remove_walls()
        elif not self._up[2] and 2 in up:
            raise ValueError("wall 2 is gone")
        if self._up[3] != (3 in up):
            policy.open_all(None) if self._up[3] else policy.close_all()
        self._up = {wall: wall in up for wall in WALLS}


def sets_of_walls():
    """All sets, those with wall 2 first."""
    every = [set(one) for count in range(len(WALLS) + 1) for one in itertools.combinations(WALLS, count)]
    return sorted(every, key=lambda one: 2 not in one)
