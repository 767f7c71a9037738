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
