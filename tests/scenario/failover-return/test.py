import check
import failover
import gateway
import time
import walls

HOLD = 12  # seconds
DENSE = 0.005  # seconds between two datagrams: what is gone for a moment loses one


def unseen(lab, stream, numbers):
    """Those of the stream's datagrams that reached the device by no link."""
    return [one for one in numbers
        if not any(lab.captures[name].find(stream.token(one)) for name in ("dev1", "dev3"))]


def move(lab, text, act, to, ends=False, interval=DENSE):
    """What moves traffic from one live link to the other; no number is lost. ends: the carrier is told that the link ends,
    and drops what a device sends by it then; what is sent to devices arrives all the same."""
    stream = failover.numbered()
    stream.interval = interval
    lab.require("numbered datagrams pass", stream.await_answers(20))
    before = failover.marks(lab)
    act()
    moved = check.poll(lambda: to in failover.face(lab, stream, before), 60, every=0.1)
    stream.await_answers(40)
    lost = stream.stop()
    if ends:
        check.explain(f"{len(lost)} answers did not come back")
        lost = unseen(lab, stream, lost)
    lab.check(f"{text}: the downlink goes over {to}", moved)
    lab.check(f"{text}: 0 of {len(stream.sent)} lost", not lost, f"lost {lost}")


def prefer(*tunnels):
    gateway.configure(failover.conf(tunnels, f"{failover.PROBE} hold_down = {HOLD};"), {})
    code, said = gateway.culvert("reload")
    if code:
        raise RuntimeError(said)


def run(lab):
    failover.start(lab, settings=f"{failover.PROBE} hold_down = {HOLD};")
    failure = failover.Failure(lab, "the way breaks")
    failover.break_way()
    failure.restored()
    failover.mend_way()
    held = failover.await_state(failover.FIRST, state="held", used=False)
    mended = time.monotonic()
    lab.check("mended, it is held down and says for how long", failover.has(held, state="held", used=False) and "held down for" in (held.get("reason") or ""), held)

    def wait():
        back = failover.await_state(failover.FIRST, state="good", used=True)
        took = time.monotonic() - mended
        lab.check(f"after {took:.0f} s it is preferred again (hold-down {HOLD} s)", failover.has(back, state="good", used=True) and took > HOLD - 2, back)

    move(lab, "return after the hold-down", wait, failover.FIRST, interval=0.05)
    move(lab, "preference changed by reload", lambda: prefer(failover.BACKUP, failover.FIRST), failover.BACKUP)
    move(lab, "and back", lambda: prefer(failover.FIRST, failover.BACKUP), failover.FIRST)
    move(lab, "the tunnel in use restarted", lambda: gateway.culvert("restart", failover.FIRST), failover.BACKUP, True)
    failover.require_well(lab)
    move(lab, "the tunnel in use taken out", lambda: prefer(failover.BACKUP), failover.BACKUP, True)
    prefer(failover.FIRST, failover.BACKUP)
    failover.require_well(lab)

    failover.cut("p3")
    suspect = failover.await_state(failover.BACKUP, state="suspect", used=False)
    lab.require("the backup fails", failover.has(suspect, state="suspect"), suspect)
    failover.break_way()
    both = failover.await_state(failover.FIRST, state="suspect", used=True)
    lab.check("where no link does well the first stays in use", failover.has(both, state="suspect", used=True), both)
    failover.mend_way()
    failover.join("p3")
    failover.require_well(lab, limit=120)
    walls.check_outer(lab)
