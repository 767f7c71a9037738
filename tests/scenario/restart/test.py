import assault
import check
import gateway
import libreswan
import operators_file
import systemd
import walls


def run(lab):
    libreswan.start(operators_file.PSK)
    attack = assault.Assault(lab)
    lab.start_gateway()
    before = gateway.spis(lab.require_up())
    attack.check("from before the first start until the tunnel was up")

    attack = assault.Assault(lab)
    systemd.stop(gateway.CHARON)
    lab.check("charon takes its SAs with it", not gateway.sas(), gateway.sas())
    systemd.stop(gateway.CULVERTD)
    attack.check("while the units were stopped", tunnel=False)
    walls.check_closed(lab)

    attack = assault.Assault(lab)
    gateway.start()
    after = lab.require_up("both started again: the link carries")
    # The kernel may say that it carries before culvertd has found charon again, which knows the SAs.
    fresh = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before))
    lab.check("with new SAs", fresh, (before, gateway.status()))
    lab.check("and the same generation", after["generation"] == 1, after["generation"])
    walls.check_allowed(lab)
    attack.check("while the units were started again")
    walls.check_outer(lab)
