import check
import gateway
import libreswan
import offers
import operators_file
import topology
import traffic
import walls


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(operators_file.changed({'initiator = "gateway";': 'initiator = "carrier";'}))
    state = check.poll(lambda: (now := gateway.status()).get("charon") == "up" and now)
    lab.require("charon is up", state, "culvert status does not say so")
    lab.check("the tunnel is down", gateway.tunnel(state).get("state") == "down", gateway.tunnel(state))
    walls.check_closed(lab)
    asked = [str(one) for one in lab.outer.frames() if one.is_ike() and one.src == topology.GATEWAY]
    lab.check("the gateway waits: no IKE message has left it", not asked, asked)

    libreswan.initiate()
    before = gateway.spis(lab.require_up("the carrier brings the tunnel up"))
    walls.check_allowed(lab)
    walls.check_refused(lab, offers.WITHIN + offers.FROM_CLOUD)

    stream = traffic.Stream()
    stream.await_answers(20)
    libreswan.rekey_child()
    replaced = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before))
    lab.check("the carrier replaces the keys of the CHILD_SA", replaced, before)
    messages = lab.outer.mark()
    libreswan.rekey_ike()
    exchanged = check.poll(lambda: sum(one.is_ike() for one in lab.outer.frames(messages)) >= 4, every=0.1)
    lab.check("the carrier replaces the keys of the IKE_SA", exchanged)
    stream.await_answers(40)
    lost = stream.stop()
    lab.check(f"no datagram of {len(stream.sent)} was lost meanwhile", not lost, lost)
    lab.check("one set of SAs remains", check.poll(lambda: len(gateway.sas()) == 2), gateway.sas())
    walls.check_outer(lab)
