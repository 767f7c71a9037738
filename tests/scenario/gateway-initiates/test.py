import assault
import check
import gateway
import libreswan
import operators_file
import traffic
import walls

BOUND = 20  # datagrams, a second of the stream


def run(lab):
    lab.start_gateway()
    tunnel = gateway.tunnel(gateway.await_tunnel("connecting"))
    lab.check("before the carrier answers the tunnel is not up", tunnel.get("state") == "connecting", tunnel)
    libreswan.start(operators_file.PSK)
    before = gateway.spis(lab.require_up("the tunnel comes up when the carrier is there"))
    walls.check_allowed(lab)

    attack = assault.Assault(lab)
    stream = traffic.Stream()
    stream.await_answers(20)
    code, said = gateway.culvert("rekey", "vf-praha")
    lab.require("the gateway replaces the keys when asked", code == 0, said)
    replaced = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before))
    lab.check("the link has new SPIs", replaced, before)
    stream.await_answers(40)
    lost = stream.stop()
    # Who answers a rekey has the new keys first: libreswan sends with them before its answer has reached the gateway.
    lab.check(f"{len(lost)} of {len(stream.sent)} datagrams lost meanwhile (bound {BOUND})", len(lost) <= BOUND, lost)
    lab.check("one set of SAs remains", check.poll(lambda: len(gateway.sas()) == 2), gateway.sas())
    attack.check("while keys were replaced")
    walls.check_outer(lab)

    code, said = gateway.culvert("restart", "vf-brno")
    lab.check("an order for a tunnel that is none is refused", code == 1 and "culvert status lists them" in said, said)
    before = gateway.spis(gateway.status())
    code, said = gateway.culvert("restart", "vf-praha")
    lab.check("the gateway ends the tunnel when asked", code == 0, said)
    renewed = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before))
    lab.check("and brings it up anew", renewed, before)
    walls.check_allowed(lab)
