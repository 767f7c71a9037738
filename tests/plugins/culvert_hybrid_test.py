"""A second key exchange that a suite asks for cannot be left out, neither of an IKE_SA nor of a CHILD_SA.

A hand-built peer negotiates such a suite and then goes on as if the second one had been made, in IKE_INTERMEDIATE's place
and in IKE_FOLLOWUP_KE's. Runs like culvert_conf_test.py.
"""

import sys
import traceback

import ike_crypto
import ike_wire as wire
from conf_bench import PSK, SUITE, gateway_settings, text_of, tunnel
from ike_lab import Gateway, Lab, wait_for
from ike_peer import Offer, Peer
from ike_vici import Live, children
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, ML_KEM, alive
from policy_special import no_sa
from policy_target import link
from policy_verdict import ACCEPTED, CHOSEN, judge

HYBRID = "aes256-sha256-ecp384-ke1_mlkem768"
ADDITIONAL = wire.Transform(wire.ADDKE1, ML_KEM)
FIRST, CHILD = alive(ALLOWED_FIRST), alive(ALLOWED_ESP)


def hybrid(allowed, *notifies):
    proposal = allowed._replace(group=20).proposal()
    return Offer("hybrid", (proposal._replace(transforms=(*proposal.transforms, ADDITIONAL)),), 20, notifies)


IKE = hybrid(ALLOWED_IKE, wire.notify(wire.INTERMEDIATE_SUPPORTED))
ESP = hybrid(ALLOWED_ESP)


def value(group, data=None):
    return wire.KE, wire.encode_ke(group, ike_crypto.any_public(group) if data is None else data)


# What stands where IKE_INTERMEDIATE has to be: exchange and payloads; None: nothing at all.
INSTEAD = {
    "nothing": None,
    "no value": (wire.IKE_INTERMEDIATE, ()),
    "another ML-KEM": (wire.IKE_INTERMEDIATE, (value(37),)),
    "a group of IKE's": (wire.IKE_INTERMEDIATE, (value(14),)),
    "the first one again": (wire.IKE_INTERMEDIATE, (value(20),)),
    "half a value": (wire.IKE_INTERMEDIATE, (value(ML_KEM, ike_crypto.any_public(ML_KEM)[:600]),)),
    "IKE_FOLLOWUP_KE": (wire.IKE_FOLLOWUP_KE, (value(ML_KEM),)),
    "an empty INFORMATIONAL": (wire.INFORMATIONAL, ()),
    "CREATE_CHILD_SA": (wire.CREATE_CHILD_SA, (value(ML_KEM),)),
}


def up(vici):
    """IKE_SAs that stand, and their CHILD_SAs that have keys."""
    standing = [row for _, row in vici.sas() if row.get("state") == "ESTABLISHED"]
    return len(standing), sum("encr-alg" in child for row in standing for child in children(row).values())


def establish(peer, vici):
    """With the other suite of the tunnel: shows that the gateway is alive."""
    _, sa = peer.init(alive(ALLOWED_IKE))
    assert judge(peer.auth(sa, FIRST), ALLOWED_FIRST)[0] == CHOSEN
    assert judge(peer.create_child(sa, CHILD), ALLOWED_ESP)[0] == CHOSEN
    assert up(vici) == (1, 2), vici.sas()
    return sa


def left_out_of_ike(peer, vici, what):
    payloads, sa = peer.init(IKE, exchange=ike_crypto.CurveExchange())
    assert sa, f"{what}: the hybrid suite is refused in IKE_SA_INIT: {payloads}"
    chosen = wire.decode_sa(wire.find(payloads, wire.SA))
    assert ADDITIONAL in chosen[0].transforms, chosen
    if INSTEAD[what]:
        exchange, body = INSTEAD[what]
        peer.request(sa, exchange, [*body], limit=0.5)
    # With the number that comes next, and with the one that would come behind the exchange.
    verdicts = [no_sa(peer.auth(sa, FIRST, limit=0.5))]
    sa.next_request = 2
    verdicts.append(no_sa(peer.auth(sa, FIRST, limit=0.5)))
    assert not any(verdict == ACCEPTED for verdict, _ in verdicts) and up(vici) == (0, 0), (what, verdicts, vici.sas())
    peer.forget(sa)


def left_out_of_child(peer, vici, what):
    """On an IKE_SA that stands."""
    sa = establish(peer, vici)
    payloads = peer.create_child(sa, ESP)
    chosen = wire.decode_sa(wire.find(payloads, wire.SA))
    links = [data for kind, data in wire.notifies(payloads) if kind == wire.ADDITIONAL_KEY_EXCHANGE]
    assert ADDITIONAL in chosen[0].transforms and links, payloads
    linked = wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, links[0])
    asked = {"no value": (linked,), "another ML-KEM": (value(37), linked), "no link": (value(ML_KEM),),
             "another link": (value(ML_KEM), wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, bytes(len(links[0])))),
             "half a value": (value(ML_KEM, ike_crypto.any_public(ML_KEM)[:600]), linked)}
    if what != "nothing":
        no_sa(peer.request(sa, wire.IKE_FOLLOWUP_KE, [*asked[what]], limit=0.5))
    assert up(vici)[1] <= 2, (what, vici.sas())
    peer.forget(sa)
    wait_for("the end of the IKE_SA", lambda: not vici.sas())


def run(lab):
    folder = f"{lab.folder}/gateway"
    gateway = Gateway("gateway", folder, gateway_settings(folder, admission="").replace(
        "reuse_ikesa = no", "reuse_ikesa = yes\n    dos_protection = no"))
    text, ids = text_of([tunnel(2, initiator="carrier", suite=[SUITE, HYBRID])])
    gateway.write(1, text, ids, {"carrier.psk": PSK + "\n"}, current=True)
    gateway.start()
    vici, peer = Live(f"{folder}/vici"), Peer(link(2))
    try:
        for what in INSTEAD:
            left_out_of_ike(peer, vici, what)
            print(f"ok {what} instead of IKE_INTERMEDIATE")
        # Without the plugin charon takes a peer that leaves it out for authenticated, and stumbles only afterwards.
        assert "an IKE_SA without all of its key exchanges" in gateway.read_log(), "it is not the check that refuses"
        wait_for("half of them to end", lambda: not vici.sas())
        for what in ("nothing", "no value", "another ML-KEM", "no link", "another link", "half a value"):
            left_out_of_child(peer, vici, what)
            print(f"ok {what} instead of IKE_FOLLOWUP_KE")
        peer.delete_ike(establish(peer, vici))
        assert "VIOLATED" not in gateway.read_log(), "a weak SA came up and had to be ended"
        code = gateway.stop()
        assert code == 0 and "ERROR: " not in gateway.read_log(), f"charon has ended with {code}"
        return 0
    except Exception:  # pylint: disable=broad-except: whatever it is, the log explains it
        traceback.print_exc(file=sys.stdout)
        print(gateway.read_log()[-6000:])
        return 1
    finally:
        gateway.stop()


if __name__ == "__main__":
    sys.exit(run(Lab()))
