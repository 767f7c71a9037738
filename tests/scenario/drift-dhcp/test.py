import assault
import check
import gateway
import libreswan
import netns
import operators_file
import topology as net
import walls

OTHER = "192.0.2.77"
# The carrier knows the gateway by its identity, not by its address.
CARRIER = libreswan.Pluto("carrier", libreswan.UNIT, libreswan.FOLDER, address=net.CARRIER, identity="praha.example.net",
    pool=net.POOL, gateway="%any", gateway_id=net.GATEWAY)


def _sources():
    """Addresses that the gateway's SAs come from and go to, but for the carrier's."""
    listing = netns.run("ip", "xfrm", "state", "list", "nokeys").split()
    ends = [listing[at + 1] for at, word in enumerate(listing[:-1]) if word in ("src", "dst")]
    return {one for one in ends if one != net.CARRIER}


def _change(lab, old, new):
    """As a DHCP client does when it is given another lease."""
    before = gateway.spis(gateway.status())
    attack = assault.Assault(lab)
    netns.ip(None, f"address del {old}/24 dev eth0\naddress add {new}/24 dev eth0\nroute replace default via {net.ROUTER}")
    # Far less than it takes to give up a peer that does not answer, or to wait for its answer to a DELETE: a minute.
    fresh = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before), 20)
    lab.check(f"{old} becomes {new}: the tunnel comes up from there", fresh, gateway.status())
    only = check.poll(lambda: _sources() == {new})
    lab.check("no SA of the old address remains", only, _sources())
    lab.require_up("  the link carries")
    lab.check("  and traffic flows", lab.uplink.ask() and lab.downlink.ask(), "no answer")
    attack.check("meanwhile")


def run(lab):
    CARRIER.start(operators_file.PSK)
    lab.start_gateway(operators_file.changed({'address = "192.0.2.1"': 'address = "dhcp"'}))
    lab.require_up()
    lab.check("traffic flows", lab.uplink.ask(), "no answer")
    _change(lab, net.GATEWAY, OTHER)
    _change(lab, OTHER, net.GATEWAY)
    walls.check_outer(lab)
