"""How the gateway tries again: ever more slowly, few at a time at one address, and each tunnel once.

Runs like culvert_conf_test.py. When attempts were made is read from charon's own log, with its own time stamps.
"""

import collections
import re
import signal
import sys
import time
from typing import NamedTuple

from conf_bench import connection, main, tunnel
from culvert_liveness_test import hush, wake
from ike_lab import wait_for
from ike_vici import Live, children

ATTEMPTS = 5
TUNNELS, AT_A_TIME = range(1, 25), 4  # the bound of conf_pace.c
ELSEWHERE = 89  # with ten before it, the address of all of them
CEILING = 20


def keep_times(bench):
    """A second log of charon's, each line behind its time, and with the states of IKE_SAs."""
    path = f"{bench.gateway.folder}/timed-log"
    with open(f"{bench.gateway.folder}/strongswan.conf", "a", encoding="ascii") as f:
        f.write(f"""charon-systemd {{ filelog {{ timed {{ path = {path}
            default = 1
            ike = 2
            mgr = 2
            time_format = %s
            time_precision = ms
            flush_line = yes }} }} }}
        """)
    return path


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class Attempts(NamedTuple):
    """IKE_SAs that were begun: how many, and the most that were neither established nor given up at a time."""
    count: int
    most: int


def follow(log, mark=0):
    """What was attempted after mark, told by the states of all IKE_SAs of the log; none of a tunnel is begun beside another.
    One that replaces another, which is REKEYING then, is no attempt; one that is sent a COOKIE is CREATED again, and goes
    on. One that goes is checked in before it is DESTROYING."""
    states, making, count, most = collections.defaultdict(dict), set(), 0, 0
    for change in re.finditer(r"checkin and destroy IKE_SA (t\d+)\[(\d+)\]|"
                              r"IKE_SA (t\d+)\[(\d+)\] state change: \w+ => (\w+)", log):
        name, number = change.group(1) or change.group(3), change.group(2) or change.group(4)
        state, own = change.group(5) or "DESTROYING", states[name]
        if state == "CONNECTING" and number not in own and "REKEYING" not in own.values():
            making.add(number)
            if change.start() >= mark:
                assert not own, f"{name}[{number}] is begun beside {own}"
                count, most = count + 1, max(most, len(making))
        elif state not in ("CREATED", "CONNECTING"):
            making.discard(number)
        if state in ("DELETING", "DESTROYING"):
            own.pop(number, None)
        else:
            own[number] = state
    return Attempts(count, most)


def attempts(path):
    """By tunnel: when each attempt was begun."""
    times = collections.defaultdict(list)
    for when, name in re.findall(r"^(\d+\.\d+) .*initiating IKE_SA (t\d+)\[\d+\] to ", read(path), re.M):
        times[name].append(float(when))
    return times


def test_pauses_grow(bench):
    """Doubled each time: the third and the fourth together are four times as long as the first two. An attempt that is not
    given up yet when its pause is over, as the first one of a silent peer, has none beside it."""
    bench.timed = path = keep_times(bench)
    bench.start()
    bench.load_carrier(*(connection(n, address="192.0.2.99", proposal="aes256-sha256-ecp384") for n in (4, 5, 6)))
    silent = [tunnel(n, peer=f"192.0.2.{70 + n}") for n in (1, 2, 3)]
    names = [f"t{n}" for n in range(1, 7)]
    bench.switch(*silent, *(tunnel(n, peer="192.0.2.99") for n in (4, 5, 6)))
    wait_for("attempts", lambda: min(len(attempts(path)[n]) for n in names) >= ATTEMPTS, 120)
    assert follow(read(path)).count >= ATTEMPTS * len(names)
    rows, times = bench.gateway.report(), attempts(path)
    for name, failure in [("t1", "no answer"), ("t4", "no proposal")]:
        assert failure in rows[name]["failure"], rows[name]
    for name in names:
        first, _, middle, _, last = times[name][:ATTEMPTS]
        # Much less than it should be, for checks that come late.
        assert last - middle > 1.5 * (middle - first), (name, times[name])


def counted(pattern, text):
    return collections.Counter(int(n) for n in re.findall(pattern, text))


def standing(bench):
    """By tunnel: the CHILD_SAs of each IKE_SA that stands. What a rekey has replaced may be there for a while."""
    return sorted((name, sum(child["state"] == "INSTALLED" for child in children(row).values()))
                  for name, row in bench.live.sas() if row["state"] == "ESTABLISHED")


def test_many_past_the_ceiling(bench):
    """They end together, and the carrier is deaf: when it hears again each tunnel comes back by itself, once."""
    bench.load_carrier(*(connection(n, address="192.0.2.99") for n in TUNNELS))
    bench.switch(*(tunnel(n, peer="192.0.2.99", ike=17, child=16, ceiling=CEILING, dpd=60,
                          retransmission="{ timeout = 0.3; base = 1.5; tries = 3; }") for n in TUNNELS))
    bench.live = Live(f"{bench.gateway.folder}/vici")
    gateway, names = bench.gateway, [f"t{n}" for n in TUNNELS]
    gateway.wait_up(*names)
    gateway.process.send_signal(signal.SIGSTOP)
    hush(ELSEWHERE)
    # The wait is what is tested: keys grow old while nobody runs.
    time.sleep(CEILING + 1)
    mark = len(read(bench.timed))
    gateway.process.send_signal(signal.SIGCONT)
    # Rekeys come soon after a tunnel has come up: one whose answer was there already has new keys, and ends a little later.
    wait_for("the end of all", lambda: not standing(bench), 90)
    wait_for("a second attempt", lambda: follow(read(bench.timed), mark).count > len(TUNNELS), 90)
    assert len(counted(r"IKE_SA t(\d+)\[\d+\] has reached the ceiling", read(bench.timed)[mark:])) > AT_A_TIME
    wake()
    wait_for("one of each", lambda: standing(bench) == sorted((name, 1) for name in names), 90)
    log, every = read(bench.timed), collections.Counter(TUNNELS)
    most = follow(log, mark).most
    assert 1 <= most <= AT_A_TIME, f"{most} IKE_SAs were being made at a time"
    log = log[mark:]
    assert counted(r"IKE_SA t(\d+)\[\d+\] established between", log) == every, log
    # Only a rekey knows the reqid when it begins.
    rekeys = set(re.findall(r"establishing CHILD_SA (a\d+\{\d+\}) reqid", log))
    made = [child for child in re.findall(r"CHILD_SA (a\d+\{\d+\}) established with SPIs", log) if child not in rekeys]
    assert counted(r"a(\d+)", " ".join(made)) == every, log


def test_clean_stop(bench):
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"


if __name__ == "__main__":
    sys.exit(main(globals()))
