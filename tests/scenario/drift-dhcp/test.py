import json

import assault
import check
import dhcp
import drift
import gateway
import libreswan
import netns
import operators_file
import topology as net
import traffic
import walls

OTHER = "192.0.2.77"
BRIEF, LONG = 20, 600  # seconds of a lease
# The carrier knows the gateway by its identity, not by its address.
CARRIER = libreswan.Pluto("carrier", libreswan.UNIT, libreswan.FOLDER, address=net.CARRIER, identity="praha.example.net",
    pool=net.POOL, gateway="%any", gateway_id=net.GATEWAY)


def _sources():
    """Addresses that the gateway's SAs come from and go to, but for the carrier's."""
    listing = netns.run("ip", "xfrm", "state", "list", "nokeys").split()
    ends = [listing[at + 1] for at, word in enumerate(listing[:-1]) if word in ("src", "dst")]
    return {one for one in ends if one != net.CARRIER}


def _is_only(address):
    listing = json.loads(netns.run("ip", "-j", "-4", "address", "show", "dev", "eth0"))
    return [one["local"] for link in listing for one in link.get("addr_info", ())] == [address]


def _ours():
    """What culvertd keeps, without what the client has to do with: the outer interface."""
    return [one for one in drift.picture() if "eth0" not in one]


def _await_address(lab, address, how):
    there = check.poll(lambda: _is_only(address), every=0.1)
    lab.require(f"{how}: the machine has {address}", there, netns.run("ip", "-4", "address", "show", "dev", "eth0"))


def _begin(lab, server):
    """There is no address before there is a cable and a server."""
    lab.check("without a lease nothing is up", not gateway.link(gateway.status()).get("carrying"), gateway.status())
    server.give(net.GATEWAY, BRIEF)
    dhcp.put_cable_in()  # not only a server: a client that has asked in vain for long asks seldom
    _await_address(lab, net.GATEWAY, "cable and server come")
    lab.require_up()
    lab.check("traffic flows", lab.uplink.ask(), "no answer")


def _change(lab, server, right, old, new, how):
    """The server has another address for the machine, which learns of it in that way."""
    before = gateway.spis(gateway.status())
    attack = assault.Assault(lab)
    # What may flow, and has nothing to flow through for a while.
    streams = (traffic.Stream(), traffic.Stream(traffic.Exchange("cloud", (net.CLOUD, 0), (net.DEV1, traffic.DOWNLINK))))
    server.give(new, LONG)
    if how == "the cable was out":
        dhcp.take_cable_out()
        check.poll(lambda: not _is_only(old))
        dhcp.put_cable_in()
    _await_address(lab, new, how)
    # Far less than it takes to give up a peer that does not answer, or to wait for its answer to a DELETE: a minute.
    fresh = check.poll(lambda: gateway.spis(gateway.status()) not in (None, before), 20)
    lab.check(f"{old} becomes {new}: the tunnel comes up from there", fresh, gateway.status())
    only = check.poll(lambda: _sources() == {new})
    lab.check("no SA of the old address remains", only, _sources())
    lab.require_up("  the link carries")
    flows = [one.await_answers(20) for one in streams]
    lost = [f"{len(one.stop())} of {len(one.sent)}" for one in streams]
    lab.check(f"  and traffic flows both ways ({', '.join(lost)} lost meanwhile)", all(flows), flows)
    attack.check("meanwhile")
    left = check.poll(lambda: drift.difference(right, _ours()) == []) or drift.difference(right, _ours())
    lab.check("  and the client has left what is culvertd's as it was", left is True, left)
    lab.check("  which culvertd did not have to mend", drift.reported()[0] == 0, drift.reported())


def run(lab):
    server = dhcp.build()
    CARRIER.start(operators_file.PSK)
    lab.start_gateway(operators_file.changed({'address = "192.0.2.1"': 'address = "dhcp"'}))
    _begin(lab, server)
    right = _ours()
    _change(lab, server, right, net.GATEWAY, OTHER, "the lease is over")
    _change(lab, server, right, OTHER, net.GATEWAY, "the cable was out")
    walls.check_outer(lab, dhcp=True)
