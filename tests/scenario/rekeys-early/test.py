import contextlib
import os

import gateway
import netns
import rekeys

DROP_IN = f"/run/systemd/system/{gateway.CHARON}.d/early.conf"
HELD = 0.5  # seconds of silence that show that the carrier was early; a repetition comes after one


@contextlib.contextmanager
def _without_sockets():
    """Within this block charon cannot open the sockets that keep early packets."""
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    with open(DROP_IN, "w", encoding="ascii") as file:
        file.write("[Service]\nCapabilityBoundingSet=\nCapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_BIND_SERVICE\n")
    netns.run("systemctl", "daemon-reload")
    try:
        yield
    finally:
        os.unlink(DROP_IN)
        netns.run("systemctl", "daemon-reload")


def _late_answer(lab, text, changes=()):
    """One rekey whose answer comes a second late; what it has cost."""
    session = rekeys.start("libreswan", changes, loss=0)
    try:
        lab.require(f"{text}: numbered datagrams flow in both directions", session.traffic.flows())
        outcome = rekeys.lose_answer(session)
        session.traffic.flows()
    finally:
        session.stop()
    lab.check(f"{text}: the answer was repeated, then the keys were new", outcome.seconds > 1 and not outcome.flaw, outcome)
    lost, blocked = session.costs(outcome)
    return len(lost["up"]) + len(lost["down"]), blocked["up"]


def run(lab):
    for text, changes in (("ESP", ()), ("ESP in UDP", {'#encapsulation = "udp";': 'encapsulation = "udp";'}.items())):
        lost, blocked = _late_answer(lab, text, changes)
        lab.check(f"{text}: the carrier was early: {blocked:.2f} s without a datagram", blocked > HELD)
        lab.check(f"{text}: none was lost", lost == 0, f"{lost} lost")
        lab.open()
    with _without_sockets():
        lost, blocked = _late_answer(lab, "no CAP_NET_RAW")
    lab.check(f"no CAP_NET_RAW: {lost} were lost, the test can tell", lost > 10, f"{lost} lost, {blocked:.2f} s")
