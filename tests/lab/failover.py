"""One APN on two carriers: cloud hosts reach the same device by either, and what happens when one of them fails.

The device has two faces: dev1 behind carrier, dev3 behind carrier2, both 10.64.0.5. Numbered datagrams of a cloud host go
to that address all the time; which of the two saw a datagram says which link it took.
"""

import contextlib
import dataclasses
import itertools
import os
import signal
import time

import check
import gateway
import libreswan
import netns
import operators_file
import second
import systemd
import topology as net
import traffic

FIRST, BACKUP = "vf-praha", "vf-brno"


@dataclasses.dataclass(frozen=True)
class Family:
    """The addresses of the APN; source and target of its probes are the gateway's own and the carriers' hosts'."""
    pool: str
    device: str
    cloud: str
    length: int
    host: str
    source: str
    target: str


FOUR = Family(net.POOL, net.DEV1, net.CLOUD_NET, 20, net.CLOUD, net.GATEWAY_CLOUD, net.CARRIER_LAN)
SIX = Family(second.POOL_SIX, second.DEV3_SIX, "fd00:120::/64", 64, "fd00:120::5", "fd00:120::4", second.LAN_SIX)
SOURCE, TARGET = FOUR.source, FOUR.target
PROBE = f'probe = {{ source = "{SOURCE}"; target = "{TARGET}"; }};'
ALONE = 20  # seconds: with the shipped timers charon needs longer than that to give a peer up
RESTORED = 15  # seconds: far beyond what the shipped timers of culvertd need, far below what nothing at all needs
_ports = itertools.count(40061)

# What a broken way between two live ends is: IKE passes, ESP does not.
_NO_ESP = """
table inet broken {
	chain prerouting {
		type filter hook prerouting priority -300;
		meta l4proto esp drop
	}
}
"""


def conf(tunnels=(FIRST, BACKUP), settings=PROBE, family=FOUR):
    names = ", ".join(f'"{name}"' for name in tunnels)
    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "{FIRST}"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; rehearse = false; }} ); }},
  {{ name = "two"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "{BACKUP}"; peer = "{second.CARRIER}"; remote_id = "brno.example.net"; rehearse = false; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{family.pool}" ]; tunnels = [ {names} ];
    cloud = {{ attach = "dedicated"; interface = "eth1"; address = "{family.source}/{family.length}"; prefixes = [ "{family.cloud}" ]; }};
    services = ( {{ name = "ingest"; host = "{family.host}"; udp = [ {traffic.SERVICE} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{family.host}"; udp = [ {traffic.DOWNLINK} ]; }} );
    {settings} }} );
'''


def numbered(family=FOUR):
    """Numbered datagrams of a cloud host to the device, and its answers."""
    return traffic.Stream(traffic.Exchange("cloud", (family.host, next(_ports)), (family.device, traffic.DOWNLINK)))


def state(name):
    return gateway.link(gateway.status(), name=name)


def await_state(name, limit=60, **wanted):
    """Waits until what status says of the link has these values; the last one."""
    last = {}

    def reached():
        last.clear()
        last.update(state(name))
        return all(last.get(key) == value for key, value in wanted.items())

    check.poll(reached, limit, every=0.2)
    return last


def has(link, **wanted):
    return all(link.get(key) == value for key, value in wanted.items())


def _six(lab):
    """The same by IPv6: the first carrier and its device get it as well, and the cloud host."""
    for namespace, interfaces in (("carrier", ("lan1", "wan")), ("dev1", ("eth0",)), ("cloud", ("eth0",))):
        for one in interfaces:
            netns.set_sysctl(namespace, f"net.ipv6.conf.{one}.disable_ipv6", 0)
    netns.set_sysctl("carrier", "net.ipv6.conf.all.forwarding", 1)
    netns.ip("carrier", f"""
        addr add {SIX.target}/64 dev lan1 nodad
        route add {SIX.cloud} dev wan
    """)
    netns.ip("dev1", f"""
        addr add {SIX.device}/64 dev eth0 nodad
        route add default via {SIX.target}
    """)
    netns.ip("cloud", f"""
        addr add {SIX.host}/64 dev eth0 nodad
        route add default via {SIX.source}
    """)
    for one in (libreswan.FIRST, second.pluto):
        one.ends.update(pool=SIX.pool, cloud=SIX.cloud)
    lab.six = [traffic.Echo(namespace, SIX.device, traffic.DOWNLINK) for namespace in ("dev1", "dev3")]


def carriers(lab, family=FOUR):
    second.build(lab)
    if family == SIX:
        _six(lab)
    netns.ip("carrier2", f"route add default via {net.ROUTER}")  # its host answers probes, as the first one's
    lab.other_face = traffic.Echo("dev3", second.DEV3, traffic.DOWNLINK)
    libreswan.start(operators_file.PSK)
    second.pluto.start(operators_file.PSK)


def start(lab, family=FOUR, **how):
    """Both carriers and the gateway, with both links up and the first one in use."""
    carriers(lab, family)
    lab.start_gateway(conf(family=family, **how))
    require_well(lab)


def require_well(lab, limit=60):
    for name, used in ((FIRST, True), (BACKUP, False)):
        link = await_state(name, limit, state="good", used=used)
        lab.require(f"{name} carries{', devices are reached by it' if used else ' and stands by'}",
            has(link, state="good", used=used), link)


def cut(carrier="p1"):
    """The carrier's host is off the segment: nothing answers, nothing says so."""
    netns.ip("seg", f"link set {carrier} down")


def join(carrier="p1"):
    netns.ip("seg", f"link set {carrier} up")


def break_way():
    with netns.inside("carrier"):
        netns.run("nft", "-f", "-", stdin=_NO_ESP)


def mend_way():
    with netns.inside("carrier"):
        netns.run("nft", "destroy", "table", "inet", "broken")


@contextlib.contextmanager
def culvertd_stands_still():
    pid = systemd.main_pid(gateway.CULVERTD)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def charon_is_gone():
    """Killed, and it does not come again."""
    netns.run("systemctl", "mask", "--runtime", gateway.CHARON)
    try:
        os.kill(systemd.main_pid(gateway.CHARON), signal.SIGKILL)
        check.poll(lambda: gateway.status().get("charon") == "down", 10, every=0.1)
        yield
    finally:
        netns.run("systemctl", "unmask", "--runtime", gateway.CHARON)
        systemd.start(gateway.CHARON)


def face(lab, stream, since):
    """By which link the stream's datagrams went after that mark of the two captures: {FIRST}, {BACKUP} or both."""
    seen = set()
    for name, capture in ((FIRST, "dev1"), (BACKUP, "dev3")):
        if lab.captures[capture].find(stream.mark, since[capture]):
            seen.add(name)
    return seen


def marks(lab):
    return {name: lab.captures[name].mark() for name in ("dev1", "dev3")}


class Failure:
    """A failure of the first link under numbered traffic: how long the downlink was gone."""

    def __init__(self, lab, text, family=FOUR):
        self.lab, self.text = lab, text
        self.stream = numbered(family)
        lab.require("numbered datagrams of a cloud host come back", self.stream.await_answers(20))

    def restored(self, limit=RESTORED, backup=BACKUP):
        """The link in use has failed just now. Waits for the backup, checks, ends the stream; the gap in seconds."""
        failed = time.monotonic()
        before = marks(self.lab)
        back = check.poll(lambda: face(self.lab, self.stream, before) >= {backup} and
            any(at > failed for at in list(self.stream.answered.values())), limit, every=0.05)
        flows = back and self.stream.await_answers(20)
        self.lab.check(f"{self.text}: the downlink goes over the backup", flows, "" if flows else state(FIRST))
        lost = self.stream.stop()
        gap = self.stream.longest_gap()
        self.lab.check(f"{self.text}: {gap:.2f} s without an answer, {len(lost)} of {len(self.stream.sent)} lost (bound {limit} s)", gap < limit)
        return gap

    def not_restored(self, seconds=8):
        """The same without culvertd: nothing comes back in that time, several times what it takes."""
        answered = len(self.stream.answered)
        came = self.stream.await_answers(20, seconds)
        self.lab.check(f"{self.text}: nothing comes back in {seconds} s", not came, f"{len(self.stream.answered) - answered} answers")
