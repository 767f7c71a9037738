"""What is in the gateway's kernel, to compare, and what somebody with a shell may do to it."""

import collections
import json
import re

import check
import gateway
import netns

RULES = " ".join(gateway.TABLE)
_COMMANDS = f"""ip rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all type unreachable
ip -4 -br address show dev eth1; nft -s list table {RULES}"""
_SETTINGS = ("net/ipv4/ip_forward", "net/ipv4/conf/eth0/forwarding", "net/netfilter/nf_conntrack_udp_timeout")


def _links():
    for one in json.loads(netns.run("ip", "-j", "-d", "link")):
        if one["ifname"].startswith("culv-") or one["ifname"] == "eth1":
            info = one.get("linkinfo", {})
            yield (f"link {one['ifname']} {one.get('master')} {one['mtu']} {'UP' in one['flags']} "
                   f"{info.get('info_kind')} {info.get('info_data')}")
            with open(f"/proc/sys/net/ipv4/conf/{one['ifname']}/rp_filter", encoding="ascii") as file:
                if one["ifname"].startswith("culv-x"):
                    yield f"rp_filter {one['ifname']} {file.read().strip()}"


def _settings():
    for name in _SETTINGS:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            yield f"{name} {file.read().strip()}"


def picture():
    """Everything that culvertd keeps, as lines in an order that does not depend on how it came there."""
    routing, _, table = netns.run("sh", "-c", _COMMANDS, check=False).partition("table inet culvert")
    # What packets have put in is nobody's change.
    table = re.sub(r"\tset (refused_\w+|asked\d|pinging) \{.*?\n\t\}", "", table, flags=re.DOTALL)
    # Two of a route's words only say who made it; an element's place in its set says nothing.
    lines = [re.sub(r" proto \w+| linkdown", "", one).strip() for one in routing.splitlines()]
    lines += [one.strip() for one in re.sub(r"\s*,\s*", "\n", table).splitlines()]
    return sorted(lines) + sorted(_links()) + list(_settings())


def difference(before, after):
    gone, new = collections.Counter(before), collections.Counter(after)
    return [f"- {one}" for one in gone - new] + [f"+ {one}" for one in new - gone]


def handle(chain, text):
    """The number of the first rule of that chain with that text."""
    listing = netns.run("nft", "-a", "list", "chain", *gateway.TABLE, chain)
    line = next(one for one in listing.splitlines() if text in one)
    return line.rpartition("# handle ")[2].strip()


def reported():
    """How many changes by others culvertd has noticed, and the last of them, the newest first."""
    said = gateway.status().get("drift", {"count": 0, "last": []})
    return said["count"], said["last"]


def await_report(before, text, limit=30):
    """Waits until a change that came after number before is reported in those words. It, or None."""
    found = {}

    def said():
        count, last = reported()
        found["one"] = next((one for one in last[:count - before] if text in one["what"]), None)
        return found["one"]

    check.poll(said, limit, 0.1)
    return found["one"]


def await_picture(wanted, limit=30):
    """Waits until the kernel holds that; what differs at last."""
    last = {}

    def same():
        last["difference"] = difference(wanted, picture())
        return not last["difference"]

    check.poll(same, limit, 0.1)
    return last["difference"]
