"""culvert-conf in a real charon against a stock one. Prints "ok NAME (seconds)" for each case, exits 1 after a failure.

STRONGSWAN names the folder of our strongSwan build, CULVERT_BUILD that of the plugins to test, CULVERT_PRELOAD the
sanitizers' runtime if it is built with them.
"""

import os
import re
import signal
import subprocess
import sys
import time

from conf_bench import (PSK, SUITE, WRONG, certificate_secrets, children, connection, expect, install_certificates, main,
                        make_certificates, restart_with, tunnel)
from ike_lab import LIMIT, run, wait_for


def test_gateway_initiates(bench):
    bench.start(tunnel(1), tunnel(2), tunnel(3))
    rows = bench.gateway.wait_up("t1", "t2", "t3")
    for number in (1, 2, 3):
        row = rows[f"t{number}"]
        assert row["suite"] == SUITE and row["failure"] == "-", row
        assert [c[0] for c in row["children"][f"a{number}"]] == [str(number)], row
    assert bench.carrier.swanctl("--list-sas").count("ESTABLISHED") == 3


def test_one_of_three_changed(bench):
    before = bench.gateway.wait_up("t1", "t2", "t3")
    answer = bench.switch(tunnel(1), tunnel(2, ike=2000), tunnel(3))
    assert answer == "ok added=0 changed=1 removed=0 kept=2", answer
    bench.gateway.wait_tunnel("t2", "anew", lambda r: r["children"] and r["children"] != before["t2"]["children"])
    after = bench.gateway.wait_up("t1", "t2", "t3")
    for name in ("t1", "t3"):
        assert after[name]["children"] == before[name]["children"], (before, after)
    wait_for("the carrier's old SA to go", lambda: bench.carrier.swanctl("--list-sas").count("ESTABLISHED") == 3)


def test_abort_changes_nothing(bench):
    before = children(bench.gateway.wait_up("t1", "t2", "t3"))
    number, client = bench.freeze(tunnel(1)), bench.gateway.connect()
    assert client.ask(f"prepare {number}") == "ok added=0 changed=0 removed=2 kept=1"
    assert client.ask("abort") == "ok"
    assert client.ask("commit") == "error nothing is prepared"
    # What a connection prepared goes with it.
    assert client.ask(f"prepare {number}").startswith("ok")
    client.close()
    assert bench.gateway.ask("commit") == "error nothing is prepared"
    assert children(bench.gateway.report()) == before


def test_broken_generation(bench):
    before = children(bench.gateway.wait_up("t1", "t2", "t3"))
    number = bench.freeze(tunnel(1, peer="not-an-address"), tunnel(2), tunnel(3))
    expect(bench.gateway.ask(f"prepare {number}"), r"^error .*culvert\.conf:\d+: .*peer")
    os.unlink(f"{bench.gateway.folder}/gen/{bench.freeze(tunnel(1))}/ids")
    expect(bench.gateway.ask(f"prepare {bench.number}"), r"^error .*/ids: No such file")
    number = bench.freeze(tunnel(1), psk={"other.psk": PSK})
    expect(bench.gateway.ask(f"prepare {number}"), r"^error .*carrier\.psk")
    expect(bench.gateway.ask("prepare 4711"), r"^error ")
    assert children(bench.gateway.report()) == before


def test_stale_preparation(bench):
    first, second = bench.gateway.connect(), bench.gateway.connect()
    number = bench.freeze(tunnel(1), tunnel(2), tunnel(3))
    assert first.ask(f"prepare {number}").startswith("ok")
    assert second.ask(f"prepare {number}").startswith("ok")
    assert first.ask("commit") == "ok"
    expect(second.ask("commit"), "^error another generation")
    bench.gateway.wait_up("t1", "t2", "t3")


def test_removed_and_added(bench):
    before = bench.gateway.wait_up("t1", "t2", "t3")
    assert bench.switch(tunnel(1), tunnel(2)) == "ok added=0 changed=0 removed=1 kept=2"
    wait_for("DELETE at the carrier", lambda: "c3:" not in bench.carrier.swanctl("--list-sas"))
    assert "t3" not in bench.gateway.report()
    assert bench.switch(tunnel(1), tunnel(2), tunnel(3)) == "ok added=1 changed=0 removed=0 kept=2"
    after = bench.gateway.wait_up("t1", "t2", "t3")
    assert after["t1"]["children"] == before["t1"]["children"]


def test_one_apn_of_a_tunnel_changed(bench):
    """I4 below the tunnel: one IKE_SA carries three APNs; one is added, one changed, one removed, and one stays."""
    every = {3: "10.3.0.0/16", 31: "10.31.0.0/16", 32: "10.32.0.0/16", 33: "10.33.0.0/16"}
    bench.load_carrier(connection(1), connection(2), connection(3, apns={**every, 34: "10.134.0.0/16"}))
    bench.switch(tunnel(1), tunnel(2), tunnel(3, apns={n: every[n] for n in (3, 31, 32)}))
    before = bench.gateway.wait_tunnel("t3", "with three APNs", lambda r: sorted(r["children"]) == ["a3", "a31", "a32"])
    assert all(len(c) == 1 for c in before["children"].values()), before
    answer = bench.switch(tunnel(1), tunnel(2), tunnel(3, apns={3: every[3], 31: "10.31.128.0/17", 33: every[33]}))
    assert answer == "ok added=0 changed=1 removed=0 kept=2", answer
    after = bench.gateway.wait_tunnel("t3", "changed", lambda r: sorted(r["children"]) == ["a3", "a31", "a33"] and
                                      r["children"]["a31"] != before["children"]["a31"])
    assert after["children"]["a3"] == before["children"]["a3"], (before, after)
    assert after["state"] == "up" and after["seconds"] >= before["seconds"], after
    wait_for("the carrier's view", lambda: re.search(
        r"10\.31\.128\.0/17", bench.carrier.swanctl("--list-sas")) and "10.32." not in bench.carrier.swanctl("--list-sas"))
    assert bench.switch(tunnel(1), tunnel(2), tunnel(3, initiator="carrier", apns={3: every[3]})).startswith("ok")
    row = bench.gateway.wait_tunnel("t3", "with one APN", lambda r: sorted(r["children"]) == ["a3"])
    assert row["children"] == {"a3": before["children"]["a3"]}, row
    # Of an IKE_SA in which the carrier creates what it wants.
    bench.switch(tunnel(1), tunnel(2), tunnel(3, initiator="carrier", apns={3: every[3], 34: "10.134.0.0/16"}))
    bench.carrier.swanctl("--initiate", "--child", "k34")
    row = bench.gateway.wait_tunnel("t3", "with the carrier's CHILD_SA", lambda r: sorted(r["children"]) == ["a3", "a34"])
    assert row["children"]["a3"] == before["children"]["a3"] and row["children"]["a34"][0][0] == "34", row
    bench.load_carrier(connection(1), connection(2), connection(3))
    bench.switch(tunnel(1), tunnel(2), tunnel(3))


def test_rekey_and_restart(bench):
    before = bench.gateway.wait_up("t1", "t2")
    assert bench.gateway.ask("rekey t1") == "ok"
    row = bench.gateway.wait_tunnel("t1", "rekeyed", lambda r: len(r["children"].get("a1", [])) == 1 and
                                    r["children"] != before["t1"]["children"])
    assert row["state"] == "up" and row["seconds"] >= before["t1"]["seconds"], row
    assert bench.gateway.ask("restart t2") == "ok"
    bench.gateway.wait_tunnel("t2", "restarted", lambda r: r["children"] and r["children"] != before["t2"]["children"])
    assert bench.gateway.ask("rekey t9") == "error tunnel t9 is not up"
    assert bench.gateway.ask("restart t9") == "error there is no tunnel t9"


def test_wrong_psk_as_initiator(bench):
    before = bench.gateway.wait_up("t2", "t3")
    bench.load_carrier(connection(1), connection(2), connection(3), psk=WRONG)
    assert bench.gateway.ask("restart t1") == "ok"
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: r["failure"] != "-")
    expect(row["failure"], r"^authentication failed: the peer at 192\.0\.2\.11 refused our credentials .*psk_file")
    bench.gateway.wait_down("t1")
    after = bench.gateway.report()
    assert [after[n]["children"] for n in ("t2", "t3")] == [before[n]["children"] for n in ("t2", "t3")]
    # The keeper goes on trying, ever more slowly, and the tunnel comes up when the carrier has put it right.
    bench.load_carrier(connection(1), connection(2), connection(3))
    row = bench.gateway.wait_up("t1", limit=70)["t1"]
    assert row["failure"] == "-", row


def test_carrier_initiates(bench):
    bench.switch(tunnel(1, initiator="carrier"), tunnel(2), tunnel(3))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1")
    row = bench.gateway.wait_up("t1")["t1"]
    assert row["suite"] == SUITE and row["children"]["a1"][0][0] == "1", row


def test_wrong_psk_as_responder(bench):
    assert bench.gateway.ask("restart t1") == "ok"
    bench.gateway.wait_down("t1")
    bench.load_carrier(connection(1), connection(2), connection(3), psk=WRONG)
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: r["failure"] != "-")
    expect(row["failure"], r"^peer authentication failed: the PSK or identity .*192\.0\.2\.11 does not match")
    assert row["state"] == "down" and not row["children"], row


def test_unexpected_identity(bench):
    other = connection(1).replace("peer1.example.net", "stranger.example.net")
    bench.load_carrier(other, connection(2), connection(3))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "calls itself" in r["failure"])
    expect(row["failure"], r"'stranger\.example\.net' .*remote_id \('peer1\.example\.net'\)")
    assert row["state"] == "down", row


def test_identity_of_another_tunnel(bench):
    """A peer with a good PSK, at tunnel 1's address, with tunnel 2's identity: neither tunnel is its own."""
    before = bench.gateway.wait_up("t2")
    bench.load_carrier(connection(1).replace("peer1.", "peer2."), connection(2), connection(3))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    assert bench.gateway.report()["t2"]["children"] == before["t2"]["children"]
    assert bench.gateway.report()["t1"]["state"] == "down"


def test_proposals_differ(bench):
    bench.load_carrier(connection(1, proposal="aes128-sha256-ecp256"), connection(2), connection(3))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "NO_PROPOSAL_CHOSEN")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "proposal" in r["failure"])
    expect(row["failure"], rf"^no proposal in common: .*192\.0\.2\.11 offers aes128-sha256-prfsha256-ecp256 and we "
           rf"allow {SUITE}: encryption aes128 instead of aes256, key exchange ecp256 instead of modp2048; ask the carrier")
    # And as initiator: the first answer says it.
    bench.switch(tunnel(1), tunnel(2), tunnel(3))
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: "NO_PROPOSAL_CHOSEN" in r["failure"])
    expect(row["failure"], r"^no proposal in common: the peer at 192\.0\.2\.11 refused .*NO_PROPOSAL_CHOSEN")


def test_selectors_differ(bench):
    bench.load_carrier(connection(1, apns={1: "10.77.0.0/16"}), connection(2), connection(3))
    assert bench.gateway.ask("restart t1") == "ok"
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: "selectors" in r["failure"])
    expect(row["failure"], r"^traffic selectors refused: the peer at 192\.0\.2\.11 .*TS_UNACCEPTABLE")
    bench.switch(tunnel(1, initiator="carrier"), tunnel(2), tunnel(3))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1", check=False)
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "10.77.0.0/16" in r["failure"])
    expect(row["failure"], r"^traffic selectors refused: ")
    bench.load_carrier(connection(1), connection(2), connection(3))


def test_no_answer(bench):
    bench.switch(tunnel(1, peer="192.0.2.77"), tunnel(2), tunnel(3))
    row = bench.gateway.wait_tunnel("t1", "unanswered", lambda r: r["failure"] != "-")
    expect(row["failure"], r"^no answer from 192\.0\.2\.77: ")
    assert row["suite"] == "-", row


def test_unknown_peer(bench):
    stranger = connection(1, address="192.0.2.99")
    bench.load_carrier(stranger, connection(2), connection(3))
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "NO_PROPOSAL_CHOSEN|failed")
    assert "no IKE config found" in bench.gateway.read_log()
    assert "192.0.2.99" not in bench.gateway.swanctl("--list-sas")
    bench.load_carrier(connection(1), connection(2), connection(3))


IKEV1 = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.11", 0))
# ISAKMP header, version 1.0, identity protection, and an SA payload with one proposal
attributes = bytes.fromhex("80010007800e0100800200048003000180040 00e".replace(" ", ""))
transform = struct.pack(">BBHBBH", 0, 0, 8 + len(attributes), 1, 1, 0) + attributes
proposal = struct.pack(">BBHBBBB", 0, 0, 8 + len(transform), 1, 1, 0, 1) + transform
sa = struct.pack(">BBHII", 0, 0, 12 + len(proposal), 1, 1) + proposal
s.sendto(b"CULVERT1" + bytes(8) + struct.pack(">BBBBII", 1, 0x10, 2, 0, 0, 28 + len(sa)) + sa, ("192.0.2.1", 500))
s.settimeout(1)
try:
    print(s.recv(2000).hex())
except TimeoutError:
    print("silence")
"""


def test_ikev1_refused(bench):
    answer = run("ip", "netns", "exec", "carrier", sys.executable, "-c", IKEV1).strip()
    # Silence, or an answer in IKEv2's words; never one of version 1.0.
    assert answer == "silence" or answer[34:36] == "20", answer
    assert "IKEv1" not in bench.gateway.swanctl("--list-sas")


def test_killed_peer_comes_back(bench):
    bench.switch(tunnel(1), tunnel(2), tunnel(3))
    before = bench.gateway.wait_up("t1", "t2", "t3", limit=70)
    bench.carrier.stop(signal.SIGKILL)
    row = bench.gateway.wait_tunnel("t1", "dead", lambda r: r["failure"] != "-", 40)
    expect(row["failure"], r"^no answer from 192\.0\.2\.11")
    bench.carrier.start()
    bench.load_carrier(connection(1), connection(2), connection(3))
    after = bench.gateway.wait_up("t1", "t2", "t3", limit=90)
    assert after["t1"]["children"] != before["t1"]["children"]
    for name, row in after.items():
        assert all(len(c) == 1 for c in row["children"].values()), (name, row)
    wait_for("one IKE_SA each", lambda: bench.gateway.swanctl("--list-sas").count("ESTABLISHED") == 3)


def test_certificates(bench):
    folder = bench.carrier.folder
    make_certificates(folder)
    install_certificates(folder, "ca.pem", "peer.pem", "peer.key")
    bench.load_carrier(connection(1, auth="pubkey"), connection(2), connection(3))
    number = bench.freeze(tunnel(1), **certificate_secrets(folder, key="peer.key"))
    expect(bench.gateway.ask(f"prepare {number}"), "^error secrets/gw.key: is not the key of secrets/gw.pem")
    bench.switch(tunnel(1), **certificate_secrets(folder))
    bench.gateway.wait_up("t1")
    expect(bench.gateway.swanctl("--list-sas", "--raw"), "gw.example.net")
    # The other role.
    bench.switch(tunnel(1, initiator="carrier"), **certificate_secrets(folder))
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    bench.carrier.swanctl("--initiate", "--child", "k1")
    bench.gateway.wait_up("t1")


def test_certificate_of_another_ca(bench):
    before = bench.gateway.report()["t1"]
    bench.switch(tunnel(1, initiator="carrier"), **certificate_secrets(bench.carrier.folder, ca="other-ca.pem"))
    # A new CA counts from the next authentication on, which restart asks for.
    assert bench.gateway.report()["t1"]["children"] == before["children"]
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: r["failure"] != "-")
    expect(row["failure"], r"^peer authentication failed: .*192\.0\.2\.11")
    assert row["state"] == "down" and not row["children"], row


def test_socket_bounds(bench):
    path = f"{bench.gateway.folder}/charon.sock"
    assert os.stat(path).st_mode & 0o777 == 0o600
    expect(bench.gateway.ask("frobnicate"), "^error unknown request")
    expect(bench.gateway.ask("prepare"), "^error prepare takes one argument")
    expect(bench.gateway.ask("report now"), "^error report takes no argument")
    expect(bench.gateway.ask("prepare -1"), "^error a generation is a number")
    assert bench.gateway.ask("x" * 300) == "", "a line without end is not answered but closed"
    clients = [bench.gateway.connect() for _ in range(8)]
    assert all(c.ask("abort") == "ok" for c in clients)
    assert bench.gateway.ask("abort") == "", "a ninth connection is closed"
    for client in clients:
        client.close()
    wait_for("a free place", lambda: bench.gateway.ask("abort"))
    # Others than root, even where the modes would let them.
    os.chmod(path, 0o666)
    probe = f"""import socket
s = socket.socket(socket.AF_UNIX); s.connect({path!r}); s.sendall(b"report\\n"); print(len(s.recv(100)))"""
    done = subprocess.run([sys.executable, "-c", probe], user=65534, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode or done.stdout.strip() == "0", done
    os.chmod(path, 0o600)


def test_report_during_rekeys(bench):
    """A tunnel that is rekeyed while a report is being made is up in it, however the new IKE_SA lies among the others."""
    restart_with(bench, "survey_slowly")
    bench.load_carrier(connection(1), connection(2), connection(3))
    bench.switch(tunnel(1), tunnel(2), tunnel(3))
    bench.gateway.wait_up("t1", "t2", "t3")
    mark, seconds = len(bench.gateway.read_log()), 0
    def rekeyed():
        return len(re.findall(r"IKE_SA t1\[\d+\] rekeyed", bench.gateway.read_log()[mark:]))
    for number in range(1, 21):
        assert bench.gateway.ask("rekey t1") == "ok"  # swanctl has no such care, and may find nothing to rekey
        end = time.monotonic() + 60
        while rekeyed() < number:  # report upon report: no pause between them
            assert time.monotonic() < end, f"rekey {number}: not within 60 s"
            row = bench.gateway.report()["t1"]
            assert row["state"] == "up" and row["seconds"] >= seconds, (row, seconds)
            seconds = row["seconds"]
    restart_with(bench)


def test_no_secret_in_the_log(bench):
    log = bench.gateway.read_log()
    assert "tunnel t1: " in log and PSK not in log and WRONG not in log
    assert "PRIVATE KEY" not in log


def test_clean_stop(bench):
    code = bench.gateway.stop()
    assert code == 0, f"charon ended with {code}"
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"
    assert not os.path.exists(f"{bench.gateway.folder}/charon.sock")


def test_start_without_generation(bench):
    os.unlink(f"{bench.gateway.folder}/gen/current")
    bench.gateway.start()
    assert bench.gateway.report() == {}
    bench.load_carrier(connection(1), connection(2), connection(3))
    assert bench.switch(tunnel(1)) == "ok added=1 changed=0 removed=0 kept=0"
    bench.gateway.wait_up("t1")
    assert bench.gateway.stop() == 0


def test_shipped_settings(bench):
    """plugins/culvert-conf/strongswan.conf as it is, but for the folder, and kernel-libipsec for a kernel without ESP."""
    with open("plugins/culvert-conf/strongswan.conf", encoding="ascii") as f:
        text = f.read().replace("/run/culvert", bench.gateway.folder).replace("charon.vici", "vici")
    assert "kernel-netlink! " in text
    text = text.replace("kernel-netlink! ", "kernel-libipsec! kernel-netlink ")
    text += "charon-systemd {\n filelog {\n stderr {\n default = 1\n flush_line = yes\n}\n}\n}\n"
    with open(f"{bench.gateway.folder}/strongswan.conf", "w", encoding="ascii") as f:
        f.write(text)
    bench.gateway.start()
    bench.switch(tunnel(1))
    bench.gateway.wait_up("t1")
    rules = run("ip", "-n", "gateway", "rule")
    assert len(rules.splitlines()) == 3, f"charon added a rule: {rules}"
    assert bench.gateway.stop() == 0


if __name__ == "__main__":
    sys.exit(main(globals()))
