"""What happens to keys when the wall clock is set: by the given seconds, in each state of charon and culvertd."""

import contextlib
import os
import signal

import check
import gateway
import keys
import libreswan
import operators_file
import systemd
import traffic
import walls


@contextlib.contextmanager
def _charon_stopped():
    """Fresh keys, and a charon that does nothing with them."""
    pid = systemd.main_pid(gateway.CHARON)
    before = gateway.sas()
    check.poll(lambda: gateway.sas() and not set(gateway.sas()) & set(before), 30, every=0.1)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield [one[2] for one in keys.states()]
    finally:
        os.kill(pid, signal.SIGCONT)


def _running(lab, seconds):
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(20))
    before = gateway.sas()
    keys.step_clock(seconds)
    replaced = check.poll(lambda: gateway.sas() and not set(gateway.sas()) & set(before), 30, every=0.2)
    lab.check("charon runs, the clock is set: its keys are replaced", replaced, before)
    lab.check("traffic flows on", stream.await_answers(40))
    stream.stop()
    keys.is_well(lab, "all is well after it")


def _stopped(lab, seconds):
    with _charon_stopped() as old:
        keys.step_clock(seconds)
        lab.require("charon is stopped, the clock is set: there are keys", old)
        gone = check.poll(lambda: not keys.states(), keys.LIMIT + keys.LOADED, every=0.2)
        lab.check("they end in time", gone, keys.states())
    keys.is_well(lab, "charon goes on: the tunnel comes back", old)


def _restarted(lab, seconds):
    with _charon_stopped() as old:
        systemd.stop(gateway.CULVERTD)
        keys.step_clock(seconds)
        systemd.start(gateway.CULVERTD)
        lab.require("culvertd starts after the clock was set, charon is stopped: there are keys", old)
        gone = check.poll(lambda: not keys.states(), keys.LIMIT + keys.LOADED, every=0.2)
        lab.check("they end in time", gone, keys.states())
    keys.is_well(lab, "charon goes on: the tunnel comes back once more", old)


def check_step(lab, seconds):
    libreswan.start(operators_file.PSK)
    with keys.clock_kept():
        lab.start_gateway(keys.operators_file_of())
        lab.require_up()
        eye = keys.Eye()
        for part in (_running, _stopped, _restarted):
            part(lab, seconds)
        eye.stop()
        lab.check(f"no key was older than {keys.LIMIT} s (the oldest: {eye.oldest():.0f} s)",
            eye.oldest() < keys.LIMIT + keys.LOADED)
    walls.check_outer(lab)
