"""Carriers for rekeys: each brought up with short retransmissions, and given as an end."""

import libreswan
import operators_file
import rekeys_ends
import stock
import topology

_SWANCTL = f"""
connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {topology.CARRIER}
    remote_addrs = {topology.GATEWAY}
    proposals = aes256-sha256-modp2048
    local {{ auth = psk
        id = {stock.ID} }}
    remote {{ auth = psk
        id = {topology.GATEWAY} }}
    children {{ gw {{
        local_ts = {topology.POOL}
        remote_ts = {topology.CLOUD_NET}
        esp_proposals = aes256-sha256-modp2048 }} }} }} }}
secrets {{ ike-gw {{ secret = "{operators_file.PSK}" }} }}
"""
SHORT = "retransmit_timeout = 1.0\n    retransmit_base = 1.0\n    retransmit_tries = 20"


def _libreswan():
    libreswan.start(operators_file.PSK)
    return rekeys_ends.Pluto


def _strongswan():
    stock.start(_SWANCTL, SHORT)
    return lambda: rekeys_ends.Charon("strongswan", stock.SOCKET, "carrier")


_CARRIERS = {"libreswan": _libreswan, "strongswan": _strongswan}


def start(name):
    """Brings that carrier up; what makes an end of it, once the tunnel is up."""
    return _CARRIERS[name]()
