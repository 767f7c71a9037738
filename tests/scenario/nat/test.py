import gateway
import libreswan
import netns
import operators_file
import topology as net

OWN, ROUTER = "10.19.0.5", "10.19.0.1"
CONF = operators_file.changed({
    'address = "192.0.2.1";': f'address = "{OWN}"; public_address = "{net.GATEWAY}";',
})
# As a cloud's router does: one address for the other, ports as they are.
_NAT = f"""
table ip nat {{
	chain in {{ type nat hook prerouting priority dstnat; iifname "sw" ip daddr {net.GATEWAY} dnat to {OWN}; }}
	chain out {{ type nat hook postrouting priority srcnat; oifname "sw" ip saddr {OWN} snat to {net.GATEWAY}; }}
}}
"""


def _stand_behind_nat():
    """The segment's namespace becomes the router: what was the gateway's port of the bridge is its inside."""
    netns.ip("seg", f"""
        link set gw nomaster
        addr add {ROUTER}/24 dev gw
        addr add {net.GATEWAY}/24 dev sw
    """)
    netns.set_sysctl("seg", "net.ipv4.ip_forward", 1)
    with netns.inside("seg"):
        netns.run("nft", "-f", "-", stdin=_NAT)
    netns.ip(None, f"""
        addr del {net.GATEWAY}/24 dev eth0
        addr add {OWN}/24 dev eth0
        route replace default via {ROUTER}
    """)


def _carries(lab, who):
    mark = lab.outer.mark()
    lab.check(f"{who}: device and service reach each other", lab.uplink.ask() and lab.downlink.ask())
    frames = [one for one in lab.outer.frames(mark) if one.src in (OWN, net.CARRIER) and one.dst in (OWN, net.CARRIER)]
    ports = {(one.sport, one.dport) for one in frames if one.proto is not None}
    lab.check(f"{who}: all in UDP, port 4500", ports == {(4500, 4500)}, [str(one) for one in frames][:5])


def run(lab):
    _stand_behind_nat()
    libreswan.start(operators_file.PSK)
    lab.start_gateway(CONF)
    before = lab.require_up("the gateway brings the tunnel up")
    lab.check("status has nothing to say against it", not gateway.failure(before), gateway.tunnel(before))
    _carries(lab, "the gateway began")
    code, said = gateway.culvert("rekey", "vf-praha")
    lab.check("a rekey is begun", code == 0, said)
    _carries(lab, "rekeyed")

    gateway.configure(CONF.replace('initiator = "gateway";', 'initiator = "carrier";'), {})
    code, said = gateway.culvert("reload")
    lab.require("the gateway waits for the carrier", code == 0, said)
    gateway.culvert("restart", "vf-praha")
    gateway.await_end()
    libreswan.initiate()
    lab.require_up("the carrier brings it up")
    _carries(lab, "the carrier began")
    code, said = gateway.culvert("verify")
    lab.check("exactly the configured paths exist", code == 0, said)
