import os
import signal

import gateway
import matrix_eye
import matrix_run
import matrix_states
import operators_file
import places
import systemd
import walls_table


def check_cells(lab, burst, by_row, table, up):
    """With these walls up each row's packets arrive exactly if none of these stops them."""
    names = ", ".join(map(str, sorted(up))) or "none"
    for row, these in by_row.items():
        stopped = table[row] & up
        arrived = [bool(burst.seen_beyond(one)) for one in these]
        flaws = [] if all(one != bool(stopped) for one in arrived) else [
            f"{matrix_run.told(one)} {'arrived' if there else 'did not arrive'}" for one, there in zip(these, arrived)]
        lab.check(f"walls up: {names}; {row}: {'stopped' if stopped else 'arrives'}", not flaws, flaws)


def run(lab):
    table = walls_table.rows()
    known = set(walls_table.PACKETS)
    lab.require("the rows of SECURITY.md are those that this scenario has packets for", set(table) == known, set(table) ^ known)
    places.build(lab)
    for one in places.PLUTOS:
        one.start(operators_file.PSK)
    lab.start_gateway(places.conf())
    machine = matrix_states.Machine(lab)
    machine.await_whole()
    eye, senders = matrix_eye.Eye(), matrix_eye.Senders()
    burst = matrix_run.Burst(eye, senders, {})
    burst.prime()
    walls = walls_table.Walls(machine.status)
    pid = systemd.main_pid(gateway.CULVERTD)
    os.kill(pid, signal.SIGSTOP)  # it would mend what is broken here
    try:
        walls.break_link()
        for up in walls_table.sets_of_walls():
            walls.leave(up)
            probes, by_row = walls_table.probes()
            burst = matrix_run.Burst(eye, senders, probes)
            burst.send()
            burst.settle(False)
            lab.check("all were sent", not burst.unsent(), [matrix_run.told(one) for one in burst.unsent()])
            check_cells(lab, burst, by_row, table, up)
    finally:
        os.kill(pid, signal.SIGCONT)
        eye.close()
        senders.close()
