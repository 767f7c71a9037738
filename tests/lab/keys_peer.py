"""Carriers that do not rekey as they should: deaf, refusing, wild."""

import contextlib

import check
import gateway
import keys
import libreswan
import netns
import operators_file
import stock
import systemd
import topology
import walls

_SWANCTL = f"""
connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {topology.CARRIER}
    remote_addrs = {topology.GATEWAY}
    proposals = aes256-sha256-modp2048
    rekey_time = %s
    over_time = 1h
    rand_time = 0
    local {{ auth = psk
        id = {stock.ID} }}
    remote {{ auth = psk
        id = {topology.GATEWAY} }}
    children {{ gw {{
        local_ts = {topology.POOL}
        remote_ts = {topology.CLOUD_NET}
        rekey_time = %s
        life_time = 1h
        rand_time = 0
        esp_proposals = %s }} }} }} }}
secrets {{ ike-gw {{ secret = "{operators_file.PSK}" }} }}
"""
# CREATE_CHILD_SA is exchange 36; a response has flag 0x20. On port 4500 four zeros precede the message.
_DROP = """
table inet deaf {
	chain out {
		type filter hook output priority 0;
		udp sport 500 @th,208,8 36 @th,216,8 & 0x20 == 0x20 counter drop
		udp sport 4500 @th,64,32 0 @th,240,8 36 @th,248,8 & 0x20 == 0x20 counter drop
	}
}
"""
_WATCHED = 2.5 * keys.CEILING  # seconds


@contextlib.contextmanager
def _deaf():
    """The carrier's answers to CREATE_CHILD_SA requests are lost, all of them."""
    with netns.inside("carrier"):
        netns.run("nft", "-f", "-", stdin=_DROP)
    yield
    with netns.inside("carrier"):
        netns.run("nft", "destroy", "table", "inet", "deaf")


def _lost():
    with netns.inside("carrier"):
        listing = netns.run("nft", "list", "table", "inet", "deaf")
    return sum(int(text.split()[0]) for text in listing.split("packets ")[1:])


def _refused():
    return systemd.journal(stock.UNIT, "all").count("NO_PROP")


def _watch(lab):
    """Traffic and time enough for keys to grow too old; the Eye that saw them."""
    eye = keys.Eye()
    offer = keys.Offer()
    check.poll(lambda: False, _WATCHED, every=1)
    offer.stop()
    eye.stop()
    oldest = eye.oldest()
    lab.check(f"no key was older than {keys.LIMIT} s (the oldest of {len(eye.first)}: {oldest:.0f} s)",
        len(eye.first) > 2 and oldest < keys.LIMIT + keys.LOADED)
    lab.check("nor did culvertd have to end one", not keys.ended_by_culvertd(), gateway.status().get("keys_ended"))


def ignores(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(keys.operators_file_of())
    lab.require_up("a carrier that does not answer rekeys: the tunnel is up")
    with _deaf():
        _watch(lab)
        lab.check("its answers were lost", _lost() > 3, _lost())
    keys.is_well(lab, "it answers: the tunnel is up")
    walls.check_outer(lab)


def rejects(lab):
    stock.start(_SWANCTL % ("0", "0", "aes256-sha256"))
    lab.start_gateway(keys.operators_file_of())
    lab.require_up("a carrier that refuses to rekey: the tunnel is up")
    _watch(lab)
    lab.check("it refused", _refused() > 1, systemd.journal(stock.UNIT))
    keys.is_well(lab, "the tunnel comes back each time")
    walls.check_outer(lab)


def rekeys_wildly(lab):
    stock.start(_SWANCTL % ("3s", "1s", "aes256-sha256-modp2048"))
    lab.start_gateway(keys.operators_file_of())
    lab.require_up("a carrier that rekeys every second: the tunnel is up")
    _watch(lab)
    stock.stop()
    stock.start(_SWANCTL % ("0", "0", "aes256-sha256-modp2048"))
    keys.is_well(lab, "it has come to rest: the tunnel is up")
    walls.check_outer(lab)
