"""culvert-apn in a real charon: CHILD_SAs that are no link of the generation in force are refused, in both roles, and
what is there twice ends but for one.

Runs like culvert_conf_test.py.
"""

import contextlib
import re
import sys

from conf_bench import PSK, SUITE, connection, expect, gateway_settings, main, tunnel
from ike_lab import GATEWAY, run, wait_for
from vici import Vici


def vici_connection(start="none"):
    """What a hand loads beside the generation: to carrier 2, with the right suite and key."""
    return f"""connections {{ byhand {{
    version = 2
    mobike = no
    local_addrs = {GATEWAY}
    remote_addrs = 192.0.2.12
    proposals = {SUITE}
    local {{
        auth = psk
        id = gw.example.net
    }}
    remote {{
        auth = psk
        id = peer2.example.net
    }}
    children {{ byhand {{
        local_ts = 10.110.2.0/24
        remote_ts = 10.2.0.0/16
        esp_proposals = {SUITE}
        if_id_in = 1
        if_id_out = 1
        start_action = {start}
    }} }}
}} }}
secrets {{ ike-hand {{ secret = {PSK} }} }}
"""


def load_by_hand(bench):
    path = f"{bench.gateway.folder}/byhand.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(vici_connection())
    bench.gateway.swanctl("--load-all", "--file", path)


def sas(charon):
    return charon.swanctl("--list-sas")


def count_children(charon, name):
    return len(re.findall(rf"^  {name}: #\d+, reqid \d+, INSTALLED", sas(charon), re.M))


def test_a_link_is_admitted(bench):
    bench.start(tunnel(1))
    bench.gateway.wait_up("t1")


def test_by_hand_as_initiator(bench):
    load_by_hand(bench)
    bench.gateway.swanctl("--initiate", "--child", "byhand", "--timeout", "3", check=False)
    expect(bench.gateway.read_log(), "CHILD_SA byhand refused: its connection byhand is not of the configuration")
    wait_for("no CHILD_SA by hand", lambda: not count_children(bench.gateway, "byhand"))


def test_by_hand_as_responder(bench):
    before = bench.gateway.read_log().count("CHILD_SA byhand refused")
    expect(bench.carrier.swanctl("--initiate", "--child", "k2", "--timeout", "3", check=False), "TS_UNACCEPTABLE|failed")
    assert bench.gateway.read_log().count("CHILD_SA byhand refused") > before
    assert not count_children(bench.gateway, "byhand"), sas(bench.gateway)


def test_without_the_plugin_it_comes_up(bench):
    """So it is culvert-apn that refuses."""
    bench.gateway.stop()
    path = f"{bench.gateway.folder}/strongswan.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(gateway_settings(bench.gateway.folder, admission=""))
    bench.gateway.start()
    load_by_hand(bench)
    bench.gateway.swanctl("--initiate", "--child", "byhand", "--timeout", "5")
    assert count_children(bench.gateway, "byhand") == 1
    bench.gateway.stop()
    with open(path, "w", encoding="ascii") as f:
        f.write(gateway_settings(bench.gateway.folder))
    bench.gateway.start()
    bench.gateway.wait_up("t1")


def test_wider_is_narrowed(bench):
    wide = connection(1, apns={1: "10.0.0.0/8"}).replace("remote_ts = 10.110.1.0/24", "remote_ts = 0.0.0.0/0")
    bench.gateway.ask("restart t1")
    bench.switch(tunnel(1, initiator="carrier"))
    bench.load_carrier(wide, connection(2), connection(3))
    bench.carrier.swanctl("--initiate", "--child", "k1", "--timeout", "5")
    bench.gateway.wait_up("t1")
    expect(sas(bench.gateway), r"local +10\.110\.1\.0/24\n +remote 10\.1\.0\.0/16\n")


def copies(count):
    """The carrier's connection 1 with the same CHILD_SA under several interface IDs: it would not make one twice."""
    text = connection(1)
    kid = re.search(r"k1 (\{.*?\})", text, re.S)[1]
    return text.replace("children {", "children {" + "".join(
        f"copy{n} {kid}\n".replace("{\n", f"{{\n if_id_in = {n + 1}\n if_id_out = {n + 1}\n", 1) for n in range(count)))


def make_copies(bench, count):
    """Returns how many were refused. At once: those that are too many end after some seconds."""
    said, mark = "received TS_UNACCEPTABLE notify", len(bench.carrier.read_log())
    with contextlib.closing(Vici(f"{bench.carrier.folder}/vici")) as vici:
        for n in range(count):
            with contextlib.suppress(RuntimeError):
                vici.ask("initiate", child=f"copy{n}", timeout=5000)
    return bench.carrier.read_log()[mark:].count(said)


def test_duplicates_end(bench):
    """The carrier makes the same CHILD_SA three times: one stays."""
    bench.load_carrier(copies(20), connection(2), connection(3))
    bench.gateway.ask("restart t1")
    wait_for("no IKE_SA", lambda: "c1:" not in sas(bench.carrier))
    assert make_copies(bench, 3) == 0
    assert count_children(bench.gateway, "a1") == 3, sas(bench.gateway)
    wait_for("one CHILD_SA", lambda: count_children(bench.gateway, "a1") == 1 and
             len(re.findall("INSTALLED", sas(bench.carrier))) == 1)
    expect(bench.gateway.read_log(), "tunnel t1: 0 IKE_SAs and 2 CHILD_SAs beside those wanted were ended")


def test_a_peer_cannot_pile_them_up(bench):
    assert make_copies(bench, 20) >= 1, sas(bench.gateway)
    assert count_children(bench.gateway, "a1") <= 15, sas(bench.gateway)
    expect(bench.gateway.read_log(), "has made too many for one APN already")
    wait_for("one CHILD_SA again", lambda: count_children(bench.gateway, "a1") == 1)


def inbound(bench):
    """The SPI of the CHILD_SA in use at the gateway; None while there is not just one."""
    found = re.findall(r"a1: #\d+, reqid \d+, INSTALLED.*?\n +in +([0-9a-f]{8})", sas(bench.gateway), re.S)
    return found[0] if len(found) == 1 else None


def test_many_rekeys_in_a_row(bench):
    """More within the seconds that a deleted CHILD_SA is kept than a peer may leave undeleted."""
    bench.load_carrier(connection(1), connection(2), connection(3))
    bench.gateway.ask("restart t1")
    wait_for("no IKE_SA", lambda: "c1:" not in sas(bench.carrier))
    bench.carrier.swanctl("--initiate", "--child", "k1", "--timeout", "5")
    bench.gateway.wait_up("t1")
    before, refused = inbound(bench), bench.gateway.read_log().count("has made too many")
    for number in range(24):
        end, name = ((bench.gateway, "a1"), (bench.carrier, "k1"))[number % 2]
        end.swanctl("--rekey", "--child", name)
        wait_for(f"rekey {number + 1}", lambda: inbound(bench) not in (None, before))
        before = inbound(bench)
    assert bench.gateway.read_log().count("has made too many") == refused, bench.gateway.read_log()[-2000:]


# The carrier's answers to IKE_AUTH, on port 4500 behind the non-ESP marker.
LATE_ANSWERS = """table inet late {
    chain in {
        type filter hook input priority 0; policy accept;
        udp sport 4500 @th,64,32 0 @th,240,8 35 @th,248,8 & 0x20 == 0x20 drop
    }
}
"""


def established(bench):
    return len(re.findall("^t1: #[0-9]+, ESTABLISHED", sas(bench.gateway), re.M))


def test_both_initiate_at_once(bench):
    """While the answer to our IKE_AUTH is on its way the carrier brings the tunnel up as well: one of the two stays."""
    text = connection(1).replace("version = 2", "version = 2\n    unique = never")
    # Otherwise it would use the IKE_SA that it has.
    another = text.replace("c1 {", "another {").replace("k1 {", "another {").replace("version", "rekey_time = 5000\n    version")
    bench.load_carrier(text, another)
    run("ip", "netns", "exec", "gateway", "nft", "-f", "-", input=LATE_ANSWERS)
    bench.switch(tunnel(1, retransmission="{ timeout = 1.0; base = 1.0; tries = 9; }"))
    bench.gateway.ask("restart t1")
    wait_for("our IKE_SA at the carrier", lambda: "c1: #" in sas(bench.carrier) and "t1: #" in sas(bench.gateway))
    bench.carrier.swanctl("--initiate", "--child", "another", "--timeout", "5")
    run("ip", "netns", "exec", "gateway", "nft", "delete table inet late")
    wait_for("two IKE_SAs", lambda: established(bench) == 2)
    wait_for("one IKE_SA with one CHILD_SA", lambda: established(bench) == 1 and count_children(bench.gateway, "a1") == 1)
    expect(bench.gateway.read_log(), "tunnel t1: 1 IKE_SAs and 0 CHILD_SAs beside those wanted were ended")
    assert bench.gateway.stop() == 0


if __name__ == "__main__":
    sys.exit(main(globals()))
