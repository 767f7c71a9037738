"""culvert-policy in a real charon: weak connections of the operator's tunnels and others loaded by hand, in both roles.

Runs like culvert_conf_test.py. With the plugin whose check is switched off the same weak connections come up, so it is the
check that refuses them here; with one whose second or third line stands alone they do not (make policy-off).
"""

import glob
import os
import re
import shutil
import sys
import time

from conf_bench import PSK, SUITE, connection, expect, main, tunnel
from ike_lab import GATEWAY, PREFIX, STRONGSWAN, Lab, build_preload, wait_for

PLUGIN = f"{PREFIX}/plugins/libstrongswan-culvert-policy.so"
FILE = os.path.basename(PLUGIN)
HAND = "192.0.2.13"
GCM = "aes256gcm16-prfsha384-ecp384"
HYBRIDS = ("aes256-sha256-ecp384-ke1_mlkem768", "aes256gcm16-prfsha384-ecp384-ke1_mlkem768",
           "aes256gcm16-prfsha384-ecp384-ke1_mlkem1024")

# Of an IKE_SA: every kind of transform wrong by itself, below and above what is allowed.
WEAK_IKE = (
    "aes128-sha256-modp2048", "aes192-sha256-modp2048", "aes256ctr-sha256-modp2048", "aes256-sha1-prfsha256-modp2048",
    "aes256-sha256-prfsha1-modp2048", "aes256-sha512-prfsha256-modp2048", "aes256-sha256-prfsha512-modp2048",
    "aes256-sha256-modp1024", "aes256-sha256-modp1536", "aes256-sha256-modp3072", "aes256-sha256-ecp256",
    "aes256-sha256-curve25519", "aes256gcm16-prfsha256-modp2048", "chacha20poly1305-prfsha256-modp2048",
    # In the table, but not what a connection of no tunnel may have.
    "aes256-sha256-ecp384", GCM, HYBRIDS[0], f"{SUITE}-ke1_mlkem768",
)
WEAK_ESP = (
    "aes128-sha256-modp2048", "aes192-sha256-modp2048", "aes256-sha1-modp2048", "aes256-sha512-modp2048",
    "aes256-modp2048", "null-sha256-modp2048", "aes256gcm16-modp2048", "chacha20poly1305-modp2048",
    "aes256-sha256-modp2048-esn",
)


def hand(side, ike=SUITE, esp=SUITE, auth="psk", eap=None, conn="", child="", version=2):
    """A connection loaded by vici, the gateway's or the carrier's: what no generation knows. eap: the side that proves by EAP
    who it is."""
    local, remote = (GATEWAY, HAND) if side == "gateway" else (HAND, GATEWAY)
    local_auth, remote_auth = (auth, auth) if not eap else ("eap-md5", auth) if eap == side else (auth, "eap-md5")
    names = ("gw", "hand") if side == "gateway" else ("hand", "gw")
    children = f"esp_proposals = {esp}" if esp else ""
    return f"""hand {{
    version = {version}
    mobike = no
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {ike}
    {conn}
    local {{
        auth = {local_auth}
        id = {names[0]}.hand.example.net
    }}
    remote {{
        auth = {remote_auth}
        id = {names[1]}.hand.example.net
    }}
    children {{
        hand {{
            local_ts = 10.{7 if side == "gateway" else 8}.0.0/16
            remote_ts = 10.{8 if side == "gateway" else 7}.0.0/16
            {children}
            {child}
        }}
    }}
}}
"""


def load_hand(bench, **options):
    """At both ends; ends what there was of the last one."""
    for charon in (bench.gateway, bench.carrier):
        charon.swanctl("--terminate", "--ike", "hand", "--force", check=False)
    for name, charon in (("gateway", bench.gateway), ("carrier", bench.carrier)):
        path = f"{charon.folder}/hand.conf"
        own = [connection(1), connection(2)] if name == "carrier" else []
        with open(path, "w", encoding="ascii") as f:
            f.write(f"connections {{ {''.join([*own, hand(name, **options)])} }}\n"
                    f"secrets {{ ike-hand {{ secret = {PSK} }} eap-hand {{ secret = {PSK} }} }}\n")
        charon.swanctl("--load-all", "--clear", "--file", path)


def state(charon, name="hand"):
    """How far it came: "child", "ike" or "nothing"."""
    text = charon.swanctl("--list-sas", "--ike", name)
    if "INSTALLED" in text:
        return "child"
    return "ike" if re.search(r"ESTABLISHED|REKEYED|REKEYING", text) else "nothing"


def initiate(charon, name="hand"):
    return charon.swanctl("--initiate", "--child", name, "--timeout", "10", check=False)


def refused(bench, want, roles=("carrier", "gateway"), **options):
    """In both roles; the tunnels beside it do not notice."""
    for role in roles:
        load_hand(bench, **options)
        said = initiate(getattr(bench, role))
        got = state(bench.gateway)
        assert got == want, f"{options} initiated by the {role}: {got}\n{said}"
        # The carrier may have had it until our DELETE came.
        wait_for(f"{options} to end at the carrier", lambda: state(bench.carrier) != "child")


def accepted(bench, roles=("carrier", "gateway"), **options):
    """The allowed one, in both roles: what is refused around it is not refused for another reason."""
    for role in roles:
        load_hand(bench, **options)
        said = initiate(getattr(bench, role))
        assert state(bench.gateway) == "child", f"{options} initiated by the {role}\n{said}"


def tunnels_unharmed(bench, before):
    after = bench.gateway.report()
    assert [after[n]["children"] for n in ("t1", "t2")] == [before[n]["children"] for n in ("t1", "t2")], after


def count(charon, text):
    return charon.read_log().count(text)


def rekeyed(bench, charon, *what, name="t1"):
    """Rekeys and awaits that both ends have finished."""
    mark = count(bench.gateway, "rekeyed between" if "--ike" in what else "outbound CHILD_SA")
    charon.swanctl("--rekey", *what)
    wait_for(f"rekeying by {charon.name}", lambda: count(
        bench.gateway, "rekeyed between" if "--ike" in what else "outbound CHILD_SA") > mark)
    bench.gateway.wait_up(name)


def take_down(bench):
    """Ends tunnel 1, which the carrier brings up, and awaits that both ends know."""
    bench.gateway.ask("restart t1")
    bench.gateway.wait_down("t1")
    wait_for("the carrier's end", lambda: not bench.carrier.swanctl("--list-sas", "--ike", "c1").strip())


def test_tunnels_and_rekeys(bench):
    bench.start(tunnel(1), tunnel(2))
    bench.gateway.wait_up("t1", "t2")
    for charon, names in ((bench.gateway, ("t1", "a1")), (bench.carrier, ("c1", "k1"))):
        for _ in range(2):
            rekeyed(bench, charon, "--child", names[1])
            rekeyed(bench, charon, "--ike", names[0])
    assert "refuse" not in bench.gateway.read_log() and "VIOLATED" not in bench.gateway.read_log()


def test_the_default_by_hand(bench):
    accepted(bench)
    # A list that holds it comes up with it, whatever else is in the list.
    accepted(bench, ike=f"aes128-aes256-sha1-sha256-prfsha1-prfsha256-modp1024-modp2048,{GCM}",
             esp="aes128-aes256-sha1-sha256-modp2048,null-sha1")
    text = bench.gateway.swanctl("--list-sas", "--ike", "hand")
    expect(text, r"AES_CBC-256/HMAC_SHA2_256_128/PRF_HMAC_SHA2_256/MODP_2048")
    expect(text, r"ESP:AES_CBC-256/HMAC_SHA2_256_128(/NO_EXT_SEQ)?\n")


def test_weak_ike_by_hand(bench):
    before = bench.gateway.wait_up("t1", "t2")
    for proposal in WEAK_IKE:
        refused(bench, "nothing", ike=proposal)
    accepted(bench)
    tunnels_unharmed(bench, before)


def test_weak_esp_by_hand(bench):
    before = bench.gateway.wait_up("t1", "t2")
    for proposal in WEAK_ESP:
        refused(bench, "ike", esp=proposal)
    accepted(bench)
    tunnels_unharmed(bench, before)


def test_other_weak_things_by_hand(bench):
    before = bench.gateway.wait_up("t1", "t2")
    refused(bench, "ike", child="mode = transport")
    refused(bench, "ike", child="mode = beet")
    refused(bench, "ike", esp=None, child="ah_proposals = sha256-modp2048")
    refused(bench, "nothing", version=1)
    refused(bench, "nothing", auth="eap-md5")
    refused(bench, "nothing", roles=["carrier"], conn="childless = force")
    # Declined, not refused: it comes up without.
    accepted(bench, child="ipcomp = yes")
    assert "IPCOMP" not in bench.gateway.swanctl("--list-sas", "--ike", "hand")
    tunnels_unharmed(bench, before)


def test_no_key_exchange_when_rekeying(bench):
    """What goes without a key exchange in IKE_AUTH must not in CREATE_CHILD_SA."""
    bench.load_carrier(connection(1, esp="aes256-sha256"), connection(2))
    bench.gateway.ask("restart t1")
    before = bench.gateway.wait_tunnel("t1", "anew", lambda r: r["state"] == "up" and r["children"] and r["seconds"] < 3)
    bench.carrier.swanctl("--rekey", "--child", "k1")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: r["failure"] != "-")
    expect(row["failure"], "no proposal in common: for the CHILD_SA .* offers aes256-sha256 and we allow .*: no key "
           "exchange instead of modp2048; ask the carrier")
    assert row["children"] == before["children"], row
    mark = count(bench.carrier, "no acceptable proposal found")
    bench.gateway.swanctl("--rekey", "--child", "a1")
    wait_for("the carrier's refusal", lambda: count(bench.carrier, "no acceptable proposal found") > mark)
    assert bench.gateway.report()["t1"]["children"] == before["children"]
    # Both ends agree on it: by hand.
    load_hand(bench, esp="aes256-sha256")
    initiate(bench.carrier)
    assert state(bench.gateway) == "child"
    spis = re.findall(r"spi-in=(\w+)", bench.gateway.swanctl("--list-sas", "--ike", "hand", "--raw"))
    for charon in (bench.carrier, bench.gateway):
        mark = count(charon, "CHILD_SA rekeying failed")
        charon.swanctl("--rekey", "--child", "hand")
        wait_for("the refusal", lambda: count(charon, "CHILD_SA rekeying failed") > mark)
        assert re.findall(r"spi-in=(\w+)", bench.gateway.swanctl("--list-sas", "--ike", "hand", "--raw")) == spis
    bench.load_carrier(connection(1), connection(2))


def test_the_sentence(bench):
    """culvert status names what the peer offers, what is allowed, and what to do."""
    bench.switch(tunnel(1, initiator="carrier"), tunnel(2))
    for proposal, suite, pattern in (
            ("aes128-sha256-modp1024", SUITE, r"for the IKE_SA the peer at 192\.0\.2\.11 offers aes128-sha256-prfsha256-"
             rf"modp1024 and we allow {SUITE}: encryption aes128 instead of aes256, key exchange modp1024 instead of "
             "modp2048; ask the carrier to configure what we allow"),
            ("aes256-sha256-ecp384", SUITE, r"key exchange ecp384 instead of modp2048; .* set suite = "
             r'"aes256-sha256-ecp384"')):
        take_down(bench)
        bench.load_carrier(connection(1, proposal=proposal), connection(2))
        initiate(bench.carrier, "k1")
        row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: r["failure"] != "-")
        expect(row["failure"], rf"^no proposal in common: .*{pattern}")
    bench.load_carrier(connection(1, esp="aes128-sha1-modp2048"), connection(2))
    initiate(bench.carrier, "k1")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "CHILD_SA" in r["failure"])
    expect(row["failure"], r"for the CHILD_SA the peer at 192\.0\.2\.11 offers aes128-sha1 and we allow .*: encryption "
           "aes128 instead of aes256, integrity sha1 instead of sha256")
    bench.load_carrier(connection(1).replace("esp_proposals", "mode = transport\n esp_proposals"), connection(2))
    take_down(bench)
    initiate(bench.carrier, "k1")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "transport" in r["failure"])
    assert not row["children"], row
    bench.load_carrier(connection(1), connection(2))
    initiate(bench.carrier, "k1")
    assert bench.gateway.wait_up("t1")["t1"]["failure"] == "-"


def test_stronger_suites(bench):
    """Each of the table, in both roles, with both kinds of rekey by both ends."""
    for suite in ("aes256-sha256-ecp384", GCM, *HYBRIDS):
        bench.load_carrier(connection(1, proposal=suite, esp=suite.replace("-prfsha384", "")), connection(2))
        for initiator in ("gateway", "carrier"):
            bench.switch(tunnel(1, suite=suite, initiator=initiator), tunnel(2))
            if initiator == "carrier":
                take_down(bench)
                initiate(bench.carrier, "k1")
            row = bench.gateway.wait_tunnel("t1", f"up with {suite}", lambda r: r["suite"] == suite and r["children"])
            assert row["failure"] == "-", row
        for charon, names in ((bench.gateway, ("t1", "a1")), (bench.carrier, ("c1", "k1"))):
            rekeyed(bench, charon, "--child", names[1])
            rekeyed(bench, charon, "--ike", names[0])
        text = bench.gateway.swanctl("--list-sas", "--ike", "t1")
        assert ("mlkem" not in suite) == ("ML_KEM" not in text), text


def test_extended_sequence_numbers(bench):
    """What is agreed; kernel-libipsec cannot install it. A suite without them gets none, one with them nothing else."""
    for suite, ike in ((f"{SUITE}-esn", SUITE), (f"{GCM}-esn", GCM)):
        mark = len(bench.gateway.read_log())
        bench.load_carrier(connection(1, proposal=ike, esp=suite.replace("-prfsha384", "")), connection(2))
        bench.switch(tunnel(1, suite=suite, initiator="carrier"), tunnel(2))
        take_down(bench)
        initiate(bench.carrier, "k1")
        expect(bench.gateway.read_log()[mark:], r"selected proposal: ESP:AES_\w+(/HMAC_SHA2_256_128)?/EXT_SEQ\n")
        take_down(bench)
        bench.load_carrier(connection(1, proposal=ike, esp=suite.replace("-prfsha384", "").replace("esn", "noesn")),
                           connection(2))
        initiate(bench.carrier, "k1")
        row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "CHILD_SA" in r["failure"])
        expect(row["failure"], "sequence numbers noesn instead of esn")
    bench.load_carrier(connection(1, esp=f"{SUITE}-esn"), connection(2))
    bench.switch(tunnel(1, initiator="carrier"), tunnel(2))
    take_down(bench)
    initiate(bench.carrier, "k1")
    row = bench.gateway.wait_tunnel("t1", "refusing", lambda r: "CHILD_SA" in r["failure"])
    expect(row["failure"], f'sequence numbers esn instead of noesn; ask .* set suite = "{SUITE}-esn"')


def test_another_suite_than_the_tunnels(bench):
    """A peer that can do all of the table gets what its tunnel has; one that cannot do that gets nothing."""
    everything = f"aes256-aes256gcm16-sha256-prfsha256-modp2048,{SUITE},aes256-sha256-ecp384,{GCM}".split(",", 1)[1]
    bench.load_carrier(connection(1, proposal=everything, esp=f"{SUITE},aes256-sha256-ecp384-esn-noesn,aes256gcm16-ecp384"),
                       connection(2))
    bench.switch(tunnel(1, suite="aes256-sha256-ecp384"), tunnel(2))
    bench.gateway.wait_tunnel("t1", "up", lambda r: r["suite"] == "aes256-sha256-ecp384" and r["children"])
    bench.load_carrier(connection(1), connection(2))
    bench.switch(tunnel(1, suite="aes256-sha256-ecp384", initiator="carrier"), tunnel(2))
    take_down(bench)
    expect(initiate(bench.carrier, "k1"), "NO_PROPOSAL_CHOSEN")
    assert bench.gateway.report()["t1"]["state"] == "down"
    bench.switch(tunnel(1), tunnel(2))
    bench.gateway.wait_up("t1")


def test_fragments(bench):
    """Proposals that come in pieces, more than one message holds."""
    esp = ",".join(f"{e}-sha{h}" for e in ("aes128", "aes192", "aes128ctr", "aes192ctr", "aes256ctr", "camellia128",
                                           "camellia192", "camellia256", "3des") for h in (1, 256, 384, 512))
    for proposals, want in ((f"{esp},{SUITE}", "child"), (esp, "ike")):
        load_hand(bench, esp=proposals, conn="fragmentation = force")
        expect(initiate(bench.carrier), r"splitting IKE message .* into [23] fragments")
        assert state(bench.gateway) == want


def test_floods_are_bounded(bench):
    """A peer that tries for ever gets a line now and then, not a full disk."""
    lines = count(bench.gateway, "policy refuses")
    load_hand(bench, ike="aes128-sha256-modp2048")
    began = time.monotonic()
    for _ in range(30):
        initiate(bench.carrier)
    allowed = 2 + (time.monotonic() - began) / 60
    assert count(bench.gateway, "policy refuses") - lines <= allowed


def test_nothing_came_up(bench):
    assert "VIOLATED" not in bench.gateway.read_log()
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"


def own_plugins(bench):
    """A folder of plugins that can be changed, in the place of the one that is shared."""
    folder = f"{bench.lab.folder}/plugins"
    shutil.copytree(f"{PREFIX}/plugins", folder)
    Lab._mount(folder, f"{PREFIX}/plugins", None, 0x1000, None)  # MS_BIND


def test_charon_needs_the_plugin(bench):
    own_plugins(bench)
    shutil.move(PLUGIN, f"{bench.lab.folder}/good.so")
    size = os.path.getsize(f"{bench.lab.folder}/good.so")
    for what, content in (("missing", None), ("empty", b""), ("damaged", size // 16)):
        if what == "damaged":
            shutil.copy(f"{bench.lab.folder}/good.so", PLUGIN)
            os.truncate(PLUGIN, content)
        elif content is not None:
            with open(PLUGIN, "wb") as f:
                f.write(content)
        try:
            bench.gateway.start()
        except AssertionError as error:
            expect(str(error), "charon ended with [1-9-]")
        else:
            raise AssertionError(f"charon runs with a plugin that is {what}")
        bench.gateway.process = None
        if os.path.exists(PLUGIN):
            os.unlink(PLUGIN)
    shutil.copy(f"{bench.lab.folder}/good.so", PLUGIN)
    bench.gateway.start()
    accepted(bench)
    assert bench.gateway.stop() == 0


def test_eap_that_charon_can_do(bench):
    """Ours is built without any, and would not get as far as the check."""
    sources = glob.glob(f"{STRONGSWAN}/src/src/libcharon/plugins/eap_md5/*.c")
    shutil.copy(build_preload(bench.lab, "eap-md5", *sources), f"{PREFIX}/plugins/libstrongswan-eap-md5.so")
    bench.carrier.stop()
    for charon in (bench.carrier, bench.gateway):
        with open(f"{charon.folder}/strongswan.conf", "r+", encoding="ascii") as f:
            settings = f.read().replace("socket-default", "eap-md5 socket-default")
            f.seek(0)
            f.write(settings)
    bench.carrier.start()
    bench.load_carrier(connection(1), connection(2))
    bench.gateway.start()
    for role in ("carrier", "gateway"):
        mark = len(bench.gateway.read_log())
        refused(bench, "nothing", roles=[role], eap=role)
        expect(bench.gateway.read_log()[mark:], "EAP method EAP_MD5 succeeded")
        expect(bench.gateway.read_log()[mark:], "authorization.* forbids IKE_SA")
    expect(bench.gateway.read_log(), "policy refuses peer .*: EAP or no authentication")
    accepted(bench)
    assert "VIOLATED" not in bench.gateway.read_log()
    assert bench.gateway.stop() == 0


def start_with(bench, build):
    """A gateway with another build of the plugin."""
    shutil.copy(f"build/{build}/{FILE}", f"{PLUGIN}.new")
    os.rename(f"{PLUGIN}.new", PLUGIN)
    bench.gateway.start()
    bench.gateway.wait_up("t1", "t2", limit=70)
    return len(bench.gateway.read_log())


# What kernel-libipsec can install and a stock charon agrees to.
WEAK_ESP_INSTALLED = [p for p in WEAK_ESP if not re.search("null|aes256-modp|esn", p)]


def test_it_is_the_check_that_refuses(bench):
    """With the check switched off the weak ones come up, so the tests above can fail."""
    start_with(bench, "off")
    assert "SWITCHED OFF" in bench.gateway.read_log()
    for proposal in WEAK_IKE:
        if "ctr" not in proposal:
            accepted(bench, ike=proposal)
    for proposal in WEAK_ESP_INSTALLED:
        accepted(bench, esp=proposal)
    for role in ("carrier", "gateway"):
        accepted(bench, roles=[role], eap=role)
    load_hand(bench, esp="aes256-sha256")
    initiate(bench.carrier)
    mark = count(bench.gateway, "outbound CHILD_SA")
    bench.carrier.swanctl("--rekey", "--child", "hand")
    wait_for("a rekeying without a key exchange", lambda: count(bench.gateway, "outbound CHILD_SA") > mark)
    assert bench.gateway.stop() == 0


def test_the_hooks_alone_refuse(bench):
    """Without the filter of messages: what reaches charon's tasks is refused before anything is installed."""
    start_with(bench, "policy-hooks")
    for proposal in WEAK_IKE:
        refused(bench, "nothing", ike=proposal)
    for proposal in WEAK_ESP_INSTALLED:
        refused(bench, "ike", esp=proposal)
    refused(bench, "ike", child="mode = transport")
    for role in ("carrier", "gateway"):
        refused(bench, "nothing", roles=[role], eap=role)
    accepted(bench)
    load_hand(bench, esp="aes256-sha256")
    initiate(bench.carrier)
    mark = count(bench.carrier, "rekeying failed")
    bench.carrier.swanctl("--rekey", "--child", "hand")
    wait_for("the refusal", lambda: count(bench.carrier, "rekeying failed") > mark)
    assert "VIOLATED" not in bench.gateway.read_log()
    assert bench.gateway.stop() == 0


def ended(bench, mark, what):
    wait_for(f"the end of {what}", lambda: "VIOLATED" in bench.gateway.read_log()[mark:] and
             state(bench.gateway) == "nothing")


def test_what_comes_up_is_ended(bench):
    """Without filter and hooks: the third line ends it at once, also by rekeying."""
    mark = start_with(bench, "policy-look")
    for options in ({"ike": WEAK_IKE[0]}, {"esp": WEAK_ESP[0]}):
        for role in ("carrier", "gateway"):
            load_hand(bench, **options)
            initiate(getattr(bench, role))
            ended(bench, mark, f"{options} by the {role}")
            mark = len(bench.gateway.read_log())
    for role in ("carrier", "gateway"):
        load_hand(bench, eap=role)
        initiate(getattr(bench, role))
        ended(bench, mark, f"an IKE_SA in which the {role} proves by EAP who it is")
        mark = len(bench.gateway.read_log())
    load_hand(bench, esp="aes256-sha256")
    initiate(bench.carrier)
    assert state(bench.gateway) == "child"
    bench.carrier.swanctl("--rekey", "--child", "hand")
    ended(bench, mark, "a CHILD_SA rekeyed without a key exchange")
    accepted(bench)
    bench.gateway.wait_up("t1", "t2")
    assert bench.gateway.stop() == 0


if __name__ == "__main__":
    sys.exit(main(globals(), admission=""))
