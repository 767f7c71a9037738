"""What the policy refused is told in charon's report with both sides' proposals, of tunnels and of peers without one.

Runs like culvert_policy_test.py.
"""

import os
import shutil
import socket
import sys

import ike_wire as wire
from conf_bench import SUITE, connection, main, tunnel
from culvert_policy_test import FILE, HAND, PLUGIN, initiate, load_hand, own_plugins, take_down
from ike_lab import GATEWAY, run, wait_for
from ike_peer import LIMIT, in_namespace, udp

STRANGER = "192.0.2.99"
PEERS_MAX, TEXT_MAX = 256, 511  # policy_refusals.c


def tell(bench, **wanted):
    """The refusal of that tunnel or peer in that exchange."""
    def probe():
        found = [r for r in bench.gateway.refusals() if all(getattr(r, k) == v for k, v in wanted.items())]
        assert len(found) <= 1, found
        return found
    return wait_for(f"a refusal with {wanted}", probe)[0]


def test_ike_sa_init(bench):
    # Refusals are counted: nothing is sent twice, however long the gateway takes.
    with open(f"{bench.carrier.folder}/strongswan.conf", "a", encoding="ascii") as f:
        f.write("charon-systemd { retransmit_timeout = 60 }\n")
    bench.start(tunnel(1, initiator="carrier"), tunnel(3, peer="any", initiator="carrier"))
    assert bench.gateway.refusals() == []
    bench.load_carrier(connection(1, proposal="aes128-sha256-modp1024,aes256-sha1-modp2048"))
    initiate(bench.carrier, "k1")
    first = tell(bench, tunnel="t1")
    assert first[:5] == ("t1", "192.0.2.11", "IKE_SA_INIT", "peer", 1) and first.age <= 60, first
    assert first.offered == "aes128-sha256-prfsha256-modp1024, aes256-sha1-prfsha1-modp2048", first
    assert first.allowed == SUITE and first.reason.startswith("no proposal in common: for the IKE_SA "), first
    # The last one is kept, and how many there were.
    bench.load_carrier(connection(1, proposal="aes256-sha256-modp1536"))
    initiate(bench.carrier, "k1")
    last = tell(bench, tunnel="t1", count=2)
    assert last.offered == "aes256-sha256-prfsha256-modp1536" and last.allowed == SUITE, last
    assert len(bench.gateway.refusals()) == 1


def test_child_sa(bench):
    """The one of IKE_AUTH, and one that is rekeyed without a key exchange."""
    bench.load_carrier(connection(1, esp="aes128-sha1-modp2048"))
    initiate(bench.carrier, "k1")
    row = tell(bench, tunnel="t1", exchange="IKE_AUTH")
    assert (row.sender, row.offered, row.allowed) == ("peer", "aes128-sha1", SUITE), row
    assert row.reason.startswith("no proposal in common: for the CHILD_SA "), row
    take_down(bench)
    bench.load_carrier(connection(1, esp="aes256-sha256"))
    initiate(bench.carrier, "k1")
    bench.gateway.wait_up("t1")
    bench.carrier.swanctl("--rekey", "--child", "k1")
    row = tell(bench, tunnel="t1", exchange="CREATE_CHILD_SA")
    assert (row.sender, row.offered, row.allowed) == ("peer", "aes256-sha256", SUITE), row
    # It tells what was, also while the tunnel is up.
    assert bench.gateway.report()["t1"]["state"] == "up"


def test_peer_without_a_tunnel(bench):
    """A peer may be anywhere, this one has not said who it is: it is told by its address."""
    bench.load_carrier(connection(3, address=STRANGER, proposal="aes256-sha256-ecp256"))
    initiate(bench.carrier, "k3")
    row = tell(bench, peer=STRANGER)
    assert row[:5] == ("-", STRANGER, "IKE_SA_INIT", "peer", 1), row
    assert (row.offered, row.allowed) == ("aes256-sha256-prfsha256-ecp256", SUITE), row
    # The request that says it is looked at before that is proven: what no tunnel may have is refused then.
    bench.load_carrier(connection(3, address=STRANGER, esp="aes128-sha256"))
    initiate(bench.carrier, "k3")
    row = tell(bench, peer=STRANGER, exchange="IKE_AUTH")
    assert (row.tunnel, row.count, row.offered, row.allowed) == ("-", 2, "aes128-sha256", SUITE), row
    # What another tunnel may have is refused once it is.
    bench.carrier.swanctl("--terminate", "--ike", "c3")
    bench.load_carrier(connection(3, address=STRANGER, esp="aes256gcm16"))
    initiate(bench.carrier, "k3")
    row = tell(bench, tunnel="t3")
    assert (row.peer, row.exchange, row.offered, row.allowed) == (STRANGER, "IKE_AUTH", "aes256gcm16", SUITE), row


def test_shared_address(bench):
    """Two tunnels have the peer's address: it is told by that until it has said which one it means."""
    shared, both = "192.0.2.12", [tunnel(n, peer="192.0.2.12", initiator="carrier") for n in (2, 4)]
    bench.switch(tunnel(1, initiator="carrier"), tunnel(3, peer="any", initiator="carrier"), *both)
    bench.load_carrier(connection(4, address=shared, proposal="aes256-sha256-modp1536"))
    initiate(bench.carrier, "k4")
    assert tell(bench, peer=shared).tunnel == "-"
    bench.load_carrier(connection(4, address=shared, esp="aes256gcm16"))
    initiate(bench.carrier, "k4")
    assert tell(bench, peer=shared, exchange="IKE_AUTH").tunnel == "t4"


def test_our_own_offer(bench):
    """Of a connection that somebody has loaded by hand."""
    load_hand(bench, ike="aes128-sha256-modp2048")
    initiate(bench.gateway)
    row = tell(bench, peer=HAND)
    assert (row.tunnel, row.exchange, row.sender) == ("-", "IKE_SA_INIT", "gateway"), row
    assert (row.offered, row.allowed) == ("aes128-sha256-prfsha256-modp2048", SUITE), row


def weak(*groups):
    return [wire.Proposal(wire.IKE, (wire.Transform(wire.ENCR, 12, wire.key_length(128)), wire.Transform(wire.INTEG, 2),
                                     wire.Transform(wire.PRF, 2), wire.Transform(wire.GROUP, g))) for g in groups]


def knock(address, proposals):
    """An IKE_SA_INIT from an address; returns when it is refused."""
    request = wire.encode_message(os.urandom(8), bytes(8), wire.IKE_SA_INIT, wire.INITIATOR, 0, [
        (wire.SA, wire.encode_sa(proposals)), (wire.KE, wire.encode_ke(2, os.urandom(128))), (wire.NONCE, os.urandom(32))])
    with in_namespace("carrier", lambda: udp(address, 0)) as sock:
        sock.settimeout(LIMIT)
        sock.sendto(request, (GATEWAY, 500))
        header = wire.decode_header(sock.recv(65536))
    assert header.flags & wire.RESPONSE, header


def test_bounds(bench):
    """Peers that are not known cost nothing to invent: the latest ones are kept. Nor does a long offer."""
    run("ip", "-n", "carrier", "route", "add", "local", "198.18.0.0/15", "dev", "lo")
    run("ip", "-n", "gateway", "route", "add", "198.18.0.0/15", "via", "192.0.2.11")
    addresses = [f"198.18.{n >> 8}.{n & 255}" for n in range(PEERS_MAX + 44)]
    for address in addresses:
        knock(address, weak(2))
    told = [r.peer for r in bench.gateway.refusals() if r.tunnel == "-"]
    assert told == addresses[:-PEERS_MAX - 1:-1], told
    knock(addresses[-3], weak(*range(1, 6), *range(15, 33)))
    first = next(r for r in bench.gateway.refusals() if r.tunnel == "-")
    assert (first.peer, first.count) == (addresses[-3], 2), first
    assert len(first.offered) == TEXT_MAX and first.offered.endswith("..."), first
    assert {r.tunnel for r in bench.gateway.refusals()} == {"t1", "t3", "t4", "-"}, "tunnels have a place of their own"


def test_what_the_hooks_refuse(bench):
    """They have no message any more, but what was chosen."""
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"
    own_plugins(bench)
    shutil.copy(f"build/policy-hooks/{FILE}", f"{PLUGIN}.new")
    os.rename(f"{PLUGIN}.new", PLUGIN)
    bench.gateway.start()
    for options, exchange, offered in (({"ike": "aes128-sha256-modp2048"}, "IKE_AUTH", "aes128-sha256-prfsha256-modp2048"),
                                       ({"esp": "aes256-sha1-modp2048"}, "IKE_AUTH", "aes256-sha1")):
        load_hand(bench, **options)
        initiate(bench.carrier)
        row = tell(bench, peer=HAND, offered=offered)
        assert (row.tunnel, row.exchange, row.sender, row.allowed) == ("-", exchange, "peer", SUITE), row
    assert bench.gateway.stop() == 0


if __name__ == "__main__":
    sys.exit(main(globals(), admission=""))
