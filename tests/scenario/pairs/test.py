import check
import failover
import gateway
import libreswan
import netns
import operators_file
import second
import systemd
import topology as net
import traffic

# dev1 and dev2 of the first carrier, with the two cloud hosts: four pairs. dev3 behind the backup has dev1's address.
POOLS, CLOUDS = ("10.64.0.4/31", "10.64.0.6/31"), ("10.110.0.4/31", "10.110.0.6/31")
DEVICES = (("dev1", net.DEV1), ("dev2", net.DEV2))
HOSTS = (net.CLOUD, net.CLOUD_OTHER)
PAIRS = {f"pair{n}": {"pool": pool, "cloud": cloud} for n, (pool, cloud) in
    enumerate((pool, cloud) for pool in POOLS for cloud in CLOUDS)}
LOST = "pair1"  # dev1 with the second host
REASON = "SAs for 3 of 4 pairs of selectors only"
# What asks for an SA is lost on its way: exchanges of type 36, CREATE_CHILD_SA.
_NO_CREATE = """
table inet deaf {
	chain input {
		type filter hook input priority 0;
		udp dport 500 @th,208,8 36 drop
	}
}
"""


def conf(tunnels):
    text = failover.conf(tunnels, "hold_down = 5;").replace(f'"{net.POOL}"', ", ".join(f'"{one}"' for one in POOLS)).replace(
        f'prefixes = [ "{net.CLOUD_NET}" ]', "prefixes = [ %s ]" % ", ".join(f'"{one}"' for one in CLOUDS))
    for kind, port, name in (("services", traffic.SERVICE, "ingest"), ("downlink", traffic.DOWNLINK, "firmware")):
        one = f'{{ name = "{name}"; host = "{net.CLOUD}"; udp = [ {port} ]; }}'
        text = text.replace(one, one + f', {{ name = "other"; host = "{net.CLOUD_OTHER}"; udp = [ {port} ]; }}')
    return text.replace("apns = ( {", 'apns = ( { selectors = { children = "each-pair"; };')


def start_carriers(lab):
    second.build(lab)
    for pluto in (libreswan.FIRST, second.pluto):
        pluto.ends.update(PAIRS["pair0"])
        pluto.more = {name: ends for name, ends in PAIRS.items() if name != "pair0"}
        pluto.start(operators_file.PSK)
    lab.echoes = [traffic.Echo("dev2", net.DEV2, traffic.DOWNLINK), traffic.Echo("dev3", second.DEV3, traffic.DOWNLINK),
        traffic.Echo("cloud", net.CLOUD_OTHER, traffic.SERVICE)]
    lab.up = {(name, host): traffic.Exchange(name, (address, 40031 + at), (host, traffic.SERVICE))
        for name, address in DEVICES for at, host in enumerate(HOSTS)}
    lab.down = {(name, host): traffic.Exchange("cloud", (host, 40041 + at), (address, traffic.DOWNLINK))
        for at, (name, address) in enumerate(DEVICES) for host in HOSTS}


def flows(lab, text, but=()):
    lab.check(f"{text}: devices reach hosts, and these them",
        all(one.ask() for which in (lab.up, lab.down) for pair, one in which.items() if pair not in but))


def whole(limit=60, but=0):
    """Whether all pairs, but for so many, get their two SAs."""
    return check.poll(lambda: len(gateway.sas()) == 2 * (len(PAIRS) - but), limit, 0.1)


def refuse(lab):
    """The carrier ends the SA of the pair, and has no other one for it: asked again, it refuses."""
    with netns.inside("carrier"):
        netns.run("nft", "-f", "-", stdin=_NO_CREATE)
    libreswan.FIRST.end(LOST)
    lab.require("the carrier ends the SA of one pair", whole(30, 1), gateway.sas())
    libreswan.FIRST.forget(LOST)
    with netns.inside("carrier"):
        netns.run("nft", "delete", "table", "inet", "deaf")


def ended(lab):
    """The carrier ends one and takes it again: nobody else notices, the link stays in use."""
    others = lab.up["dev2", net.CLOUD]
    stream = traffic.Stream(others)
    before = set(gateway.sas())
    libreswan.FIRST.end(LOST)
    back = check.poll(lambda: not before <= set(gateway.sas()), 30, 0.05) and whole()
    lab.check("the carrier ends the SA of one pair: it is made anew", back, gateway.sas())
    lab.check("with the others as they were", len(before & set(gateway.sas())) == 2 * (len(PAIRS) - 1), gateway.sas())
    lab.check("which lost nothing", not stream.stop())
    others.sock.setblocking(True)
    link = failover.state(failover.FIRST)
    lab.check("the link stays in use", failover.has(link, state="good", used=True), link)
    flows(lab, "then")


def await_reason(used):
    """Status of the link that lacks one pair. Where the carrier was deaf for long, its silence is said before."""
    def said():
        link = failover.state(failover.FIRST)
        return failover.has(link, state="suspect", used=used) and (link.get("reason") or "").startswith(REASON)
    check.poll(said, every=0.2)
    return failover.state(failover.FIRST)


def refused(lab):
    """It refuses one from now on: the backup takes over, until it is there again."""
    refuse(lab)
    link = await_reason(False)
    lab.check("one pair stays without its SA: the link is suspect", failover.has(link, state="suspect", used=False), link)
    lab.check("status says why", (link.get("reason") or "").startswith(REASON), link)
    lab.check("its tunnel says what the carrier has against it", "selectors" in gateway.failure(gateway.await_failure("selectors")),
        gateway.tunnel(gateway.status()))
    lab.check("culvert status is not content", gateway.culvert("status")[0] != 0)
    mark = lab.captures["dev3"].mark()
    token = lab.down["dev1", net.CLOUD_OTHER].ask()
    lab.check("its devices are reached by the backup", token and lab.captures["dev3"].find(token, mark), token)
    libreswan.FIRST.add(LOST)
    link = failover.await_state(failover.FIRST, 120, state="good", used=True)
    lab.check("it is there again: the link is used after its hold-down", failover.has(link, state="good", used=True), link)
    flows(lab, "then")


def alone(lab):
    """The same without a backup: the other pairs go on, and it is told."""
    gateway.configure(conf((failover.FIRST,)), {})
    lab.require("a reload without the backup goes well", gateway.culvert("reload")[0] == 0)
    refuse(lab)
    link = await_reason(True)
    lab.check("without a backup the link stays in use", failover.has(link, state="suspect", used=True, carrying=True), link)
    lab.check("status says why", (link.get("reason") or "").startswith(REASON), link)
    lab.check("and so does the log", f"link meters/{failover.FIRST} is suspect: {REASON}" in systemd.journal(gateway.CULVERTD, "all"))
    flows(lab, "the other pairs", {("dev1", net.CLOUD_OTHER)})
    lab.check("this one does not", not lab.up["dev1", net.CLOUD_OTHER].ask(2) and not lab.down["dev1", net.CLOUD_OTHER].ask(2))
    lab.check("and nothing of it leaves in clear text", not [one for one in lab.outer.frames() if one.src in (net.DEV1, *HOSTS)])


def run(lab):
    start_carriers(lab)
    lab.start_gateway(conf((failover.FIRST, failover.BACKUP)))
    failover.require_well(lab)
    lab.check("four pairs have four CHILD_SAs", whole(), gateway.sas())
    flows(lab, "with all pairs up")
    code, said = gateway.culvert("verify")
    lab.check("verify says exact", code == 0, said)
    ended(lab)
    refused(lab)
    alone(lab)
