import os
import signal

import assault
import check
import gateway
import libreswan
import operators_file
import systemd
import traffic
import walls

BOUND = 30  # seconds without an answer, at most


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    before = gateway.spis(lab.require_up())
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(40))

    attack = assault.Assault(lab)
    pid = systemd.main_pid(gateway.CHARON)
    os.kill(pid, signal.SIGKILL)
    fresh = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before))
    back = systemd.main_pid(gateway.CHARON) not in (0, pid)
    lab.check("charon is back and has a new pair of SAs", back and fresh, before)
    lab.check("traffic flows on them", stream.await_answers(60, BOUND))
    one_set = check.poll(lambda: sorted(gateway.sas()) == sorted(gateway.spis(gateway.status()) or ()))
    lab.check("exactly one set of SAs remains", one_set, gateway.sas())
    lab.check("traffic still flows after the old SAs are gone", stream.await_answers(40, BOUND))

    lost = stream.stop()
    gap = stream.longest_gap()
    loss = f"{len(lost)} of {len(stream.sent)} datagrams lost"
    lab.check(f"longest gap {gap:.2f} s (bound {BOUND} s), {loss}", gap < BOUND)
    attack.check("since before the kill")
    walls.check_outer(lab)
