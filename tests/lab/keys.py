"""Ages of keys: keys that are short-lived, an eye on the kernel's SAs, and what still passes with an old key.

How old a key is is counted here by the time since boot, from when the test first saw its SPI: never more than its age.
"""

import contextlib
import re
import subprocess
import threading
import time

import check
import gateway
import netns
import operators_file
import topology
import traffic
import wire

CEILING = 10  # seconds; the tunnel's
GRACE = 15  # seconds behind the ceiling at which culvertd ends a key, at the latest
LIMIT = CEILING + GRACE
LOADED = 4  # seconds that a loaded machine may be late
_SA = re.compile(r"src (\S+) dst (\S+)\n\tproto esp spi 0x([0-9a-f]{8})")


def operators_file_of(rekey=4, ceiling=CEILING, initiator="gateway"):
    """The example with keys that live for seconds, and exchanges that are given up as fast."""
    return operators_file.changed({
        "rekey = { ike = 2760; child = 2400; };":
            f"rekey = {{ ike = {rekey + 1}; child = {rekey}; ceiling = {ceiling}; }};"
            " retransmission = { timeout = 1.0; base = 1.0; tries = 2; };",
        'initiator = "gateway";': f'initiator = "{initiator}";',
    })


def boot_time():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def states():
    """(source, destination, SPI) of the ESP SAs in the gateway's kernel that have keys."""
    text = netns.run("ip", "xfrm", "state", "list", "nokeys")
    blocks = re.split(r"\n(?=src )", text)
    # An SPI that is only reserved has no keys; the kernel gives it up after 30 s.
    return [found.groups() for block in blocks if "Keys hidden" in block and (found := _SA.search(block))]


class Eye(threading.Thread):
    """Looks at the gateway's SAs all the time."""

    EVERY = 0.3  # seconds

    def __init__(self):
        super().__init__(daemon=True)
        self.first, self.last = {}, {}  # SA to seconds since boot: seen for the first time, and the last
        self.most = 0  # SAs at once
        self._end = threading.Event()
        self._look()
        self.start()

    def _look(self):
        before = boot_time()
        seen = states()
        after = boot_time()
        self.most = max(self.most, len(seen))
        for one in seen:
            self.first.setdefault(one, after)
            self.last[one] = before

    def run(self):
        while not self._end.wait(self.EVERY):
            self._look()

    def stop(self):
        self._end.set()
        self.join()

    def ages(self):
        """Seconds that each SA was seen to live."""
        return {one: self.last[one] - self.first[one] for one in self.first}

    def oldest(self):
        return max(self.ages().values(), default=0)


class Offer(threading.Thread):
    """Datagrams in both directions all the time, each with a token of its own."""

    def __init__(self):
        super().__init__(daemon=True)
        self.uplink = traffic.Exchange("dev1", (topology.DEV1, 40031), (topology.CLOUD, traffic.SERVICE))
        self.downlink = traffic.Exchange("cloud", (topology.CLOUD, 40032), (topology.DEV1, traffic.DOWNLINK))
        self.sent = []  # (seconds since boot, token, whether up), in order
        self._end = threading.Event()
        self.start()

    def run(self):
        up = True
        while not self._end.wait(0.05):
            mark = wire.token()
            self.sent.append((boot_time(), mark, up))
            with contextlib.suppress(OSError):  # an ICMP error of an earlier one
                (self.uplink if up else self.downlink).send(mark)
            up = not up

    def stop(self):
        self._end.set()
        self.join()

    def between(self, start, end, up):
        return [mark for at, mark, is_up in self.sent if start <= at < end and is_up == up]


def no_states():
    """Packets that the kernel had no SA for: inwards, outwards."""
    found = {}
    with open("/proc/net/xfrm_stat", encoding="ascii") as lines:
        for line in lines:
            name, _, count = line.partition(" ")
            found[name] = int(count)
    return found.get("XfrmInNoStates", 0), found.get("XfrmOutNoStates", 0)


def pair():
    """The SPIs of the pair that charon uses, if the kernel has both, or None."""
    spis = gateway.spis(gateway.status())
    return spis if spis and set(spis) <= set(gateway.sas()) else None


def established():
    """(IKE_SAs, CHILD_SAs) that charon has in use; those that a rekey has replaced stay for seconds and do not count."""
    text = subprocess.run(("/usr/lib/culvert/sbin/swanctl", "--list-sas", "--raw", "--uri",
        "unix:///run/culvert/charon.vici"), capture_output=True, text=True, timeout=300, check=False).stdout
    return text.count("state=ESTABLISHED"), text.count("state=INSTALLED")


def is_well(lab, text, before=(), limit=90):
    """One IKE_SA and one pair of SAs, none of them among those before; traffic passes both ways."""
    fresh = check.poll(lambda: (one := pair()) and not set(one) & set(before), limit)
    # What the carrier still sends with keys of its own only is lost until the next rekey.
    passes = fresh and all(check.poll(lambda: way.ask(2), limit) for way in (lab.uplink, lab.downlink))
    lab.check(text, passes, (fresh, gateway.tunnel(gateway.status()), gateway.sas()))
    lab.check("there is one IKE_SA and one CHILD_SA", check.poll(lambda: established() == (1, 1), 30), established())


@contextlib.contextmanager
def clock_kept():
    """Whatever is done to the wall clock within is undone."""
    start = time.time() - boot_time()
    try:
        yield
    finally:
        time.clock_settime(time.CLOCK_REALTIME, start + boot_time())


def step_clock(seconds):
    time.clock_settime(time.CLOCK_REALTIME, time.time() + seconds)


def ended_by_culvertd():
    return gateway.status().get("keys_ended", {}).get("count", 0)
