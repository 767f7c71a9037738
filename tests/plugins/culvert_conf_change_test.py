"""What a change of configuration does to what stands: keys, certificates, CHILD_SAs, and what compare says beforehand.

Runs like culvert_conf_test.py.
"""

import os
import re
import shutil
import sys

from conf_bench import (PSK, certificate_secrets, connection, expect, install_certificates, main, make_certificates,
                        make_crl, tunnel)
from ike_lab import run, wait_for

OLD, NEW, NEITHER = PSK, "battery-staple-correct-horse-9876543210", "neither-of-the-two-keys-0123456789abcdef"
TWO_FILES = 'psk_file = [ "first.psk", "second.psk" ]'


def compare(bench, *tunnels, **options):
    """The lines of the answer to compare, without the end."""
    lines, number = [], bench.freeze(*tunnels, **options)
    with bench.gateway.connect() as client:
        lines.append(client.ask(f"compare {number}"))
        while lines[-1] != "end":
            assert lines[-1] and not lines[-1].startswith("error"), lines
            lines.append(client.read_line())
    return lines[:-1]


def established(bench):
    """Numbers of the established IKE_SAs of t1."""
    return set(re.findall(r"^t1: #(\d+), ESTABLISHED", bench.gateway.swanctl("--list-sas"), re.M))


def end_tunnel(bench):
    """Restarts t1, which the carrier is to bring up, and awaits its end at both ends."""
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    wait_for("the carrier to see that", lambda: "c1:" not in bench.carrier.swanctl("--list-sas"))


def authenticate(bench, role):
    """A new IKE_SA of t1, begun by the gateway or by the carrier."""
    before = established(bench)
    if role == "carrier":
        end_tunnel(bench)
        bench.carrier.swanctl("--initiate", "--child", "k1")
    else:
        bench.gateway.ask("restart t1")
    wait_for(f"a new IKE_SA by {role}", lambda: established(bench) - before)
    return bench.gateway.wait_tunnel("t1", f"up, by {role}", lambda r: r["state"] == "up" and
                                     len(r["children"].get("a1", [])) == 1)


def refused_as_responder(bench):
    """The carrier tries and is refused."""
    end_tunnel(bench)
    expect(bench.carrier.swanctl("--initiate", "--child", "k1", check=False), "AUTHENTICATION_FAILED|failed")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: r["failure"] != "-")
    assert row["state"] == "down" and not row["children"], row
    return row["failure"]


def psks(first, second=None):
    """The carrier's key files for freeze()."""
    if second:
        return {"psk": {"first.psk": first + "\n", "second.psk": second + "\n"}, "carrier": TWO_FILES}
    return {"psk": first}


def test_start(bench):
    bench.start(tunnel(1), tunnel(2))
    bench.gateway.wait_up("t1", "t2")


def test_psk_rotated(bench):
    """The gateway knows the old one, both, both, the new one; the carrier changes in between; in both roles."""
    for role in ("gateway", "carrier"):
        one = tunnel(1, initiator=role)
        for ours, theirs in (((OLD,), OLD), ((OLD, NEW), OLD), ((OLD, NEW), NEW), ((NEW, OLD), NEW), ((NEW, OLD), OLD),
                             ((NEW,), NEW)):
            bench.load_carrier(connection(1), connection(2), psk=theirs)
            before = bench.gateway.report()["t1"]
            bench.switch(one, **psks(*ours))
            if before["state"] == "up":
                assert bench.gateway.report()["t1"]["children"] == before["children"], "a key alone ends no IKE_SA"
            row = authenticate(bench, role)
            assert row["failure"] == "-", (role, ours, theirs, row)


def test_key_that_worked_is_used_first(bench):
    bench.load_carrier(connection(1), psk=NEW)
    bench.switch(tunnel(1), **psks(OLD, NEW))
    authenticate(bench, "gateway")
    mark = len(bench.carrier.read_log())
    authenticate(bench, "gateway")
    assert "MAC mismatched" not in bench.carrier.read_log()[mark:], "the refused key was tried again"
    # It stays the first one when the files change places.
    bench.switch(tunnel(1), **psks(OLD, NEW))
    bench.switch(tunnel(1), **psks(NEW, OLD))
    bench.switch(tunnel(1), **psks(OLD, NEW))
    authenticate(bench, "gateway")
    assert "MAC mismatched" not in bench.carrier.read_log()[mark:]


def test_neither_key(bench):
    bench.load_carrier(connection(1), psk=NEITHER)
    bench.switch(tunnel(1), **psks(OLD, NEW))
    bench.gateway.ask("restart t1")
    wait_for("both keys refused", lambda: bench.carrier.read_log().count("tried 1 shared key") >= 3)
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: r["failure"] != "-")
    expect(row["failure"], "^authentication failed: .*psk_file")
    bench.switch(tunnel(1, initiator="carrier"), **psks(OLD, NEW))
    expect(refused_as_responder(bench), "^peer authentication failed")


def test_withdrawn_key(bench):
    """A key that is no longer among the files keeps what stands, and gets nobody in."""
    bench.load_carrier(connection(1), psk=OLD)
    bench.switch(tunnel(1, initiator="carrier"), **psks(OLD))
    before = authenticate(bench, "carrier")
    bench.switch(tunnel(1, initiator="carrier"), **psks(NEW))
    assert bench.gateway.ask("rekey t1") == "ok"
    row = bench.gateway.wait_tunnel("t1", "rekeyed", lambda r: r["children"] and r["children"] != before["children"] and
                                    len(r["children"]["a1"]) == 1)
    assert row["state"] == "up" and row["seconds"] >= before["seconds"], row
    expect(refused_as_responder(bench), "^peer authentication failed")


def test_psk_forms(bench):
    bench.load_carrier(connection(1), psk='"' + "ABCDEFGHabcdefgh01234567" + '"')
    for text in ("0x4142434445464748616263646566676830313233343536" + "37", "0sQUJDREVGR0hhYmNkZWZnaDAxMjM0NTY3"):
        bench.switch(tunnel(1), **psks(text))
        authenticate(bench, "gateway")


def test_secrets_that_are_not_whole(bench):
    """A generation's secrets are read all or none."""
    number = bench.freeze(tunnel(1), psk=OLD)
    path = f"{bench.gateway.folder}/gen/{number}/secrets"
    with open(path, encoding="ascii") as f:
        whole = f.read()
    for text in (whole[:-1], whole + "\n", whole.replace(" 1\n", " 2\n", 1), ""):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        expect(bench.gateway.ask(f"prepare {number}"), f"^error gen/{number}/secrets: cannot be read: Invalid argument")
    os.unlink(path)
    expect(bench.gateway.ask(f"prepare {number}"), f"^error gen/{number}/secrets: cannot be read: No such file")
    bench.switch(tunnel(1), psk=OLD)


def secrets_of(folder, *names, **more):
    """Contents by name for freeze()."""
    contents = dict(more)
    for name in names:
        with open(f"{folder}/{name}", encoding="ascii") as f:
            contents[name] = f.read()
    return contents


def test_from_psk_to_certificates(bench):
    folder = bench.carrier.folder
    make_certificates(folder)
    install_certificates(folder, "ca.pem", "other-ca.pem", "peer.pem", "peer.key", "other-peer.pem", "other-peer.key")
    before = bench.gateway.report()["t1"]
    bench.load_carrier(connection(1, auth="pubkey"))
    assert compare(bench, tunnel(1, initiator="carrier"), **certificate_secrets(folder)) == [
        "tunnel t1 credentials initiator", "kept 0"]
    bench.switch(tunnel(1, initiator="carrier"), **certificate_secrets(folder))
    assert bench.gateway.report()["t1"]["children"] == before["children"]
    authenticate(bench, "carrier")
    # Of an IKE_SA whose certificates were replaced, CHILD_SAs follow the configuration as any other's.
    changed = tunnel(1, initiator="carrier", child=2000)
    row = bench.gateway.report()["t1"]
    bench.switch(changed, **certificate_secrets(folder, ca="other-ca.pem"))
    bench.gateway.wait_tunnel("t1", "rekeyed", lambda r: len(r["children"].get("a1", [])) == 1 and
                              r["children"] != row["children"] and r["seconds"] >= row["seconds"])
    bench.switch(changed, **certificate_secrets(folder))


def test_ca_and_certificate_rotated(bench):
    """Two CAs are accepted, and of two certificates the peer gets the one that its CA request is for."""
    folder = bench.carrier.folder
    two = {"psk": secrets_of(folder, "gw.pem", "gw.key", "other-gw.pem", "other-gw.key", "ca.pem", "other-ca.pem"),
           "carrier": 'certificate = [ "gw.pem", "other-gw.pem" ]; key_file = [ "other-gw.key", "gw.key" ]; '
                      'ca = [ "other-ca.pem", "ca.pem" ]'}
    for role in ("gateway", "carrier"):
        bench.switch(tunnel(1, initiator=role), **two)
        for certificate, ca in (("peer", "ca"), ("other-peer", "ca"), ("other-peer", "other-ca"), ("peer", "other-ca")):
            # As responder it asks for all the CAs that it knows.
            shutil.rmtree(f"{folder}/x509ca")
            install_certificates(folder, f"{ca}.pem")
            bench.load_carrier(connection(1, auth="pubkey", certificate=certificate, ca=ca))
            authenticate(bench, role)
    install_certificates(folder, "ca.pem", "other-ca.pem")
    # With one of them gone, what comes from it is refused.
    bench.load_carrier(connection(1, auth="pubkey", certificate="other-peer"))
    bench.switch(tunnel(1, initiator="carrier"), **certificate_secrets(folder))
    expect(refused_as_responder(bench), "^peer authentication failed")


def with_crl(folder, crl, revocation):
    options = certificate_secrets(folder)
    if crl:
        options["psk"]["ca.crl"] = crl
        options["carrier"] += '; crl = "ca.crl"'
    options["carrier"] += f'; revocation = "{revocation}"'
    return options


def test_revocation(bench):
    folder, one = bench.carrier.folder, tunnel(1, initiator="carrier")
    bench.load_carrier(connection(1, auth="pubkey"))
    good, revoked, stale = (make_crl(folder, "ca"), make_crl(folder, "ca", "peer"), make_crl(folder, "ca", days=0))
    for crl, revocation, accepted in (
            (None, "relaxed", True), (good, "relaxed", True), (good, "strict", True),
            (revoked, "relaxed", False), (revoked, "strict", False), (stale, "relaxed", True), (stale, "strict", False)):
        bench.switch(one, **with_crl(folder, crl, revocation))
        if accepted:
            authenticate(bench, "carrier")
        else:
            text = refused_as_responder(bench)
            expect(text, "is revoked " if crl == revoked else "whether its certificate is revoked cannot be learned")


def test_strict_without_a_list_of_that_ca(bench):
    folder = bench.carrier.folder
    options = with_crl(folder, make_crl(folder, "other-ca"), "strict")
    options["psk"] |= secrets_of(folder, "other-ca.pem")
    options["carrier"] = options["carrier"].replace('ca = "ca.pem"', 'ca = [ "ca.pem", "other-ca.pem" ]')
    bench.switch(tunnel(1, initiator="carrier"), **options)
    expect(refused_as_responder(bench), "whether its certificate is revoked cannot be learned")


def test_new_crl_at_the_next_authentication(bench):
    folder, one = bench.carrier.folder, tunnel(1, initiator="carrier")
    bench.switch(one, **with_crl(folder, make_crl(folder, "ca"), "strict"))
    before = authenticate(bench, "carrier")
    assert bench.switch(one, **with_crl(folder, make_crl(folder, "ca", "peer"), "strict")) == \
        "ok added=0 changed=1 removed=0 kept=0"
    assert bench.gateway.report()["t1"]["children"] == before["children"]
    expect(refused_as_responder(bench), "is revoked")


def test_crl_of_another_ca(bench):
    folder = bench.carrier.folder
    number = bench.freeze(tunnel(1), **with_crl(folder, make_crl(folder, "other-ca"), "relaxed"))
    expect(bench.gateway.ask(f"prepare {number}"), "^error secrets/ca.crl: is a revocation list of none of the CAs")
    number = bench.freeze(tunnel(1), **with_crl(folder, None, "strict"))
    expect(bench.gateway.ask(f"prepare {number}"), "^error .*revocation: \"strict\" without crl")


def test_crl_in_der(bench):
    folder, one = bench.carrier.folder, tunnel(1, initiator="carrier")
    with open(f"{folder}/crl.pem", "w", encoding="ascii") as f:
        f.write(make_crl(folder, "ca", "peer"))
    options = with_crl(folder, "DER", "relaxed")
    number = bench.freeze(one, **options)
    # Octets that are no text: in a folder, which stands for the file of secrets.
    secrets = f"{bench.gateway.folder}/gen/{number}/secrets"
    os.unlink(secrets)
    os.mkdir(secrets, 0o700)
    for name, content in options["psk"].items():
        with open(f"{secrets}/{name}", "w", encoding="ascii") as f:
            f.write(content)
    run("openssl", "crl", "-in", f"{folder}/crl.pem", "-outform", "DER", "-out", f"{secrets}/ca.crl")
    bench.gateway.switch(number)
    expect(refused_as_responder(bench), "is revoked")


def test_compare(bench):
    bench.load_carrier(connection(1), connection(2), connection(3))
    three = [tunnel(1, apns={1: "10.1.0.0/16", 21: "10.21.0.0/16"}), tunnel(2), tunnel(3)]
    bench.switch(*three)
    bench.gateway.wait_up("t1", "t2", "t3", limit=60)
    before = {n: r["children"] for n, r in bench.gateway.report().items()}
    one, two, last = three
    for tunnels, options, lines in (
            (three, {}, ["kept 3"]),
            (three[::-1], {}, ["kept 3"]),
            ([tunnel(1, apns={21: "10.21.0.0/16", 1: "10.1.0.0/16"}), two, last], {}, ["kept 3"]),
            ([one, two], {}, ["tunnel t3 removed", "kept 2"]),
            ([*three, tunnel(4)], {}, ["tunnel t4 added", "kept 3"]),
            ([one, tunnel(2, dpd=20), last], {}, ["tunnel t2 reestablished", "kept 2"]),
            ([one, tunnel(2, initiator="carrier"), last], {}, ["tunnel t2 initiator", "kept 2"]),
            ([one, tunnel(2, child=2000), last], {}, ["tunnel t2 changed", "child t2 a2 rekeyed", "kept 2"]),
            ([tunnel(1, apns={1: "10.1.0.0/17", 22: "10.22.0.0/16"}), two, last], {},
             ["tunnel t1 changed", "child t1 a1 narrowed", "child t1 a21 removed", "child t1 a22 added", "kept 2"]),
            ([one, tunnel(2, apns={2: "10.2.0.0/15"}), last], {}, ["tunnel t2 changed", "child t2 a2 replaced", "kept 2"]),
            ([one, tunnel(2, apns={2: "10.4.0.0/16"}), last], {}, ["tunnel t2 changed", "child t2 a2 narrowed", "kept 2"]),
            ([one, tunnel(2, apns={2: ["10.2.0.0/16", "10.4.0.0/16"]}), last], {},
             ["tunnel t2 changed", "child t2 a2 replaced", "kept 2"]),
            # All that changes is told, not only the most.
            ([one, tunnel(2, child=2000, initiator="carrier", rehearse=False), last], psks(NEW),
             ["tunnel t1 credentials", "tunnel t2 changed credentials initiator rehearsal", "child t2 a2 rekeyed",
              "tunnel t3 credentials", "kept 0"]),
            ([tunnel(1, apns={1: "10.1.0.0/17", 22: "10.22.0.0/16"}, dpd=20), two, last], psks(NEW),
             ["tunnel t1 reestablished credentials", "child t1 a21 removed", "child t1 a22 added",
              "tunnel t2 credentials", "tunnel t3 credentials", "kept 0"]),
            (three, psks(NEW), ["tunnel t1 credentials", "tunnel t2 credentials", "tunnel t3 credentials", "kept 0"]),
            (three, {"psk": {"renamed.psk": PSK}, "carrier": 'psk_file = "renamed.psk"'}, ["kept 3"])):
        assert compare(bench, *tunnels, **options) == lines, lines
    pairs = {"apn_keys": 'selectors = { children = "each-pair"; };'}
    bench.switch(tunnel(1, apns={1: ["10.1.0.0/17", "10.1.128.0/17"]}), **pairs)
    for pool, change in ((["10.1.0.0/17"], "narrowed"), (["10.1.0.0/17", "10.1.128.0/17", "10.41.0.0/16"], "extended"),
                         (["10.1.0.0/16"], "replaced")):
        assert compare(bench, tunnel(1, apns={1: pool}), **pairs) == [
            "tunnel t1 changed", f"child t1 a1 {change}", "kept 0"], pool
    bench.switch(*three)
    bench.gateway.wait_up("t1", "t2", "t3", limit=60)
    before = {n: r["children"] for n, r in bench.gateway.report().items()}
    expect(bench.gateway.ask("compare 4711"), "^error ")
    expect(bench.gateway.ask("compare x"), "^error a generation is a number")
    # Nothing is kept.
    assert bench.gateway.ask("commit") == "error nothing is prepared"
    assert {n: r["children"] for n, r in bench.gateway.report().items()} == before


def test_lifetimes_changed(bench):
    """The CHILD_SA is rekeyed: the new one stands before the old one ends, its lifetime is the new one."""
    for role in ("gateway", "carrier"):
        bench.switch(tunnel(1, initiator=role), tunnel(2))
        before = authenticate(bench, role)
        mark = len(bench.gateway.read_log())
        bench.switch(tunnel(1, initiator=role, child=1200, dscp="both", df="clear", replay_window=64), tunnel(2))
        row = bench.gateway.wait_tunnel("t1", "rekeyed", lambda r, b=before: len(r["children"].get("a1", [])) == 1 and
                                        r["children"] != b["children"])
        assert row["seconds"] >= before["seconds"], row
        log = bench.gateway.read_log()[mark:]
        assert log.index("outbound CHILD_SA a1") < log.index("closing CHILD_SA a1"), log
        # The old one is kept for packets on their way.
        lives = [int(v) for v in re.findall(r" life-time=(\d+)", bench.gateway.swanctl("--list-sas", "--raw"))]
        assert any(600 < v <= 2525 for v in lives), lives


def test_selectors_changed(bench):
    """The CHILD_SA with the new selectors stands before the one with the old ones ends."""
    wide = connection(1).replace("10.1.0.0/16", "10.1.0.0/16, 10.41.0.0/16")
    bench.load_carrier(wide, connection(2))
    bench.switch(tunnel(1), tunnel(2))
    before = authenticate(bench, "gateway")
    mark = len(bench.gateway.read_log())
    bench.switch(tunnel(1, apns={1: "10.41.0.0/16"}), tunnel(2))
    row = bench.gateway.wait_tunnel("t1", "with other selectors", lambda r: len(r["children"].get("a1", [])) == 1 and
                                    r["children"] != before["children"])
    assert row["seconds"] >= before["seconds"], row
    log = bench.gateway.read_log()[mark:]
    assert log.index("=== 10.41.0.0/16") < log.index("closing CHILD_SA a1"), log
    # A peer that does not want them does not keep the old ones alive.
    bench.switch(tunnel(1, apns={1: "10.42.0.0/16"}), tunnel(2))
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: "selectors" in r["failure"])
    bench.gateway.wait_tunnel("t1", "without", lambda r: not r["children"], 40)


def wait_children(bench, what, probe):
    """The SPIs of t1's CHILD_SAs, by name, once the probe says yes."""
    return bench.gateway.wait_tunnel("t1", what, lambda r: probe([one for each in r["children"].values() for one in each]),
                                     40)["children"]


def test_selectors_wider(bench):
    """Where the gateway calls, the new CHILD_SA comes before the old one goes; where the carrier does, when it calls."""
    bench.load_carrier(connection(1).replace("10.1.0.0/16", "10.0.0.0/15"), connection(2))
    for role in ("gateway", "carrier"):
        bench.switch(tunnel(1, initiator=role))
        before = authenticate(bench, role)["children"]["a1"]
        wide = tunnel(1, initiator=role, apns={1: "10.0.0.0/15"})
        assert compare(bench, wide) == ["tunnel t1 changed", "child t1 a1 replaced", "kept 0"]
        mark = len(bench.gateway.read_log())
        bench.switch(wide)
        if role == "carrier":
            wait_children(bench, "without its CHILD_SA", lambda all_of_it: not all_of_it)
            wait_for("its end at the carrier", lambda: "INSTALLED" not in bench.carrier.swanctl("--list-sas", "--ike", "c1"))
            bench.carrier.swanctl("--initiate", "--child", "k1")
        wait_children(bench, "with another one", lambda all_of_it, b=before: len(all_of_it) == 1 and all_of_it != b)
        log = bench.gateway.read_log()[mark:]
        assert (log.index("=== 10.0.0.0/15") < log.index("closing CHILD_SA a1")) == (role == "gateway"), log


def test_pairs_extended(bench):
    """Pairs of selectors that come leave the others alone."""
    pairs, pools = {"apn_keys": 'selectors = { children = "each-pair"; };'}, ["10.0.0.0/17", "10.0.128.0/17", "10.1.0.0/17"]
    last = bench.gateway.report()["t1"]["children"]["a1"]
    bench.switch(tunnel(1, apns={1: pools[:2]}), **pairs)
    before = wait_children(bench, "with two pairs", lambda all_of_it: len(all_of_it) == 2 and last[0] not in all_of_it)
    assert compare(bench, tunnel(1, apns={1: pools}), **pairs) == ["tunnel t1 changed", "child t1 a1 extended", "kept 0"]
    bench.switch(tunnel(1, apns={1: pools}), **pairs)
    after = wait_children(bench, "with three", lambda all_of_it: len(all_of_it) == 3)
    flat = [{str(one) for each in r.values() for one in each} for r in (before, after)]
    assert flat[0] < flat[1], flat


def test_clean_stop(bench):
    log = bench.gateway.read_log()
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"
    assert not any(key in log for key in (OLD, NEW, NEITHER)) and "PRIVATE KEY" not in log


if __name__ == "__main__":
    sys.exit(main(globals()))
