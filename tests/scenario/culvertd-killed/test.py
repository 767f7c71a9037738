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


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    before = lab.require_up()
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(40))

    attack = assault.Assault(lab)
    pid = systemd.main_pid(gateway.CULVERTD)
    os.kill(pid, signal.SIGKILL)
    check.poll(lambda: systemd.main_pid(gateway.CULVERTD) not in (0, pid))
    after = lab.require_up("culvertd is back and says that the link carries")
    number = after["generation"]
    lab.check(f"the generation is the same: {number}", number == before["generation"], before["generation"])
    lab.check("the SAs are the same", gateway.spis(after) == gateway.spis(before), (before, after))
    stream.await_answers(60)
    lost = stream.stop()
    lab.check(f"no datagram of {len(stream.sent)} was lost (longest gap {stream.longest_gap():.2f} s)", not lost, lost)
    for unit in (gateway.CULVERTD, gateway.CHARON):
        os.kill(systemd.main_pid(unit), signal.SIGKILL)
    fresh = check.poll(lambda: gateway.spis(gateway.status()) not in (None, gateway.spis(before)))
    lab.check("both killed at once: the tunnel comes back", fresh, gateway.status())
    walls.check_allowed(lab)
    attack.check("since before the first kill")
    walls.check_outer(lab)
