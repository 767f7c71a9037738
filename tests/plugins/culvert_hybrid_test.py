"""A second key exchange that a suite asks for cannot be left out, neither of an IKE_SA nor of a CHILD_SA.

A hand-built peer negotiates such a suite and then goes on as if the second one had been made, in IKE_INTERMEDIATE's place
and in IKE_FOLLOWUP_KE's; as responder it answers with something else there. Runs like culvert_conf_test.py.
"""

import contextlib
import sys
import traceback

import ike_crypto
import ike_wire as wire
import policy_hybrid
from conf_bench import PSK, SUITE, gateway_settings, text_of, tunnel
from ike_lab import Gateway, Lab, wait_for
from ike_peer import Peer
from ike_vici import Live, children
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, ML_KEM, alive
from policy_hybrid import ADDITIONAL, HYBRID, IKE, hybrid
from policy_special import no_sa
from policy_target import link
from policy_verdict import ACCEPTED, CHOSEN, Tally, judge

FIRST, CHILD = alive(ALLOWED_FIRST), alive(ALLOWED_ESP)
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


# What stands where IKE_FOLLOWUP_KE has to be, made of the link that the gateway has given; None: nothing at all.
RIGHT = "the key exchange and the link"
FOLLOWUP = {
    "nothing": None,
    "no value": lambda link: (link,),
    "another ML-KEM": lambda link: (value(37), link),
    "no link": lambda link: (value(ML_KEM),),
    "another link": lambda link: (value(ML_KEM), wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, bytes(4))),
    "half a value": lambda link: (value(ML_KEM, ike_crypto.any_public(ML_KEM)[:600]), link),
    RIGHT: lambda link: (value(ML_KEM), link),
}


def follow_up(peer, sa, payloads, what):
    """After a CREATE_CHILD_SA that was answered with these payloads."""
    chosen = wire.decode_sa(wire.find(payloads, wire.SA))
    links = [data for kind, data in wire.notifies(payloads) if kind == wire.ADDITIONAL_KEY_EXCHANGE]
    assert ADDITIONAL in chosen[0].transforms and links, payloads
    if FOLLOWUP[what]:
        body = FOLLOWUP[what](wire.notify(wire.ADDITIONAL_KEY_EXCHANGE, links[0]))
        # The right one must be answered; of others the answer, if there is one, has no SA in it.
        answer = peer.request(sa, wire.IKE_FOLLOWUP_KE, [*body], limit=60 if what == RIGHT else 0.5)
        assert what == RIGHT or no_sa(answer)[0] != ACCEPTED, (what, answer)


def end(vici):
    """With another IKE_SA than the peer's last one there may be keys that it does not have."""
    with contextlib.suppress(RuntimeError):
        vici.ask("terminate", ike="t2", force="yes", timeout=-1)
    wait_for("the end of the IKE_SA", lambda: not vici.sas())


def left_out_of_child(peer, vici, what, rekeyed=False):
    """On an IKE_SA that stands."""
    sa = establish(peer, vici)
    follow_up(peer, sa, peer.create_child(sa, ESP, [*sa.children.values()][0] if rekeyed else None), what)
    assert (up(vici)[1] > 2) == (what == RIGHT), (what, vici.sas())
    peer.forget(sa)
    end(vici)


def left_out_of_child_rekey(peer, vici, what):
    left_out_of_child(peer, vici, what, rekeyed=True)


def left_out_of_ike_rekey(peer, vici, what):
    """The new IKE_SA does not stand, nor after the old one's end, and its keys of the first exchange are worth nothing."""
    sa = establish(peer, vici)
    payloads, made = peer.rekey_ike(sa, hybrid(ALLOWED_IKE))
    follow_up(peer, sa, payloads, what)
    standing = [row["initiator-spi"] for _, row in vici.sas() if row["state"] == "ESTABLISHED"]
    assert (made.spi_i.hex() in standing) == (what == RIGHT), (what, vici.sas())
    assert peer.request(made, wire.INFORMATIONAL, [], limit=0.3) is None, what
    peer.forget(sa)
    if what != RIGHT:
        wait_for("the end of the old IKE_SA", lambda: not vici.sas())
    end(vici)


def follow_ups(peer, vici):
    for left_out in (left_out_of_child, left_out_of_child_rekey, left_out_of_ike_rekey):
        for what in FOLLOWUP:
            left_out(peer, vici, what)
            print(f"ok {what} instead of IKE_FOLLOWUP_KE, {left_out.__name__}")
    peer.delete_ike(establish(peer, vici))


def answers(gateway, peer):
    """The other role."""
    tally = Tally()
    for line in policy_hybrid.run(tally, gateway, peer, ("t1", "a1", "a3")):
        print(f"ok {line}")
    assert not tally.accepted and not tally.wrong, (tally.accepted, tally.wrong)


def run(lab):
    folder = f"{lab.folder}/gateway"
    gateway = Gateway("gateway", folder, gateway_settings(folder, admission="").replace(
        "reuse_ikesa = no", "reuse_ikesa = yes\n    dos_protection = no"))
    text, ids = text_of([
        tunnel(1, initiator="carrier", suite=HYBRID, apns={1: "10.1.0.0/16", 3: "10.3.0.0/16"}),
        tunnel(2, initiator="carrier", suite=[SUITE, HYBRID])])
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
        follow_ups(peer, vici)
        answers(gateway, Peer(link(1)))
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
