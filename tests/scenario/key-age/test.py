import os
import signal

import check
import gateway
import keys
import libreswan
import operators_file
import systemd
import topology
import walls


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(keys.operators_file_of())
    lab.require_up()
    offer = keys.Offer()
    eye = keys.Eye()
    pid = systemd.main_pid(gateway.CHARON)
    before = gateway.sas()
    fresh = check.poll(lambda: not set(gateway.sas()) & set(before), every=0.1)
    lab.require("keys are replaced every few seconds", fresh, before)

    # Stopped in a rekey, charon would not have the key that the carrier takes: right behind one it is not in the next.
    was = check.poll(keys.pair, every=0.1)
    renewed = check.poll(lambda: keys.pair() not in (None, was) and keys.established() == (1, 1), every=0.1)
    lab.require("a rekey is through", renewed, (was, keys.pair(), keys.established()))
    os.kill(pid, signal.SIGSTOP)
    try:
        stopped = keys.boot_time()
        old = {one[2] for one in keys.states()}
        lab.require("there are keys when charon is stopped", old)
        gone = check.poll(lambda: not keys.states(), keys.LIMIT + keys.LOADED, every=0.2)
        lab.check(f"none is left {keys.LIMIT} s later", gone, keys.states())
        ended = keys.boot_time()
        frames = lab.outer.mark()
        missing = keys.no_states()
        # The carrier does not know: it goes on to use them.
        check.poll(lambda: len(offer.between(ended, keys.boot_time(), True)) > 60)
        sent = lab.outer.frames(frames)
        incoming = [one for one in sent if one.src == topology.CARRIER and one.spi and f"{one.spi:08x}" in old]
        lab.check("the carrier still sends with an old key", len(incoming) > 10, len(incoming))
        lab.check("the kernel has no SA for what comes in", keys.no_states()[0] - missing[0] >= len(incoming) - 5,
            (missing, keys.no_states()))
        lab.check("none of it reaches the cloud", not _seen(lab.cloud, offer.between(ended, keys.boot_time(), True)))
        outgoing = [one for one in sent if one.src == topology.GATEWAY and one.spi]
        down = offer.between(ended, keys.boot_time(), False)
        lab.check(f"the cloud sent {len(down)} datagrams, and no ESP left the gateway", len(down) > 10 and not outgoing,
            outgoing[:3])
        lab.check("none of them reaches the device", not _seen(lab.dev1, down))
    finally:
        os.kill(pid, signal.SIGCONT)

    keys.is_well(lab, "charon goes on: the tunnel comes back by itself with fresh keys", old)
    offer.stop()
    eye.stop()
    late = [one for one in lab.outer.frames(frames) if one.src == topology.GATEWAY and one.spi and f"{one.spi:08x}" in old]
    lab.check("no packet left the gateway with an old key any more", not late, late[:3])
    left = [one for one in eye.last if one[2] in old and eye.last[one] > ended]
    lab.check("no packet that had waited found an old key", not left, left)
    lab.check(f"no key was older than {keys.LIMIT} s (the oldest: {eye.oldest():.0f} s)", eye.oldest() < keys.LIMIT + keys.LOADED)
    lab.check("charon was stopped for longer than a key may live", keys.boot_time() - stopped > keys.CEILING)
    walls.check_outer(lab)


def _seen(capture, tokens):
    text = b"".join(one.raw for one in capture.frames())
    return [one for one in tokens if one in text]
