import itertools
import re
import time

import check
import drift
import failover
import gateway
import netns
import operators_file
import stock
import systemd
import topology as net
import traffic

POOLS = [f"10.64.0.{16 * n}/28" for n in range(8)]
CLOUDS = [f"10.110.0.{16 * n}/28" for n in range(8)]
PAIRS = list(itertools.product(POOLS, CLOUDS))
GONE = "XFRM policies of link meters/vf-praha (if_id 1) are gone"
UP, MENDED = 120, 150  # seconds; they are made and renewed one by one
REPLACED = 60  # seconds until those that were replaced are gone


def conf():
    def quoted(prefixes):
        return ", ".join(f'"{one}"' for one in prefixes)

    return failover.conf((failover.FIRST,), 'selectors = { children = "each-pair"; };').replace(
        f'"{net.POOL}"', quoted(POOLS)).replace(f'"{net.CLOUD_NET}"', quoted(CLOUDS))


def start_carrier():
    children = "".join(f"""c{n} {{
        local_ts = {pool}
        remote_ts = {cloud}
        esp_proposals = {stock.SUITE} }}
    """ for n, (pool, cloud) in enumerate(PAIRS))
    stock.start(f"""connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {net.CARRIER}
    remote_addrs = {net.GATEWAY}
    proposals = {stock.SUITE}
    local {{ auth = psk
        id = {stock.ID} }}
    remote {{ auth = psk
        id = {net.GATEWAY} }}
    children {{ {children} }} }} }}
secrets {{ ike-gw {{ secret = "{operators_file.PSK}" }} }}
""")


def policies():
    """How many the first link has."""
    return netns.run("ip", "xfrm", "policy", "list", "nosock").count("if_id 0x1\n")


def orders():
    """What culvertd has asked charon for, in other scenarios of this boot as well."""
    return re.findall(r"charon is asked to (\w+) it", systemd.journal(gateway.CULVERTD, "all"))


def run(lab):
    start_carrier()
    lab.start_gateway(conf())
    lab.require_up()
    lab.require(f"{len(PAIRS)} CHILD_SAs are up", check.poll(lambda: policies() == 3 * len(PAIRS), UP, 0.5), policies())
    link = failover.state(failover.FIRST)
    lab.check("the link was never suspect", failover.has(link, state="good", used=True), link)
    lab.check("traffic flows", lab.uplink.ask() and lab.downlink.ask())
    before, _ = drift.reported()
    ordered = len(orders())
    netns.run("ip", "xfrm", "policy", "flush")
    flushed = time.monotonic()
    lab.check("all policies are deleted: it is told", drift.await_report(before, GONE), drift.reported())
    lab.check("all are back", check.poll(lambda: policies() == 3 * len(PAIRS), MENDED, 0.5), policies())
    print(f"         after {time.monotonic() - flushed:.1f} s")
    lab.check("traffic flows", check.poll(lab.uplink.ask, 30, 0.1) and lab.downlink.ask())
    stream = traffic.Stream()
    stream.await_answers(100)
    lab.check("and goes on", not stream.stop())
    lab.check("charon was asked once, to rekey", orders()[ordered:] == ["rekey"], orders()[ordered:])
    exact = check.poll(lambda: len(gateway.sas()) == 2 * len(PAIRS), REPLACED, 1)
    lab.check("each pair has its SAs, and nothing else is left", exact, f"{len(gateway.sas())} SAs")
