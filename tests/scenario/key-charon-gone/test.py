import os
import signal

import check
import gateway
import keys
import libreswan
import netns
import operators_file
import systemd
import walls


CEILING = 25  # seconds; the first rekey is far enough for charon to be killed outside of it
LIMIT = CEILING + keys.GRACE


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(keys.operators_file_of(rekey=20, ceiling=CEILING))
    lab.require_up()
    eye = keys.Eye()
    netns.run("systemctl", "mask", "--runtime", gateway.CHARON)
    try:
        os.kill(systemd.main_pid(gateway.CHARON), signal.SIGKILL)
        check.poll(lambda: gateway.status().get("charon") == "down")
        old = [one[2] for one in keys.states()]
        lab.require("charon is gone and its keys are in the kernel", old)
        passes = lab.uplink.ask()
        lab.check("traffic goes on with them", passes)
        gone = check.poll(lambda: not keys.states(), LIMIT + keys.LOADED, every=0.2)
        lab.check("they end", gone, keys.states())
        lab.check("culvert says that the link does not carry", check.poll(lambda: not gateway.link(gateway.status()).get("carrying"), 10))
        walls.check_closed(lab)
    finally:
        netns.run("systemctl", "unmask", "--runtime", gateway.CHARON)
    systemd.start(gateway.CHARON)
    keys.is_well(lab, "charon comes again, and so does the tunnel", old)
    eye.stop()
    lab.check(f"no key was older than {LIMIT} s (the oldest: {eye.oldest():.0f} s)", eye.oldest() < LIMIT + keys.LOADED)
    walls.check_outer(lab)
