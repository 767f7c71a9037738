import socket

import check
import gateway
import netns
import operators_file
import stock
import topology as net
import walls

GATEWAY, CARRIER, STRANGER = "2001:db8::1", "2001:db8::11", "2001:db8::99"
CONF = operators_file.changed({
    'address = "192.0.2.1";': f'address = "{GATEWAY}";',
    'peer = "192.0.2.11";': f'peer = "{CARRIER}";',
})
CARRIER_CONF = f"""
connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {CARRIER}
    remote_addrs = {GATEWAY}
    proposals = {stock.SUITE}
    local {{ auth = psk
        id = {stock.ID} }}
    remote {{ auth = psk
        id = {net.GATEWAY} }}
    children {{ gw {{
        local_ts = {net.POOL}
        remote_ts = {net.CLOUD_NET}
        esp_proposals = {stock.SUITE} }} }} }} }}
secrets {{ ike-gw {{ secret = {operators_file.PSK} }} }}
"""


def _address_all():
    for namespace, interface, address in ((None, "eth0", GATEWAY), ("carrier", "wan", CARRIER), ("inet", "eth0", STRANGER)):
        netns.set_sysctl(namespace, f"net.ipv6.conf.{interface}.disable_ipv6", 0)
        netns.ip(namespace, f"addr add {address}/64 dev {interface} nodad")


def _esp(lab, since):
    """The ends of what was encrypted."""
    return {(one.src, one.dst) for one in lab.outer.frames(since) if one.spi is not None}


def _strangers(lab):
    """Neither IKE nor anything else of theirs gets an answer."""
    with netns.inside("inet"):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sock:
        sock.bind((STRANGER, 500))
        before, mark = gateway.refusals()["outer_stranger"], lab.outer.mark()
        sock.sendto(bytes(28), (GATEWAY, 500))
        counted = check.poll(lambda: gateway.refusals()["outer_stranger"] > before, 10, 0.1)
    answers = [str(one) for one in lab.outer.frames(mark) if one.dst == STRANGER and one.is_ike()]
    lab.check("a stranger's IKE is refused and gets no answer", counted and not answers, answers)


def run(lab):
    _address_all()
    stock.start(CARRIER_CONF)
    lab.start_gateway(CONF)
    before, mark = lab.require_up("the gateway brings the tunnel up"), lab.outer.mark()
    walls.check_allowed(lab)
    ends = _esp(lab, mark)
    lab.check(f"in ESP between {GATEWAY} and {CARRIER}", ends == {(GATEWAY, CARRIER), (CARRIER, GATEWAY)}, ends)
    _strangers(lab)
    code, said = gateway.culvert("rekey", "vf-praha")
    renewed = check.poll(lambda: gateway.spis(gateway.status()) not in (None, gateway.spis(before)), 30)
    lab.check("its keys are renewed", code == 0 and renewed, said)
    walls.check_allowed(lab)

    gateway.configure(CONF.replace('initiator = "gateway";', 'initiator = "carrier";'), {})
    code, said = gateway.culvert("reload")
    lab.require("the gateway waits for the carrier", code == 0, said)
    gateway.culvert("restart", "vf-praha")
    gateway.await_end()
    netns.run("swanctl", "--initiate", "--child", "gw", "--uri", f"unix://{stock.SOCKET}")
    lab.require_up("the carrier brings it up")
    walls.check_allowed(lab)
    code, said = gateway.culvert("verify")
    lab.check("exactly the configured paths exist", code == 0, said)
    walls.check_outer(lab)
