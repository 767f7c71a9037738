"""How the gateway tries again: ever more slowly, few at a time at one address, and each tunnel once.

Runs like culvert_conf_test.py. When attempts were made is read from charon's own log, with its own time stamps.
"""

import collections
import re
import signal
import sys
import threading
import time

from conf_bench import connection, main, tunnel
from culvert_liveness_test import hush, wake
from ike_lab import wait_for
from ike_vici import Live, children

ATTEMPTS = 5
TUNNELS, AT_A_TIME = range(1, 25), 4  # the bound of conf_pace.c
ELSEWHERE = 89  # with ten before it, the address of all of them
CEILING = 20  # long enough for no rekey to come before all are seen


class Sampler:
    """Lists the gateway's IKE_SAs over and over: the most that were being made, and that one tunnel had, at a time."""

    def __init__(self, bench):
        self.vici = Live(f"{bench.gateway.folder}/vici")
        self.connecting, self.of_one, self.failure, self.stopping = 0, 0, None, False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.vici.close()

    def _run(self):
        try:
            while not self.stopping:
                self._look()
                time.sleep(0.05)  # what is looked for has no events
        except Exception as error:  # pylint: disable=broad-except: told by check()
            self.failure = error

    def _look(self):
        sas = self.vici.sas()
        self.connecting = max(self.connecting, sum(row["state"] == "CONNECTING" for _, row in sas))
        self.of_one = max([self.of_one, *collections.Counter(name for name, _ in sas).values()])

    def check(self):
        assert self.failure is None, self.failure
        assert self.of_one == 1, f"a tunnel had {self.of_one} IKE_SAs at a time"


def keep_times(bench):
    """A second log of charon's, each line behind its time."""
    path = f"{bench.gateway.folder}/timed-log"
    with open(f"{bench.gateway.folder}/strongswan.conf", "a", encoding="ascii") as f:
        f.write(f"""charon-systemd {{ filelog {{ timed {{ path = {path}
            default = 1
            time_format = %s
            time_precision = ms
            flush_line = yes }} }} }}
        """)
    return path


def attempts(path):
    """By tunnel: when each attempt was begun."""
    times = collections.defaultdict(list)
    with open(path, encoding="utf-8") as f:
        for when, name in re.findall(r"^(\d+\.\d+) .*initiating IKE_SA (t\d+)\[\d+\] to ", f.read(), re.M):
            times[name].append(float(when))
    return times


def test_pauses_grow(bench):
    """Doubled each time: the third and the fourth together are four times as long as the first two. An attempt that is not
    given up yet when its pause is over, as the first one of a silent peer, has none beside it."""
    path = keep_times(bench)
    bench.start()
    bench.load_carrier(*(connection(n, address="192.0.2.99", proposal="aes256-sha256-ecp384") for n in (4, 5, 6)))
    silent = [tunnel(n, peer=f"192.0.2.{70 + n}") for n in (1, 2, 3)]
    names = [f"t{n}" for n in range(1, 7)]
    with Sampler(bench) as sampler:
        bench.switch(*silent, *(tunnel(n, peer="192.0.2.99") for n in (4, 5, 6)))
        wait_for("attempts", lambda: min(len(attempts(path)[n]) for n in names) >= ATTEMPTS, 120)
    sampler.check()
    rows, times = bench.gateway.report(), attempts(path)
    for name, failure in [("t1", "no answer"), ("t4", "no proposal")]:
        assert failure in rows[name]["failure"], rows[name]
    for name in names:
        first, _, middle, _, last = times[name][:ATTEMPTS]
        # Much less than it should be, for checks that come late.
        assert last - middle > 1.5 * (middle - first), (name, times[name])


def counted(pattern, text):
    return collections.Counter(int(n) for n in re.findall(pattern, text))


def one_each(bench):
    """Each tunnel has one IKE_SA, which is established, with one CHILD_SA."""
    sas = bench.live.sas()
    return sorted(name for name, _ in sas) == sorted(f"t{n}" for n in TUNNELS) and all(
        row["state"] == "ESTABLISHED" and len(children(row)) == 1 for _, row in sas)


def test_many_past_the_ceiling(bench):
    """They end together, and the carrier is deaf: when it hears again each tunnel comes back by itself, once."""
    bench.load_carrier(*(connection(n, address="192.0.2.99") for n in TUNNELS))
    bench.switch(*(tunnel(n, peer="192.0.2.99", ike=17, child=16, ceiling=CEILING, dpd=60,
                          retransmission="{ timeout = 0.3; base = 1.5; tries = 3; }") for n in TUNNELS))
    bench.live = Live(f"{bench.gateway.folder}/vici")
    wait_for("all of them", lambda: one_each(bench))
    gateway = bench.gateway
    hush(ELSEWHERE)
    gateway.process.send_signal(signal.SIGSTOP)
    # The wait is what is tested: keys grow old while nobody runs.
    time.sleep(CEILING + 1)
    mark = len(gateway.read_log())
    gateway.process.send_signal(signal.SIGCONT)
    every = collections.Counter(TUNNELS)
    with Sampler(bench) as sampler:
        wait_for("the ceiling", lambda: counted(r"IKE_SA t(\d+)\[\d+\] has reached the ceiling", gateway.read_log()[mark:])
                 == every)
        wait_for("a second attempt", lambda: counted(
            r"initiating IKE_SA t(\d+)\[", gateway.read_log()[mark:]).total() > len(TUNNELS), 90)
        wake()
        wait_for("one of each", lambda: one_each(bench), 90)
    sampler.check()
    assert 1 <= sampler.connecting <= AT_A_TIME, f"{sampler.connecting} IKE_SAs were being made at a time"
    log = gateway.read_log()[mark:]
    assert counted(r"IKE_SA t(\d+)\[\d+\] established between", log) == every, log
    assert counted(r"CHILD_SA a(\d+)\{\d+\} established with SPIs", log) == every, log


def test_clean_stop(bench):
    assert bench.gateway.stop() == 0
    assert "ERROR: " not in bench.gateway.read_log(), "sanitizer"


if __name__ == "__main__":
    sys.exit(main(globals()))
