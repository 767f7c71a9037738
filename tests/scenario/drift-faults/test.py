import os
import re

import assault
import check
import drift
import gateway
import libreswan
import netns
import offers
import operators_file
import preload
import systemd
import topology as net
import traffic
import walls

LINK, SECOND, TABLE = "culv-x1", 2, 1001
NOBODY = "192.0.2.99"
NO_MEMORY = f"{gateway.RUN}/nomem"
EVENTS = 12000  # more than the room that culvertd has for them


CONF = f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; }},
        {{ name = "vf-brno"; peer = "{NOBODY}"; remote_id = "brno.example.net"; initiator = "carrier"; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha", "vf-brno" ];
    cloud = {{ attach = "dedicated"; interface = "eth1"; address = "{net.GATEWAY_CLOUD}/20"; prefixes = [ "{net.CLOUD_NET}" ]; }};
    services = ( {{ name = "ingest"; host = "{net.CLOUD}"; udp = [ {traffic.SERVICE} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{net.CLOUD}"; udp = [ {traffic.DOWNLINK} ]; }} ); }} );
'''


def _drops():
    """Messages that the kernel could not hand to netlink sockets so far."""
    with open("/proc/net/netlink", encoding="ascii") as lines:
        return sum(int(one.split()[8]) for one in lines.readlines()[1:])


def _await_right(lab, right, text):
    left = drift.await_picture(right, 60)
    lab.check(f"{text}: everything is as it was", not left, left)
    lab.check("  and traffic flows", lab.uplink.ask(), "no answer")


def _overrun(lab, right):
    before = _drops()
    with gateway.unwatched():
        netns.ip(None, f"route del {net.POOL} dev {LINK} table {TABLE}\nrule del pref 1000\nlink set {LINK} down")
        netns.run("nft", "flush", "chain", *gateway.TABLE, "from_cloud")
        netns.ip(None, "\n".join(f"link set lo mtu {65536 - at % 2}" for at in range(EVENTS)) + "\nlink set lo mtu 65536")
        netns.run("nft", "-f", "-", stdin="".join(
            "table ip other {}\ndelete table ip other\n" for _ in range(10)))
    lab.check(f"events were lost ({_drops() - before})", _drops() > before, "the room was enough: the test shows nothing")
    _await_right(lab, right, "after lost events")


def _vanish(lab, interface, setup, right):
    netns.run("ip", "netns", "add", "away")
    try:
        netns.ip(None, f"link set {interface} netns away")
        said = check.poll(lambda: [one for one in gateway.status().get("messages", ()) if f"{interface} is missing" in one])
        lab.check(f"{interface} vanishes: culvert status says that it is missing", said, gateway.status().get("messages"))
        netns.ip("away", f"link set {interface} netns 1")
        netns.ip(None, setup)
    finally:
        netns.run("ip", "netns", "del", "away")
    _await_right(lab, right, f"{interface} is back")
    gone = check.poll(lambda: not gateway.status().get("messages"))
    lab.check("  and nothing is missing any more", gone, gateway.status().get("messages"))


def _rest(pid):
    """Whether it waits, and how often it has done so: equal twice, it has done nothing in between."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return re.findall(r"(?:State|\w+_switches):\t(\S+)", file.read())


def _descriptors(pid):
    """How many it has at rest. None while it works, or a process of its own does, which comes and goes with a pipe and a pidfd."""
    folder, rest = f"/proc/{pid}/fd", _rest(pid)
    try:
        names = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except FileNotFoundError:
        return None
    rests = rest[0] == "S" and _rest(pid) == rest and not any("pipe" in name or "pidfd" in name for name in names)
    return len(names) if rests else None


def _resources(pid):
    """Memory (KiB), descriptors and routes."""
    descriptors = check.poll(lambda: _descriptors(pid), every=0.05)
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        memory = int(re.search(r"Pss_Anon:\s+(\d+)", file.read()).group(1))
    routes = len(netns.run("ip", "route", "show", "table", "all").splitlines())
    return memory, descriptors, routes


def _sa(spi):
    """What adds an SA of link 2, and what deletes it."""
    sa = f"src {net.GATEWAY} dst {NOBODY} proto esp spi {spi}"
    algorithms = "mode tunnel enc 'cbc(aes)' 0x" + "11" * 32 + " auth-trunc 'hmac(sha256)' 0x" + "22" * 32 + " 128"
    return f"xfrm state add {sa} {algorithms} if_id {SECOND}", f"xfrm state del {sa}"


def _second():
    return gateway.link(gateway.status(), "meters", "vf-brno")


def _introduce():
    """culvertd learns from the first SA how large a packet link 2 takes, and keeps that."""
    add, delete = _sa(0x1000)
    netns.ip(None, add)
    check.poll(lambda: _second().get("carrying") and (_second().get("mtu") or {}).get("from") == "interface")
    netns.ip(None, delete)
    check.poll(lambda: not _second().get("carrying", True))


def _seen():
    """How often culvertd has said that link 2 begins to carry: it takes together what comes close behind each other."""
    return systemd.journal(gateway.CULVERTD, "all").count("link meters/vf-brno carries")


def _flap(count, first):
    """Link 2 begins and ceases to carry so often, and link 1 is down for a moment."""
    for start in range(first, first + count, 500):
        netns.ip(None, "\n".join(line for spi in range(start, min(start + 500, first + count)) for line in _sa(spi)))
    for _ in range(count // 10):
        netns.ip(None, f"link set {LINK} down\nlink set {LINK} up\nroute del {net.POOL} dev {LINK} table {TABLE}", force=True)


def _flaps(lab, right):
    pid, count = systemd.main_pid(gateway.CULVERTD), lab.count(1000, 20000)
    _flap(200, 0x10000)  # what a first time allocates is no leak
    _await_right(lab, right, "200 flaps")
    before, seen = _resources(pid), _seen()
    _flap(count, 0x20000)
    _await_right(lab, right, f"{count} flaps more")
    after, seen = _resources(pid), _seen() - seen
    lab.check(f"culvertd has followed them ({seen} times it took the link for one that carries)", seen > 0)
    lab.check(f"no descriptor and no route is left over {before} {after}", before[1] and before[1:] == after[1:], (before, after))
    lab.check("and no memory", after[0] - before[0] < 512, (before, after))


def _no_memory(lab, right):
    with preload.into_culvertd("nomem", f"CULVERT_NOMEM={NO_MEMORY}"):
        gateway.await_carrying()
        _introduce()
        with open(NO_MEMORY, "w", encoding="ascii"):
            pass
        before, _ = drift.reported()
        netns.run("nft", "delete", "rule", *gateway.TABLE, "from_device", "handle", drift.handle("from_device", "hairpin"))
        said = drift.await_report(before, "rule of chain from_device deleted")
        messages = gateway.status().get("messages")
        lab.check(f"without memory a repair fails, and is said so: {messages}",
            said and not said["repaired"] and any("nftables" in one and "memory" in one for one in messages), (said, messages))
        gateway.configure(CONF.replace(f"[ {traffic.SERVICE} ]", f"[ {traffic.SERVICE}, 5700 ]"), {})
        code, refused = gateway.culvert("reload")
        lab.check(f"a reload is refused with the reason: {refused.strip()}", code and "memory" in refused, (code, refused))
        attack = assault.Assault(lab, offers.WITHIN + offers.FROM_CLOUD)
        lab.check("the old walls stay in force: what they allow passes", lab.uplink.ask(), "no answer")
        attack.check("meanwhile")
        os.unlink(NO_MEMORY)
        left = drift.await_picture(right, 60)
        lab.check("with memory it is tried again, unasked, and repaired", not left, left)
        lab.check("  and reported", check.poll(lambda: drift.reported()[1][0]["repaired"]), drift.reported())


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(CONF)
    lab.require_up()
    _introduce()
    right = drift.picture()
    _overrun(lab, right)
    _vanish(lab, "eth1", "", right)
    _vanish(lab, "eth0", f"address add {net.GATEWAY}/24 dev eth0\nlink set eth0 up\nroute replace default via {net.ROUTER}", right)
    _flaps(lab, right)
    _no_memory(lab, right)
    walls.check_outer(lab)
