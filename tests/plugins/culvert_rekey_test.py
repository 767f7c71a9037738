"""culvert-rekey in two real charons, in fast motion: keys are renewed after 4 s (ESP) and 5 s (IKE), their ceiling is 10 s.

A watch from outside notes since when and until when each SA is there, by charon's list of them, so that what is asserted
does not come from what the plugin itself believes. Each peer that keeps us from rekeying is a case: one that does not
answer, one that answers late, one that refuses, one that rekeys wildly itself; and a charon that was stopped.
"""

import re
import signal
import sys
import threading
import time

from conf_bench import PSK, connection, main, restart_with, tunnel
from ike_lab import GATEWAY, run, wait_for

IKE, CHILD, CEILING = 5, 4, 10
GRACE = 1.5  # seconds beyond the ceiling that a loaded machine and the watch's own step may take
FAST = {"ceiling": CEILING, "ike": IKE, "child": CHILD, "dpd": 5,
        "retransmission": "{ timeout = 0.3; base = 1.5; tries = 3; }"}
REQUEST = "udp dport 4500 @th,64,32 0 @th,248,8 & 0x20 == 0"
BEGUN = r"IKE_SA t1\[\d+\] established between"  # not by a rekey
CREATE_CHILD, INFORMATIONAL = "@th,240,8 36", "@th,240,8 37"


def fast(number=1, **changes):
    return tunnel(number, **{**FAST, **changes})


class Watch:
    """Lists the gateway's SAs several times a second, and keeps when each was seen first and last."""

    def __init__(self, bench):
        self.bench, self.seen, self.most_ike, self.stopping = bench, {}, 0, False
        self.paused, self.failure = False, None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def _run(self):
        while not self.stopping:
            if not self.paused:
                try:
                    self._look()
                except Exception as error:  # pylint: disable=broad-except: told by check()
                    self.failure = error
                    return
            time.sleep(0.15)  # the ages it looks at have no events

    def _look(self):
        """From the end of the first look that lists an SA to the beginning of the last one does: it lived longer."""
        began = time.monotonic()
        text = self.bench.gateway.swanctl("--list-sas", "--raw")
        now, established = time.monotonic(), 0
        for number, state in re.findall(r"uniqueid=(\d+) version=2 state=(\S+)", text):
            if state != "CONNECTING":
                established += state in ("ESTABLISHED", "REKEYING")
                self.seen.setdefault(("ike", number), [now, began])[1] = began
        for number in re.findall(r"name=\S+ uniqueid=(\d+) reqid", text):
            self.seen.setdefault(("child", number), [now, began])[1] = began
        self.most_ike = max(self.most_ike, established)

    def oldest(self, kind):
        return max((last - first for (k, _), (first, last) in self.seen.items() if k == kind), default=0)

    def count(self, kind):
        return sum(k == kind for k, _ in self.seen)

    def check(self, most=CEILING + GRACE, ikes=1):
        assert self.failure is None, self.failure
        for kind in ("ike", "child"):
            assert self.count(kind), "the watch saw nothing"
            assert self.oldest(kind) <= most, (kind, self.oldest(kind), self.seen)
        assert self.most_ike <= ikes, f"{self.most_ike} IKE_SAs at once"


def filter_in(namespace, *rules):
    """Drops what matches any of the rules on its way into a namespace; no rules: nothing."""
    table = "".join(f"{rule} counter drop\n" for rule in rules)
    run("ip", "netns", "exec", namespace, "nft", "-f", "-", input=f"""
        table inet breaker
        delete table inet breaker
        table inet breaker {{ chain in {{ type filter hook input priority 0;
        {table}
        }}
        }}
        """)


def dropped(namespace):
    text = run("ip", "netns", "exec", namespace, "nft", "list", "table", "inet", "breaker")
    return sum(int(n) for n in re.findall(r"counter packets (\d+)", text))


def since(bench, mark):
    return bench.gateway.read_log()[mark:]


def start_patient(bench):
    """The carrier repeats its requests for half a minute: what we keep from it stays on its mind."""
    with open(f"{bench.carrier.folder}/strongswan.conf", "r+", encoding="ascii") as f:
        text = f.read().replace("retransmit_tries = 3", "retransmit_tries = 60")
        f.seek(0)
        f.write(text)
    bench.start()


def begin(bench, theirs, ours):
    """Both sides anew with these configurations, t1 up; returns where the log goes on."""
    filter_in("carrier")
    filter_in("gateway")
    if not bench.gateway.process:
        start_patient(bench)
    bench.switch(tunnel(2, initiator="carrier"))
    bench.carrier.swanctl("--terminate", "--ike", "c1", "--force", check=False)
    bench.load_carrier(theirs)
    mark = len(bench.gateway.read_log())
    bench.switch(ours)
    if ours["initiator"] == "carrier":
        bench.carrier.swanctl("--initiate", "--child", "k1")
    bench.gateway.wait_up("t1")
    return mark


def count(pattern, text):
    return len(re.findall(pattern, text))


def back_up(bench, limit=30.0):
    """t1 is up with its CHILD_SA, and one IKE_SA alone."""
    bench.gateway.wait_up("t1", limit=limit)
    wait_for("exactly one IKE_SA", lambda: count(r"^\S+: #", bench.gateway.swanctl("--list-sas")) == 1, limit)


def test_rekeys(bench):
    """Left alone: CHILD_SA and IKE_SA are renewed in their windows, and nothing ends or begins anew."""
    mark = begin(bench, connection(1), fast())
    with Watch(bench) as watch:
        wait_for("rekeys", lambda: count("IKE_SA t1.* rekeyed between", since(bench, mark)) >= 3 and
                 count("rekeyed CHILD_SA a1", since(bench, mark)) >= 4, 40)
    log = since(bench, mark)
    # Two at a moment: the one being replaced is there until the peer has confirmed its end.
    watch.check(ikes=2)
    assert count(BEGUN, log) == 1, log
    assert "could not be renewed" not in log and "ceiling" not in log and "rekeying failed" not in log, log
    row = bench.gateway.report()["t1"]
    assert row["state"] == "up" and row["seconds"] >= 2 * IKE, row


def test_peer_ignores_rekeys(bench):
    """It answers all but CREATE_CHILD_SA: what cannot be renewed ends in time and comes back."""
    mark = begin(bench, connection(1), fast())
    filter_in("carrier", f"{REQUEST} {CREATE_CHILD}")
    with Watch(bench) as watch:
        wait_for("the tunnel made anew", lambda: count(BEGUN, since(bench, mark)) >= 3, 60)
        back_up(bench)
    assert dropped("carrier") > 0
    watch.check()
    filter_in("carrier")


def test_peer_answers_late(bench):
    """Most of the time it does not run, but answers within the retransmissions: no ceiling is reached."""
    mark = begin(bench, connection(1), fast())
    end = time.monotonic() + 20
    with Watch(bench) as watch:
        while time.monotonic() < end:
            bench.carrier.process.send_signal(signal.SIGSTOP)
            time.sleep(0.8)  # what is tested: silent for this long, then not
            bench.carrier.process.send_signal(signal.SIGCONT)
            time.sleep(0.3)  # and answers for this long
    log = since(bench, mark)
    watch.check(ikes=2)
    assert count("rekeyed CHILD_SA a1", log) >= 3 and count("IKE_SA t1.* rekeyed between", log) >= 2, log
    assert "could not be renewed" not in log and "reached the ceiling" not in log, log
    assert count(BEGUN, log) == 1, log


def test_peer_refuses_child(bench):
    """Another idea of perfect forward secrecy: each CHILD rekey is refused with NO_PROPOSAL_CHOSEN, for ever."""
    mark = begin(bench, connection(1, esp="aes256-sha256"), fast(ike=7))
    with Watch(bench) as watch:
        # What is told is the cause, and stays beside "up".
        bench.gateway.wait_tunnel("t1", "refused", lambda r: "NO_PROPOSAL_CHOSEN" in r["failure"])
        wait_for("the tunnel made anew", lambda: count(BEGUN, since(bench, mark)) >= 3, 60)
        back_up(bench)
    log = since(bench, mark)
    watch.check()
    # Tried again, with growing pauses: some, not many.
    assert count("NO_PROPOSAL_CHOSEN notify", log) >= 4, log
    assert count("establishing CHILD_SA a1.* reqid", log) <= 15 * count(BEGUN, log), log
    assert "IKE_SA t1" in log and "could not be renewed in time" in log, log


def test_peer_refuses_ike(bench):
    """TEMPORARY_FAILURE for ever to each IKE rekey: a CHILD rekey of the peer's own is never answered by us."""
    mark = begin(bench, connection(1), fast(child=7))
    filter_in("gateway", f"{REQUEST} {CREATE_CHILD}")
    with Watch(bench) as watch:
        for _ in range(2):
            starts = count(BEGUN, since(bench, mark))
            bench.carrier.swanctl("--rekey", "--child", "k1")
            wait_for("the tunnel made anew",
                     lambda n=starts: count(BEGUN, since(bench, mark)) > n, 30)
            bench.gateway.wait_up("t1")
        back_up(bench)
    log = since(bench, mark)
    watch.check(ikes=2)
    assert dropped("gateway") > 0
    assert count("TEMPORARY_FAILURE", log) >= 2, log
    filter_in("gateway")


def test_peer_rekeys_wildly(bench):
    """Every second both kinds: nothing gets old, nothing is lost, nothing remains."""
    wild = connection(1).replace("version = 2", "version = 2\n    rekey_time = 2s\n    over_time = 8s").replace(
        "local_ts", "rekey_time = 1s\n        life_time = 9s\n        local_ts")
    mark = begin(bench, wild, fast())
    with Watch(bench) as watch:
        wait_for("many rekeys", lambda: count("rekeyed CHILD_SA a1", since(bench, mark)) >= 15, 60)
    watch.check(ikes=3)
    begin(bench, connection(1), fast())
    back_up(bench)


def test_peer_withholds_delete(bench):
    """It rekeys the CHILD_SA and does not delete the old one: that ends in time, the new one is rekeyed all the same."""
    mark = begin(bench, connection(1), fast(ike=7))
    filter_in("gateway", f"{REQUEST} {INFORMATIONAL}")
    with Watch(bench) as watch:
        bench.carrier.swanctl("--rekey", "--child", "k1")
        wait_for("the rekey concluded", lambda: "was replaced and not deleted by the peer" in since(bench, mark), 20)
        wait_for("rekeys of ours", lambda: count("CHILD_SA a1.* reqid", since(bench, mark)) >= 2, 20)
        filter_in("gateway")
        time.sleep(CEILING)
        back_up(bench)
    watch.check(ikes=2)


def stop_past_ceiling(bench, mark):
    """Stops our charon until its keys have reached the ceiling, a request of the peer's waiting in its socket."""
    gateway = bench.gateway
    gateway.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    command = bench.carrier.command("/usr/lib/culvert/sbin/swanctl", "--rekey", "--child", "k1", "--uri",
                                    bench.carrier.vici)
    run(*command, env=bench.carrier.environment)
    # The wait is what is tested: keys grow old while nobody runs.
    time.sleep(max(0, stopped + CEILING + 1 - time.monotonic()))
    mark = len(gateway.read_log())
    gateway.process.send_signal(signal.SIGCONT)
    return mark


def test_stopped_past_the_ceiling(bench):
    """It wakes with keys that are too old: the packet that waited is not processed, what stands ends at once."""
    for role in ("gateway", "carrier"):
        start = begin(bench, connection(1), fast(initiator=role, dpd=60))
        old = bench.gateway.report()["t1"]["children"]["a1"]
        mark = stop_past_ceiling(bench, start)
        wait_for("the ends", lambda m=mark: "reached the ceiling, destroying it" in since(bench, m) or None, 5)
        wait_for("old CHILD_SAs gone", lambda o=old: bench.gateway.report()["t1"]["children"].get("a1") != o, 5)
        woken = since(bench, mark)
        assert "REKEY" not in woken and count("inbound CHILD_SA", woken) == 0, woken
        if role == "carrier":
            bench.gateway.wait_tunnel("t1", "down", lambda r: r["state"] == "down" and "ceiling" in r["failure"])
            assert "initiating IKE_SA" not in woken, woken
            bench.carrier.swanctl("--terminate", "--ike", "c1", "--force", check=False)
            bench.carrier.swanctl("--initiate", "--child", "k1")
        back_up(bench)


VICI = """connections {{ by-hand {{
    version = 2
    local_addrs = {gateway}
    remote_addrs = 192.0.2.13
    proposals = aes256-sha256-modp2048
    local {{
        auth = psk
        id = gw.example.net
    }}
    remote {{
        auth = psk
        id = peer3.example.net
    }}
    children {{ by-hand {{
        local_ts = 10.110.3.0/24
        remote_ts = 10.3.0.0/16
        esp_proposals = aes256-sha256-modp2048
    }} }}
}} }}
secrets {{ ike-hand {{ secret = {psk} }} }}
"""


def test_loaded_by_vici(bench):
    """SAs of which culvert-conf knows nothing get the default times, on a clock that runs 200 times as fast: 2400 s are 12."""
    begin(bench, connection(1), tunnel(1))
    restart_with(bench, "fast_clock")
    bench.load_carrier(connection(3))
    with open(f"{bench.gateway.folder}/swanctl.conf", "w", encoding="ascii") as f:
        f.write(VICI.format(gateway=GATEWAY, psk=PSK))
    bench.gateway.swanctl("--load-all", "--file", f"{bench.gateway.folder}/swanctl.conf")
    mark = len(bench.gateway.read_log())
    bench.gateway.swanctl("--initiate", "--child", "by-hand")
    with Watch(bench) as watch:
        for what in ("outbound CHILD_SA by-hand", r"IKE_SA by-hand\[\d+\] rekeyed between"):
            wait_for(what, lambda w=what: count(w, since(bench, mark)) >= 2, 60)
    watch.check(most=3600 / 200 + GRACE, ikes=2)
    bench.gateway.swanctl("--terminate", "--ike", "by-hand")
    restart_with(bench)


def test_packet_before_the_timer(bench):
    """Even if nothing ends the IKE_SA, a packet that comes after its ceiling is not processed with its keys."""
    begin(bench, connection(1), fast())
    restart_with(bench, "late_timer")
    start = begin(bench, connection(1), fast(dpd=60))
    mark = stop_past_ceiling(bench, start)
    wait_for("packets refused", lambda: count("not used any more", since(bench, mark)) >= 3, 10)
    log = since(bench, mark)
    assert "CHILD_SA a1" not in log and "reached the ceiling, destroying" not in log, log
    restart_with(bench)


def sleep_past_ceiling(bench, seconds, *signals):
    """Stops our charon for so long, and wakes it with these signals."""
    bench.gateway.process.send_signal(signal.SIGSTOP)
    # The wait is what is tested: keys grow old while nobody runs.
    time.sleep(seconds)
    for number in (*signals, signal.SIGCONT):
        bench.gateway.process.send_signal(number)


def test_answer_waits(bench):
    """Keys that come with an answer are as old as the request: the peer may have had them since."""
    begin(bench, connection(1), fast(ike=20, child=10, ceiling=50, dpd=60))
    bench.carrier.process.send_signal(signal.SIGSTOP)
    mark = len(bench.gateway.read_log())
    bench.gateway.swanctl("--rekey", "--child", "a1")
    wait_for("the request", lambda: "establishing CHILD_SA a1" in since(bench, mark) or None, 5)
    bench.gateway.process.send_signal(signal.SIGSTOP)
    answered = len(bench.carrier.read_log())
    bench.carrier.process.send_signal(signal.SIGCONT)
    wait_for("the answer", lambda: "CHILD_SA k1" in bench.carrier.read_log()[answered:] or None, 5)
    # The wait is what is tested: longer than the time after which keys are renewed.
    time.sleep(11)
    bench.gateway.process.send_signal(signal.SIGCONT)
    wait_for("the next rekeys", lambda: count("establishing CHILD_SA a1", since(bench, mark)) >= 2, 30)
    # Counted from the answer the IKE_SA's would have come first.
    assert not count(r"IKE_SA t1\[\d+\] rekeyed", since(bench, mark)), since(bench, mark)
    back_up(bench)


def test_half_open_past_the_ceiling(bench):
    """One that was half open all the time is refused to charon's own jobs, and ended: it does not block its tunnel."""
    begin(bench, connection(1), tunnel(1))
    restart_with(bench, "fast_clock")
    filter_in("carrier", "udp dport 500")
    mark = len(bench.gateway.read_log())
    bench.switch(tunnel(1))
    wait_for("an attempt", lambda: "initiating IKE_SA t1" in since(bench, mark) or None, 10)
    sleep_past_ceiling(bench, 3480 / 200 + 1)
    filter_in("carrier")
    back_up(bench)
    restart_with(bench)


def test_peer_withholds_delete_of_ike(bench):
    """What it rekeys without deleting the old one does not add up until the ceiling, nor is it taken for the tunnel."""
    begin(bench, connection(1), tunnel(1))
    restart_with(bench, "fast_clock")
    mark = begin(bench, connection(1), tunnel(1))
    filter_in("gateway", f"{REQUEST} {INFORMATIONAL}")
    bench.carrier.swanctl("--rekey", "--ike", "c1")
    wait_for("the old one's end", lambda: "was replaced, but the peer has not deleted" in since(bench, mark) or None, 30)
    back_up(bench)
    assert bench.gateway.report()["t1"]["failure"] == "-", bench.gateway.report()
    assert count(BEGUN, since(bench, mark)) == 1, since(bench, mark)
    filter_in("gateway")
    restart_with(bench)


def test_told_to_end_past_the_ceiling(bench):
    """It says no goodbye that would be protected by keys which are too old."""
    begin(bench, connection(1), fast())
    restart_with(bench, "late_timer")
    mark = begin(bench, connection(1), fast(dpd=60))
    sleep_past_ceiling(bench, CEILING + 1, signal.SIGTERM)
    bench.gateway.process.wait(20)
    log = since(bench, mark)
    assert "sending DELETE for IKE_SA t1" not in log, log
    restart_with(bench)


def test_carrier_comes_back(bench):
    """A tunnel that the carrier initiates is ended by us and left to it."""
    theirs = connection(1, esp="aes256-sha256").replace(
        "local_ts", "start_action = start\n        close_action = start\n        local_ts").replace(
            "version = 2", "version = 2\n    rekey_time = 0")
    filter_in("carrier")
    filter_in("gateway")
    bench.load_carrier()
    bench.carrier.swanctl("--terminate", "--ike", "c1", "--force", check=False)
    bench.switch(fast(initiator="carrier", ike=7))
    mark = len(bench.gateway.read_log())
    bench.load_carrier(theirs)
    with Watch(bench) as watch:
        wait_for("two ends", lambda: count("ends: its keys", since(bench, mark)) >= 2, 60)
        bench.gateway.wait_up("t1")
    watch.check()
    log = since(bench, mark)
    assert count(BEGUN, log) == count(r"is initiating IKE_SA \(unnamed\)", log), log


def test_errand_beside_the_schedule(bench):
    """`culvert rekey` again and again while rekeys are due by themselves: they do not meet, none is lost."""
    mark = begin(bench, connection(1), fast())
    with Watch(bench) as watch:
        for _ in range(12):
            bench.gateway.ask("rekey t1")
            time.sleep(0.7)
        wait_for("schedule", lambda n=count("rekeyed CHILD_SA a1", since(bench, mark)): count(
            "rekeyed CHILD_SA a1", since(bench, mark)) > n, 10)
    watch.check(ikes=2)
    log = since(bench, mark)
    assert count(BEGUN, log) == 1 and "rekeying failed" not in log, log
    back_up(bench)


def test_strays(bench):
    """A peer that makes one CHILD_SA beside the other, and keeps all of them up: one stays, the others end and are told."""
    # A strongSwan makes none that is the same in its own eyes.
    block = re.search(r"k1 \{.*?\n    \}", connection(1), re.S)[0]
    beside = "\n".join(
        block.replace("k1 {", f"k{n} {{\n        if_id_in = {n}\n        if_id_out = {n}") for n in (7, 8, 9))
    mark = begin(bench, connection(1).replace(block, f"{block}\n{beside}"), tunnel(1))
    for n in (7, 8, 9):
        bench.carrier.swanctl("--initiate", "--child", f"k{n}")
    bench.gateway.wait_tunnel("t1", "with four", lambda r: len(r["children"]["a1"]) == 4)
    row = bench.gateway.wait_tunnel("t1", "with one", lambda r: len(r["children"].get("a1", [])) == 1)
    assert row["state"] == "up" and "were ended" in row["failure"], row
    assert count(BEGUN, since(bench, mark)) == 1
    bench.gateway.ask("restart t1")
    back_up(bench)


def test_delete_lost(bench):
    """charon loses the job that takes an old CHILD_SA away after a rekey, which is begun by us and by the peer: it goes all the
    same."""
    begin(bench, connection(1), tunnel(1))
    restart_with(bench, "lost_delete")
    begin(bench, connection(1), tunnel(1))
    for side in (bench.gateway, bench.carrier):
        mark = len(bench.gateway.read_log())
        side.swanctl("--rekey", "--child", "a1" if side is bench.gateway else "k1")
        wait_for("the job", lambda m=mark: "not found for delete" in since(bench, m))
        assert len(bench.gateway.report()["t1"]["children"]["a1"]) == 1
        wait_for("the old one to go", lambda m=mark: count("to be taken away", since(bench, m)) == 1)
        wait_for("one CHILD_SA", lambda: count(r"uniqueid=\d+ reqid", bench.gateway.swanctl("--list-sas", "--raw")) == 1)
    restart_with(bench)


def test_delete_late(bench):
    """The peer's DELETE comes when the look at what was rekeyed is near: charon still keeps the old CHILD_SA as long as it would."""
    begin(bench, connection(1), tunnel(1))
    mark = len(bench.gateway.read_log())
    filter_in("gateway", f"{REQUEST} {INFORMATIONAL}")
    bench.carrier.swanctl("--rekey", "--child", "k1")
    wait_for("a lost DELETE", lambda: dropped("gateway") > 0)
    time.sleep(8)  # the look comes 10 s after the rekey, charon's job 5 s after the DELETE
    filter_in("gateway")
    wait_for("the DELETE", lambda: "delay closing of inbound CHILD_SA" in since(bench, mark))
    wait_for("one CHILD_SA", lambda: count(r"uniqueid=\d+ reqid", bench.gateway.swanctl("--list-sas", "--raw")) == 1)
    log = since(bench, mark)
    assert "to be taken away" not in log and "not found for delete" not in log, log


def test_lifetimes_changed(bench):
    """Shorter times act on SAs that exist."""
    mark = begin(bench, connection(1), tunnel(1))
    bench.switch(tunnel(1, child=CHILD))
    wait_for("rekeys by the new times", lambda: count("rekeyed CHILD_SA a1", since(bench, mark)) >= 3, 30)


if __name__ == "__main__":
    names = sys.argv[1:]
    sys.exit(main({n: v for n, v in globals().items() if not names or n in names}, admission=""))
