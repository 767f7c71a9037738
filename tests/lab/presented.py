"""IPv6 through a presented prefix: an APN of the second carrier beside its first one, on a cloud interface of its own.

    dev3 fd00:64::5, which the cloud sees as fd00:81::5 -- carrier2 -- seg
    cloud2: fd00:112::5, of the APN's list, and ::6, which is not == eth3 of the gateway, shared
"""

import netns
import places
import second
import traffic
import wire

SHOWN, PREFIX = "fd00:81::5", "fd00:81::/64"
HOST, OTHER, OWN, CLOUD = "fd00:112::5", "fd00:112::6", "fd00:112::4", "fd00:112::/64"
NAMESPACE, INTERFACE, NAME = "cloud2", "eth3", "sixes"


def apn(tunnel, *ports):
    """The APN's text; ports: those that both sides may send to besides the usual."""
    def lists(usual):
        return ", ".join(map(str, (usual, *ports)))

    return f'''{{ name = "{NAME}"; pool = [ "{second.POOL_SIX}" ]; tunnels = [ "{tunnel}" ];
    cloud = {{ attach = "shared"; interface = "{INTERFACE}"; address = "{OWN}/64"; prefixes = [ "{CLOUD}" ];
        presented_as = [ "{PREFIX}" ]; }};
    services = ( {{ name = "ingest"; host = "{HOST}"; udp = [ {lists(traffic.SERVICE)} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{HOST}"; udp = [ {lists(traffic.DOWNLINK)} ]; }} ); }}'''


def build(lab):
    """Behind second.build(): what dev3 sends by IPv6 goes to the tunnel, wherever it goes to."""
    places.route_six("carrier2", "lan")
    with netns.inside("carrier2"):
        netns.run("nft", "-f", "-", stdin=places.CARRIER_SIX)
    second.pluto.more = {"six": {"pool": second.POOL_SIX, "cloud": CLOUD}}
    netns.run("ip", "netns", "add", NAMESPACE)
    netns.ip(None, f"link add {INTERFACE} type veth peer name eth0 netns {NAMESPACE}")
    netns.ip(NAMESPACE, f"""
        link set lo up
        addr add {HOST}/64 dev eth0 nodad
        addr add {OTHER}/64 dev eth0 nodad
        link set eth0 up
        route add default via {OWN}
    """)
    lab.captures[NAMESPACE] = wire.Capture(NAMESPACE, "eth0")
