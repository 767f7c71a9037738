import os

import check
import gateway
import keys
import libreswan
import operators_file
import systemd
import walls

REKEY, CEILING = 40, 50  # seconds: charon does not renew the keys meanwhile


def _restarts():
    return systemd.journal(gateway.CULVERTD, "all").count("tunnel vf-praha is restarted: charon still took keys")


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(keys.operators_file_of(REKEY, CEILING))
    lab.require_up()
    restarts = _restarts()
    first = [one[2] for one in keys.states()]
    systemd.stop(gateway.CULVERTD)
    systemd.start(gateway.CULVERTD)
    lab.check("culvertd restarts: it knows how old the keys are, and they stay",
        check.poll(lambda: gateway.status().get("charon") == "up") and [one[2] for one in keys.states()] == first,
        (first, keys.states()))
    check.poll(lambda: keys.boot_time() > CEILING + keys.GRACE)
    systemd.stop(gateway.CULVERTD)
    os.unlink(f"{gateway.RUN}/clock")
    old = [one[2] for one in keys.states()]
    systemd.start(gateway.CULVERTD)
    gone = check.poll(lambda: not set(old) & {one[2] for one in keys.states()}, 15, every=0.2)
    lab.check("it restarts without what it knew of the clock: the keys end", gone, (old, keys.states()))
    ended = gateway.status().get("keys_ended", {})
    lab.check("culvertd says so", ended.get("count") == len(old) and ended.get("tunnel") == "vf-praha", ended)
    keys.is_well(lab, "charon, which took the tunnel to be up, brings it up again", old)
    lab.check("as culvertd asked it to", _restarts() > restarts, systemd.journal(gateway.CULVERTD))
    walls.check_outer(lab)
