import check
import failover
import gateway
import libreswan
import netns
import operators_file
import sizes
import systemd
import topology as net
import traffic

TCP, OCTETS = 8443, 200000
WHOLE, OUTER = 1438, 1400  # inside where all is well; outside where it is not
TRUTH, STEP = 1326, 4  # inside then; MTU_SEARCH_STEP
SEARCH = 120  # seconds: several times what a search takes

_HOLE = f"""
table bridge hole {{
	chain forward {{
		type filter hook forward priority 0;
		ip protocol esp ip length > {OUTER} counter drop
	}}
}}
"""
# What reaches the target whole and is thrown away there.
_DEAF = """
table inet deaf {
	chain input {
		type filter hook input priority 0;
		icmp type echo-request meta length > 1000 counter drop
	}
}
"""


def conf(measure):
    services = f'name = "all"; host = "{net.CLOUD}"; udp = [ {traffic.DOWNLINK} ]; tcp = [ {TCP} ];'
    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; rehearse = false; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha" ]; hold_down = 1;
    cloud = {{ attach = "dedicated"; interface = "eth1"; address = "{net.GATEWAY_CLOUD}/20"; prefixes = [ "{net.CLOUD_NET}" ]; }};
    services = ( {{ {services} }} ); downlink = ( {{ {services} }} );
    probe = {{ source = "{net.GATEWAY_CLOUD}"; target = "{net.CARRIER_LAN}"; measure = {measure}; }}; }} );
'''


def rules(namespace, text):
    with netns.inside(namespace):
        netns.run("nft", "-f", "-", stdin=text)


def no_rules(namespace, *table):
    with netns.inside(namespace):
        netns.run("nft", "destroy", "table", *table)


def transfer(*ends):
    try:
        return sizes.transfer(*ends, OCTETS)
    except OSError:
        return 0


def tcp(lab, text, passes=True):
    for way, start, end in (("device to service", ("dev1", net.DEV1), (net.CLOUD, TCP)),
            ("cloud to device", ("cloud", net.CLOUD), (net.DEV1, TCP))):
        count = transfer(*start, end)
        lab.check(f"{text}: {OCTETS} octets by TCP, {way}, {'arrive' if passes else 'do not'}", (count == OCTETS) == passes, count)


def mtu():
    return sizes.mtu_of(gateway.status())


def measured(lab, text):
    seen = {}

    def is_it():
        seen.update(mtu())
        return seen.get("from") == "measured"

    check.poll(is_it, SEARCH, 0.5)
    inner = seen.get("inner", 0)
    lab.require(f"{text}: {inner} octets are measured, less than {STEP} below the truth, {TRUTH}",
        seen.get("from") == "measured" and TRUTH - STEP < inner <= TRUTH, seen)
    lab.check("the interface has it", sizes.interface_mtu("culv-x1") == inner, sizes.interface_mtu("culv-x1"))
    return inner


def refusals():
    return systemd.journal(gateway.CULVERTD, "all").count("link meters/vf-praha is not measured")


def segments():
    return netns.run("nft", "list", "map", *gateway.TABLE, "segment")


def again(lab):
    """The link fails and is well again, which has it measured anew."""
    failover.cut()
    lab.require("cut off, the link is suspect", failover.has(failover.await_state("vf-praha", state="suspect"), state="suspect"))
    failover.join()
    link = failover.await_state("vf-praha", state="good")
    lab.require("and good again", failover.has(link, state="good"), link)


def still_narrow(lab, inner):
    """Larger packets are tried again; TCP keeps to what was measured."""
    again(lab)
    whole = {"inner": WHOLE, "outer": 1500, "from": "interface"}
    seen = sizes.await_mtu(WHOLE)
    lab.check("while it is measured anew the link takes all sizes", seen == whole, seen)
    lab.check("but TCP's", f": {inner - 40} }}" in segments(), segments())
    tcp(lab, "meanwhile")
    measured(lab, "the way has not changed")


def run(lab):
    lab.sinks = [sizes.Sink("cloud", net.CLOUD, TCP), sizes.Sink("dev1", net.DEV1, TCP)]
    libreswan.start(operators_file.PSK)
    rules("seg", _HOLE)
    lab.start_gateway(conf("false"))
    lab.require_up()
    lab.check("nobody says that the way is narrow", sizes.await_mtu(WHOLE).get("inner") == WHOLE, mtu())
    tcp(lab, "without measuring", passes=False)
    lab.check("nothing was measured", mtu().get("from") == "interface", mtu())
    gateway.configure(conf("true"), {})
    code, said = gateway.culvert("reload")
    lab.require("a reload to measuring goes well", code == 0, said)
    inner = measured(lab, "large packets get lost")
    tcp(lab, "measured")
    said = systemd.journal(gateway.CULVERTD, "all")
    lab.check("culvertd's log says so", f"packets of more than {inner} octets get lost on the way" in said)
    still_narrow(lab, inner)
    no_rules("seg", "bridge", "hole")
    again(lab)
    whole = {"inner": WHOLE, "outer": 1500, "from": "interface"}
    lab.check("the way is wide again, and that is found", sizes.await_mtu(WHOLE, SEARCH) == whole, mtu())
    lab.check("for TCP as well", check.poll(lambda: f": {WHOLE - 40} }}" in segments(), SEARCH, 0.5), segments())
    tcp(lab, "wide again")
    rules("carrier", _DEAF)
    before = refusals()
    again(lab)
    told = check.poll(lambda: refusals() > before, SEARCH, 0.5)
    lab.check("a target that drops large pings is no measure", told and mtu() == whole, mtu())
