import os
import re

import check
import gateway
import libreswan
import netns
import operators_file
import systemd
import traffic
import walls

BOUND = 20  # datagrams, a second of the stream


def rehearsal(state):
    return gateway.tunnel(state).get("rehearsal") or {}


def await_rehearsal(result):
    """The status once the rehearsal has that result, or the last one."""
    last = {}

    def has_result():
        last.update(gateway.status())
        return rehearsal(last).get("result") == result

    check.poll(has_result)
    return last


def begun():
    journal = netns.run("journalctl", "--no-pager", f"--unit={gateway.CHARON}")
    return journal.count("tunnel vf-praha: rehearsing its rekeys")


def children():
    """The SPIs, inwards and outwards, of all CHILD_SAs that charon has told, in order."""
    told = systemd.journal(gateway.CHARON, "all")
    return re.findall(r"CHILD_SA meters\{\d+\} established with SPIs ([0-9a-f]{8})_i ([0-9a-f]{8})_o", told)


def run(lab):
    before, had = begun(), len(children())
    gateway.rehearse_after(3)
    lab.start_gateway()
    libreswan.start(operators_file.PSK)
    lab.require_up()
    first = check.poll(lambda: children()[had:])[0]
    stream = traffic.Stream()
    state = await_rehearsal("passed")
    lab.require("the rekeys of a tunnel that came up are tried", rehearsal(state).get("result") == "passed",
                rehearsal(state))
    # The rekey of the IKE_SA may be moving the CHILD_SA at this moment.
    lab.check("the link has new SPIs", check.poll(lambda: gateway.spis(gateway.status()) not in (None, first)), first)
    stream.await_answers(40)
    lost = stream.stop()
    lab.check(f"{len(lost)} of {len(stream.sent)} datagrams lost meanwhile (bound {BOUND})", len(lost) <= BOUND, lost)
    lab.check("what is remembered is root's alone", os.stat(gateway.REHEARSALS).st_mode & 0o777 == 0o600 and
              os.stat(os.path.dirname(gateway.REHEARSALS)).st_mode & 0o777 == 0o700)

    systemd.stop(gateway.CHARON)
    systemd.start(gateway.CHARON)
    state = lab.require_up("the tunnel is up again after charon was restarted")
    lab.check("and charon remembers", rehearsal(state).get("result") == "passed", rehearsal(state))

    systemd.stop(gateway.CHARON)
    os.unlink(gateway.REHEARSALS)
    libreswan.clear()
    libreswan.start(operators_file.PSK, pfs="no")
    systemd.start(gateway.CHARON)
    first = gateway.spis(lab.require_up("the tunnel comes up with a carrier that has no PFS"))
    state = await_rehearsal("failed")
    lab.check("that it refuses the rekey is known at once", rehearsal(state).get("reason") == "child-proposal", rehearsal(state))
    lab.check("and the tunnel goes on as it is", gateway.spis(state) == first, (first, gateway.spis(state)))
    _, said = gateway.culvert("status")
    lab.check("culvert status says what to check", "check PFS (group) there" in said and "rekeys tried: 1 failed" in said, said)
    walls.check_allowed(lab)
    lab.check("each was begun once", begun() - before == 2, begun() - before)
