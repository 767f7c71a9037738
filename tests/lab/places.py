"""The places that speak and are spoken to in the matrix, and the network that joins them. To that of topology.py come:

    dev3 10.64.0.5, fd00:64::5 -- carrier2 -- seg                    (second.py; the address of dev1 in another APN)
    cloud   VLAN 110: host1 10.110.0.5, host2 .6    VLAN 120: fd00:120::5, ::6
    cloud2  host3 10.112.0.5, host4 .6 == eth3 of the gateway, shared; there dev3 is seen as 10.81.0.5
    admin   10.9.0.9 == eth2 of the gateway, its management

Three APNs by two carriers: meters (dev1, dev2; host1), buses (dev3; host3) with the same pool, sixes (dev3; host1) with
IPv6. host2 and host4 are in no APN's list.
"""

import dataclasses

import libreswan
import netns
import second
import topology as net
from traffic import DOWNLINK, SERVICE

TCP_SERVICE, CLOSED = 8443, 5999
ADMIN, STRANGER, OWN = "10.9.0.9", "10.9.0.10", "10.9.0.5"
HOST3, HOST4, GATEWAY_CLOUD2, NET2 = "10.112.0.5", "10.112.0.6", "10.112.0.4", "10.112.0.0/20"
SHOWN3, SHOWN = "10.81.0.5", "10.81.0.0/16"
SIX_HOST, SIX_OTHER, SIX_GATEWAY, SIX_NET = "fd00:120::5", "fd00:120::6", "fd00:120::4", "fd00:120::/64"
OUTER_MAC = "02:00:00:00:00:01"


@dataclasses.dataclass(frozen=True)
class Place:
    name: str
    namespace: str  # None: the gateway
    interface: str  # what it sends by
    next_hop: tuple  # (namespace, interface) of the other end of that wire: whose MAC its frames go to
    four: str
    six: str
    six_interface: str = ""
    shown: str = ""  # the address by which others know it, if it is another one
    sites: tuple = ()  # where its packets may be seen besides its namespace, on their way to or from the gateway

    def known_as(self, by):
        return self.four if by is self or not self.shown else self.shown


_LAN1, _LAN2, _LAN3 = ("carrier", "lan1"), ("carrier", "lan2"), ("carrier2", "lan")
_VLAN, _SHARED, _OUTER, _MANAGEMENT = (None, "eth1"), (None, "eth3"), (None, "eth0"), (None, "eth2")

DEV1 = Place("dev1", "dev1", "eth0", _LAN1, net.DEV1, "fd00:64:1::5", sites=("carrier",))
DEV2 = Place("dev2", "dev2", "eth0", _LAN2, net.DEV2, "fd00:64:1::6", sites=("carrier",))
DEV3 = Place("dev3", "dev3", "eth0", _LAN3, second.DEV3, second.DEV3_SIX, shown=SHOWN3, sites=("carrier2",))
HOST_1 = Place("host1", "cloud", "v110", _VLAN, net.CLOUD, SIX_HOST, "v120")
HOST_2 = Place("host2", "cloud", "v110", _VLAN, net.CLOUD_OTHER, SIX_OTHER, "v120")
HOST_3 = Place("host3", "cloud2", "eth0", _SHARED, HOST3, "fd00:112::5")
HOST_4 = Place("host4", "cloud2", "eth0", _SHARED, HOST4, "fd00:112::6")
INET = Place("inet", "inet", "eth0", _OUTER, net.INTERNET, "fd00:99::9", sites=("seg",))
ADMIN_ = Place("admin", "admin", "eth0", _MANAGEMENT, ADMIN, "fd00:9::9")
GATEWAY = Place("gateway", None, "", (), net.GATEWAY, SIX_GATEWAY)

PLACES = (DEV1, DEV2, DEV3, HOST_1, HOST_2, HOST_3, HOST_4, INET, ADMIN_, GATEWAY)
GATEWAY_ADDRESSES = (net.GATEWAY, net.GATEWAY_CLOUD, GATEWAY_CLOUD2, OWN)


def conf(*ports):
    """The operator's file; ports: further ones of the service of meters."""
    def lists(host, more=()):
        udp = ", ".join(map(str, (SERVICE, *more)))
        return (f'services = ( {{ name = "ingest"; host = "{host}"; udp = [ {udp} ]; tcp = [ {TCP_SERVICE} ]; }} );\n'
            f'    downlink = ( {{ name = "firmware"; host = "{host}"; udp = [ {DOWNLINK} ]; }} );')

    def tunnel(name, peer, identity):
        return f'tunnels = ( {{ name = "{name}"; peer = "{peer}"; remote_id = "{identity}"; dpd = 5; }} );'

    psk = f'local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";'
    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
management = {{ interface = "eth2"; address = "{OWN}/24"; allow = [ "{ADMIN}" ]; }};
carriers = ( {{ name = "one"; {psk} {tunnel("vf-praha", net.CARRIER, "praha.example.net")} }},
  {{ name = "two"; {psk} {tunnel("vf-brno", second.CARRIER, "brno.example.net")} }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha" ]; icmp = "echo";
    cloud = {{ attach = "vlan"; interface = "eth1"; vlan = 110; address = "{net.GATEWAY_CLOUD}/20";
        prefixes = [ "{net.CLOUD_NET}" ]; }};
    {lists(net.CLOUD, ports)} }},
  {{ name = "buses"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-brno" ];
    cloud = {{ attach = "shared"; interface = "eth3"; address = "{GATEWAY_CLOUD2}/20";
        prefixes = [ "{NET2}" ]; presented_as = [ "{SHOWN}" ]; }};
    {lists(HOST3)} }},
  {{ name = "sixes"; pool = [ "{second.POOL_SIX}" ]; tunnels = [ "vf-brno" ];
    cloud = {{ attach = "vlan"; interface = "eth1"; vlan = 120; address = "{SIX_GATEWAY}/64"; prefixes = [ "{SIX_NET}" ]; }};
    {lists(SIX_HOST)} }} );
'''


LINKS = (("meters", "vf-praha"), ("buses", "vf-brno"), ("sixes", "vf-brno"))
PLUTOS = (libreswan.FIRST, second.pluto)

CARRIER_SIX = """
table ip6 carrier {
	chain forward {
		type filter hook forward priority 0;
		oifname "wan" rt ipsec missing drop
	}
}
"""


def route_six(namespace, *lans):
    """What devices send by IPv6 goes to the tunnel as well, wherever it goes to."""
    netns.run("ip", "-n", namespace, "-6", "route", "add", "default", "dev", "wan", "table", str(net.TABLE_OF_DEVICES))
    for one in lans:
        netns.run("ip", "-n", namespace, "-6", "rule", "add", "iif", one, "lookup", str(net.TABLE_OF_DEVICES), "pref", "100")


def _carriers():
    # The first carrier's devices send IPv6 as well, though no APN of theirs has any.
    for interface in ("lan1", "lan2", "wan"):
        netns.set_sysctl("carrier", f"net.ipv6.conf.{interface}.disable_ipv6", 0)
    netns.set_sysctl("carrier", "net.ipv6.conf.all.forwarding", 1)
    route_six("carrier", "lan1", "lan2")
    route_six("carrier2", "lan")
    with netns.inside("carrier"):
        netns.run("nft", "-f", "-", stdin=CARRIER_SIX)
    second.pluto.ends.update(pool=net.POOL, cloud=NET2)
    second.pluto.more = {"six": {"pool": second.POOL_SIX, "cloud": SIX_NET}}


def lay_vlans():
    """The cloud's addresses stand on VLANs of its interface."""
    netns.ip("cloud", f"""
        addr flush dev eth0
        link add link eth0 name v110 type vlan id 110
        link add link eth0 name v120 type vlan id 120
        addr add {net.CLOUD}/20 dev v110
        addr add {net.CLOUD_OTHER}/20 dev v110
        link set v110 up
        route add default via {net.GATEWAY_CLOUD}
    """)
    netns.set_sysctl("cloud", "net.ipv6.conf.v120.disable_ipv6", 0)
    netns.ip("cloud", f"""
        addr add {SIX_HOST}/64 dev v120 nodad
        addr add {SIX_OTHER}/64 dev v120 nodad
        link set v120 up
        route add default via {SIX_GATEWAY}
    """)


def _clouds():
    lay_vlans()
    _stub("cloud2", "eth3", GATEWAY_CLOUD2, f"{HOST3}/20", f"{HOST4}/20")
    _stub("admin", "eth2", OWN, f"{ADMIN}/24", f"{STRANGER}/24")


def _stub(name, interface, gateway, *addresses):
    """A namespace on an interface of the gateway."""
    netns.run("ip", "netns", "add", name)
    netns.set_sysctl(name, "net.ipv6.conf.default.disable_ipv6", 1)
    netns.set_sysctl(name, "net.ipv4.conf.all.rp_filter", 0)
    netns.set_sysctl(name, "net.ipv4.conf.default.rp_filter", 0)
    netns.ip(None, f"link add {interface} type veth peer name eth0 netns {name}")
    netns.ip(name, "\n".join(["link set lo up", *(f"addr add {one} dev eth0" for one in addresses), "link set eth0 up",
        f"route add default via {gateway}"]))


def build(lab):
    """Beside the network of topology.py, whose captures and echoes of one APN are not needed here."""
    second.build(lab)
    _carriers()
    _clouds()


def namespaces():
    """Every interface of every namespace, by what it is in."""
    return sorted({one.namespace for one in PLACES if one.namespace} | {"carrier", "carrier2", "seg"})


def mac(namespace, interface):
    where = ["-n", namespace] if namespace else []
    words = netns.run("ip", *where, "-o", "link", "show", "dev", interface).split()
    return bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))

