"""Kernel policies widened behind the daemons' backs: a carrier, or a gateway, without its selectors."""

import re

import netns

_TEMPLATE = re.compile(r"tmpl (src \S+ dst \S+)\s+proto esp (?:spi \S+ )?reqid (\d+)")
_LAST = 4000000  # priority: behind all policies of the daemons


def _widen(namespace, direction, which=""):
    """Adds beside a daemon's policy one with the same template for any source and destination."""
    where = ["-n", namespace] if namespace else []
    policies = netns.run("ip", *where, "xfrm", "policy", "list", "dir", direction, "nosock")
    ends, reqid = _TEMPLATE.search(policies).groups()
    # Inward the template is optional: what was never encrypted, a device's own packet, must not meet it.
    level = "required" if direction == "out" else "use"
    netns.ip(namespace, f"xfrm policy add dir {direction} src 0.0.0.0/0 dst 0.0.0.0/0 {which} priority {_LAST}"
        f" tmpl {ends} proto esp reqid {reqid} mode tunnel level {level}")


def carrier_misbehaves():
    """The carrier puts into the tunnel whatever devices send, and delivers whatever comes out, whatever was agreed."""
    _widen("carrier", "out", "dev wan")
    _widen("carrier", "in")
    _widen("carrier", "fwd")


def gateway_admits_all(if_id):
    """The gateway's policies admit any address in the tunnel, as with a route-based peer: wall 3 is down."""
    for direction in ("in", "fwd", "out"):
        _widen(None, direction, f"if_id {if_id}")


_ALL = (("4", "0.0.0.0/0"), ("6", "::/0"))
_BLOCK = re.compile(r"^src .*\n(?:\t.*\n?)*", re.M)


def _policies(namespace, direction):
    """(family, if_id, ends, reqid) of the daemons' own policies."""
    where = ["-n", namespace] if namespace else []
    for block in _BLOCK.findall(netns.run("ip", *where, "xfrm", "policy", "list", "dir", direction, "nosock")):
        template, if_id = _TEMPLATE.search(block), re.search(r"if_id (\S+)", block)
        if template and f"priority {_LAST}" not in block:
            yield "6" if ":" in block.split()[1] else "4", int(if_id[1], 16) if if_id else 0, *template.groups()


def open_all(namespace, selector=""):
    """Both families, for each if_id of an end with several CHILD_SAs; again, what was widened follows new ones."""
    for direction in ("in", "fwd", "out"):
        found = list(_policies(namespace, direction))
        level = "required" if direction == "out" else "use"
        which = selector if direction == "out" else ""
        script = []
        for if_id in {one[1] for one in found}:
            for family, every in _ALL:
                _, _, ends, reqid = max((one for one in found if one[1] == if_id), key=lambda one: one[0] == family)
                script.append(f"xfrm policy update dir {direction} src {every} dst {every} {which} "
                    f"{f'if_id {if_id}' if if_id else ''} priority {_LAST} tmpl {ends} proto esp reqid {reqid} mode tunnel level {level}")
        netns.ip(namespace, "\n".join(script))


def close_all():
    """Takes away what open_all() has given the gateway."""
    for direction in ("in", "fwd", "out"):
        listing = netns.run("ip", "xfrm", "policy", "list", "dir", direction, "nosock")
        for block in _BLOCK.findall(listing):
            if f"priority {_LAST}" in block:
                source, target = block.split()[1:4:2]
                if_id = re.search(r"if_id (\S+)", block)
                netns.run("ip", "xfrm", "policy", "delete", "dir", direction, "src", source, "dst", target,
                    *(("if_id", if_id[1]) if if_id else ()))
