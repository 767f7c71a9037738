"""Where peers are and what is agreed with them: several addresses, names, any, suites, retransmission, CHILD_SAs a pair.

Runs like culvert_conf_test.py.
"""

import re
import sys
import time

from conf_bench import PSK, SUITE, WRONG, connection, expect, main, tunnel
from ike_lab import GATEWAY, Lab, run, wait_for

OTHER_SUITE = "aes256-sha256-ecp384"


def established(bench):
    """Addresses of the peers of the gateway's IKE_SAs."""
    return set(re.findall(r"remote-host=([0-9.]+)", bench.gateway.swanctl("--list-sas", "--raw")))


def log_since(charon, mark):
    return charon.read_log()[mark:]


def write_hosts(bench, address):
    """The name ipsec.example.net in a hosts file of our own, or nowhere."""
    path = f"{bench.lab.folder}/hosts"
    with open(path, "w", encoding="ascii") as f:
        f.write("127.0.0.1 localhost\n" + (f"{address} ipsec.example.net\n" if address else ""))
    return path


def test_first_address_dead(bench):
    Lab._mount(write_hosts(bench, None), "/etc/hosts", None, 0x1000, None)  # MS_BIND
    bench.start(tunnel(1, peer=["192.0.2.77", "192.0.2.12", "192.0.2.11"]))
    row = bench.gateway.wait_up("t1")["t1"]
    assert established(bench) == {"192.0.2.11"}, "the second address belongs to another peer"
    assert row["failure"] == "-", row
    log = bench.gateway.read_log()
    places = [log.index(f"initiating IKE_SA t1[{n}] to {a}")
              for n, a in ((1, "192.0.2.77"), (2, "192.0.2.12"), (3, "192.0.2.11"))]
    assert places == sorted(places)


def test_addresses_with_different_keys(bench):
    """Two gateways of a carrier, one has the new key already; the other one does not answer."""
    two = tunnel(1, peer=["192.0.2.11", "192.0.2.77"])
    both = {"psk": {"old.psk": WRONG + "\n", "new.psk": PSK + "\n"}, "carrier": 'psk_file = [ "old.psk", "new.psk" ]'}
    # Down, and with nothing but the old key to begin with.
    bench.switch({**two, "initiator": "carrier"}, psk=WRONG)
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    mark = len(bench.gateway.read_log())
    bench.switch(two, **both)
    bench.gateway.wait_up("t1")
    log = log_since(bench.gateway, mark)
    assert "AUTHENTICATION_FAILED" in log and "192.0.2.77" not in log, log


def test_called_from_any_of_several_addresses(bench):
    bench.switch(tunnel(1, peer=["192.0.2.77", "192.0.2.11"], initiator="carrier"))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1")
    bench.gateway.wait_up("t1")
    # And from none of them: the identity alone does not do.
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.load_carrier(connection(1, address="192.0.2.99"))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "NO_PROPOSAL_CHOSEN|failed")
    assert bench.gateway.report()["t1"]["state"] == "down"


def test_name(bench):
    bench.load_carrier(connection(1), connection(2))
    bench.switch(tunnel(1, peer="ipsec.example.net"), tunnel(2))
    row = bench.gateway.wait_tunnel("t1", "unresolved", lambda r: r["failure"] != "-")
    expect(row["failure"], r"^the peer's name ipsec\.example\.net cannot be resolved; ")
    # Others do not wait for it.
    bench.gateway.wait_up("t2")
    write_hosts(bench, "192.0.2.11")
    row = bench.gateway.wait_up("t1", limit=70)["t1"]
    assert row["failure"] == "-" and "192.0.2.11" in established(bench), row


def test_name_leads_elsewhere(bench):
    """The carrier moves to another address and says so in DNS only."""
    bench.load_carrier(connection(1, address="192.0.2.13"), connection(2))
    write_hosts(bench, "192.0.2.13")
    assert bench.gateway.ask("restart t1") == "ok"
    wait_for("the new address", lambda: "192.0.2.13" in established(bench))
    bench.gateway.wait_up("t1")
    # As responder the name is not looked up: the identity tells.
    bench.switch(tunnel(1, peer="ipsec.example.net", initiator="carrier"), tunnel(2))
    write_hosts(bench, None)
    bench.load_carrier(connection(1, address="192.0.2.99"), connection(2))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1")
    bench.gateway.wait_up("t1")


def test_any(bench):
    any_peer = tunnel(1, peer="any", initiator="carrier")
    bench.switch(any_peer, tunnel(2))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.load_carrier(connection(1, address="192.0.2.99"), connection(2))
    bench.carrier.swanctl("--initiate", "--child", "k1")
    row = bench.gateway.wait_up("t1")["t1"]
    assert row["children"]["a1"][0][0] == "1" and "192.0.2.99" in established(bench), row
    # Somebody else from an unknown address: refused, and it is said of the only tunnel that may be meant.
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.load_carrier(connection(1, address="192.0.2.99").replace("peer1.", "stranger."), connection(2))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "calls itself" in r["failure"])
    # With two such tunnels it is said of none.
    bench.switch(any_peer, tunnel(2), tunnel(3, peer="any", initiator="carrier"))
    bench.gateway.switch(bench.freeze(any_peer, tunnel(2), tunnel(3, peer="any", initiator="carrier", dpd=11)))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    assert bench.gateway.report()["t3"]["failure"] == "-"


def test_suites_of_unknown_peers(bench):
    """An unknown address, and a suite that only the second of two such tunnels has."""
    one = tunnel(1, peer="any", initiator="carrier")
    two = tunnel(3, peer="any", initiator="carrier", suite=OTHER_SUITE)
    bench.switch(one, two)
    bench.load_carrier(connection(1, address="192.0.2.99"),
                       connection(3, address="192.0.2.99", proposal=OTHER_SUITE, esp=OTHER_SUITE))
    for number, suite in ((3, OTHER_SUITE), (1, SUITE)):
        bench.carrier.swanctl("--initiate", "--child", f"k{number}")
        row = bench.gateway.wait_up(f"t{number}")[f"t{number}"]
        assert row["suite"] == suite, row
    # The identity of the one with the suite of the other: no.
    bench.load_carrier(connection(1, address="192.0.2.99", proposal=OTHER_SUITE, esp=OTHER_SUITE))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED|failed")
    assert bench.gateway.report()["t1"]["state"] == "down"


def test_suites_in_order(bench):
    both = [OTHER_SUITE, SUITE]
    for theirs, agreed in ((SUITE, SUITE), (OTHER_SUITE, OTHER_SUITE), (f"{SUITE},{OTHER_SUITE}", OTHER_SUITE)):
        bench.load_carrier(connection(1, proposal=theirs, esp=theirs))
        bench.switch(tunnel(1, suite=both, initiator="carrier"))
        bench.gateway.ask("restart t1")
        bench.gateway.wait_down("t1")
        bench.carrier.swanctl("--initiate", "--child", "k1")
        row = bench.gateway.wait_up("t1")["t1"]
        assert row["suite"] == agreed, (theirs, row)
        # The other role: the order is ours as well, as far as the peer has no order of its own.
        bench.switch(tunnel(1, suite=both))
        bench.gateway.ask("restart t1")
        bench.gateway.wait_tunnel("t1", "up by us", lambda r: r["state"] == "up" and r["seconds"] < 2 and r["children"])


def test_retransmission_per_tunnel(bench):
    """Of two dead peers each is given up after its own time: 3 s and 9 s. Only their order and ratio count here."""
    mark = len(bench.gateway.read_log())
    began = time.monotonic()
    bench.switch(tunnel(1, peer="192.0.2.77"),
                 tunnel(2, peer="192.0.2.78", retransmission="{ timeout = 3.0; base = 1.0; tries = 2; }"))
    spans = {}
    for name, number in (("t1", 77), ("t2", 78)):
        row = bench.gateway.wait_tunnel(name, "tried again", lambda r, n=number: len(
            re.findall(rf"initiating IKE_SA t.\[\d+\] to 192\.0\.2\.{n}", log_since(bench.gateway, mark))) >= 2)
        spans[name] = time.monotonic() - began
        expect(row["failure"], "^no answer")
    assert spans["t2"] > 1.5 * spans["t1"], spans


def test_child_for_each_pair(bench):
    pairs = "selectors = { children = \"each-pair\"; };"
    pools = ["10.1.0.0/16", "10.51.0.0/16"]
    kids = "".join(f"""p{i} {{
        local_ts = {pool}
        remote_ts = 10.110.1.0/24
        esp_proposals = {SUITE}
    }}
    """ for i, pool in enumerate(pools))
    theirs = re.sub(r"children \{.*\n    \}\n\}", f"children {{ {kids} }}\n}}", connection(1), flags=re.S)
    bench.load_carrier(theirs)
    bench.switch(tunnel(1, apns={1: pools}), apn_keys=pairs)
    row = bench.gateway.wait_tunnel("t1", "with two", lambda r: len(r["children"].get("a1", [])) == 2)
    assert {c[0] for c in row["children"]["a1"]} == {"1"} and list(row["children"]) == ["a1"], row
    sas = bench.gateway.swanctl("--list-sas")
    for pool in pools:
        assert len(re.findall(rf"^ +remote +{re.escape(pool)}$", sas, re.M)) == 1, sas
    # One pair more leaves the others alone.
    bench.load_carrier(theirs.replace("children {", f"""children {{ p9 {{
        local_ts = 10.52.0.0/16
        remote_ts = 10.110.1.0/24
        esp_proposals = {SUITE}
    }}
    """))
    bench.switch(tunnel(1, apns={1: ["10.52.0.0/16", *pools]}), apn_keys=pairs)
    more = bench.gateway.wait_tunnel("t1", "with three", lambda r: len(r["children"].get("a1", [])) == 3)
    assert all(c in more["children"]["a1"] for c in row["children"]["a1"]), (row, more)
    # A peer that has them apart does not get them together.
    bench.switch(tunnel(1, apns={1: ["10.52.0.0/16", *pools]}), apn_keys="selectors = { children = \"one\"; };")
    bench.gateway.ask("restart t1")
    old = more["children"]["a1"]
    bench.gateway.wait_tunnel("t1", "narrowed", lambda r: r["failure"] != "-" or (
        r["children"] and not any(c[1:] == o[1:] for o in old for c in r["children"].get("a1", []))))
    sas = bench.gateway.swanctl("--list-sas")
    assert sum(f" {p}" in sas for p in ("10.52.0.0/16", *pools)) < 3, sas


def test_selectors_any(bench):
    theirs = connection(1).replace("local_ts = 10.1.0.0/16", "local_ts = 0.0.0.0/0").replace(
        "remote_ts = 10.110.1.0/24", "remote_ts = 0.0.0.0/0")
    bench.load_carrier(theirs)
    bench.switch(tunnel(1), apn_keys='selectors = { cloud = "any"; devices = "any"; };')
    bench.gateway.ask("restart t1")
    wait_for("0.0.0.0/0 on both sides", lambda: len(
        re.findall(r"^ +(?:local|remote) +0\.0\.0\.0/0$", bench.gateway.swanctl("--list-sas"), re.M)) == 2)


def test_dhcp_and_encapsulation(bench):
    """The address is what the kernel chooses, in both roles."""
    bench.load_carrier(connection(1))
    bench.switch(tunnel(1), outer='address = "dhcp"; encapsulation = "udp"')
    bench.gateway.wait_tunnel("t1", "up anew", lambda r: r["state"] == "up" and r["seconds"] < 2 and r["children"])
    assert "local-host=192.0.2.1 " in bench.gateway.swanctl("--list-sas", "--raw")
    bench.switch(tunnel(1, initiator="carrier"), outer='address = "dhcp"; encapsulation = "udp"')
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1")
    bench.gateway.wait_up("t1")


def test_ipv6_outside(bench):
    """Both ends' addresses are IPv6, those of devices and cloud are not; in both roles, with both kinds of rekey."""
    ours, theirs = "2001:db8::1", "2001:db8::11"
    for namespace, interface, address in (("gateway", "eth0", ours), ("carrier", "wan", theirs)):
        run("ip", "-n", namespace, "address", "add", f"{address}/64", "dev", interface, "nodad")
    bench.load_carrier(connection(1, address=theirs).replace(f"remote_addrs = {GATEWAY}", f"remote_addrs = {ours}"))
    for role in ("gateway", "carrier"):
        bench.switch(tunnel(1, peer=theirs, initiator=role), outer=f'address = "{ours}"')
        if role == "carrier":
            bench.gateway.ask("restart t1")
            bench.gateway.wait_down("t1")
            bench.carrier.swanctl("--initiate", "--child", "k1")
        before = bench.gateway.wait_up("t1")["t1"]
        sas = bench.gateway.swanctl("--list-sas", "--raw")
        assert f"local-host={ours} " in sas and f"remote-host={theirs} " in sas, sas
        bench.gateway.ask("rekey t1")
        bench.gateway.wait_tunnel("t1", "rekeyed", lambda r, old=before: r["children"]["a1"] != old["children"]["a1"])


def test_no_route(bench):
    run("ip", "-n", "gateway", "address", "flush", "dev", "eth0")
    bench.switch(tunnel(1, peer="198.51.100.7"), outer='address = "dhcp"')
    row = bench.gateway.wait_tunnel("t1", "without a way", lambda r: "no way" in r["failure"])
    expect(row["failure"], r"^there is no way to 198\.51\.100\.7")
    run("ip", "-n", "gateway", "address", "add", "192.0.2.1/24", "dev", "eth0")


def test_clean_stop(bench):
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"


if __name__ == "__main__":
    sys.exit(main(globals()))
