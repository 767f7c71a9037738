"""The lab's network. The root namespace is the gateway with eth0 and eth1; all else are namespaces:

    dev1 10.64.0.5 --lan1-+                               +-- inet 198.51.100.9 (router of the segment: 192.0.2.254)
                          carrier --wan 192.0.2.11-- seg -+
    dev2 10.64.0.6 --lan2-+                               +-- gw == eth0 192.0.2.1 gateway eth1 == cloud 10.110.0.5, .6

The carrier offers everything that devices send, but to itself, to the tunnel; what no tunnel takes it drops, as a
carrier's core does. The address of the gateway's eth1 is set by culvertd.
"""

import netns

CARRIER, GATEWAY = "192.0.2.11", "192.0.2.1"
INTERNET, ROUTER = "198.51.100.9", "192.0.2.254"
DEV1, DEV2, POOL = "10.64.0.5", "10.64.0.6", "10.64.0.0/16"
CARRIER_LAN = "10.64.0.1"
CLOUD, CLOUD_OTHER, GATEWAY_CLOUD, CLOUD_NET = "10.110.0.5", "10.110.0.6", "10.110.0.4", "10.110.0.0/20"
SPOOFED = "10.99.0.1"
INET_MAC = "02:00:00:00:00:09"
NAMESPACES = ("seg", "carrier", "dev1", "dev2", "cloud", "inet")
MORE = ("carrier2", "dev3", "admin", "cloud2", "leases")  # what some scenarios add (second.py, places.py, dhcp.py)
TABLE_OF_DEVICES = 100

# "ipsec missing": no policy takes the packet, so it would leave in clear text.
_CARRIER_RULES = """
table ip carrier {
	chain forward {
		type filter hook forward priority 0;
		oifname "wan" rt ipsec missing counter drop
	}
}
"""


def _links():
    # The gateway's two interfaces stay down: the kernel would send neighbour discovery before there are walls.
    netns.ip(None, """
        link add eth0 address 02:00:00:00:00:01 type veth peer name gw netns seg
        link add eth1 type veth peer name eth0 netns cloud
    """)
    netns.ip("seg", """
        link add sw type bridge mcast_snooping 0
        link add name p1 type veth peer name wan netns carrier
        link add name p2 type veth peer name eth0 netns inet
        link set gw master sw up
        link set p1 master sw up
        link set p2 master sw up
        link set sw up
    """)
    netns.ip("carrier", """
        link add lan1 type veth peer name eth0 netns dev1
        link add lan2 type veth peer name eth0 netns dev2
    """)


def _addresses():
    netns.ip("inet", f"""
        link set eth0 address {INET_MAC} up
        addr add {ROUTER}/24 dev eth0
        addr add {INTERNET}/24 dev eth0
        route add default via {GATEWAY}
    """)
    netns.ip("carrier", f"""
        link set lo up
        addr add {CARRIER}/24 dev wan
        link set wan up
        addr add {CARRIER_LAN}/32 dev lan1
        addr add {CARRIER_LAN}/32 dev lan2
        link set lan1 up
        link set lan2 up
        route add {DEV1}/32 dev lan1
        route add {DEV2}/32 dev lan2
        route add default via {ROUTER}
        route add default via {GATEWAY} table {TABLE_OF_DEVICES}
        rule add iif lan1 lookup {TABLE_OF_DEVICES} pref 100
        rule add iif lan2 lookup {TABLE_OF_DEVICES} pref 100
    """)
    for name, address in (("dev1", DEV1), ("dev2", DEV2)):
        netns.ip(name, f"""
            link set lo up
            addr add {address}/32 dev eth0
            link set eth0 up
            route add {CARRIER_LAN}/32 dev eth0
            route add default via {CARRIER_LAN}
        """)
    netns.ip("cloud", f"""
        link set lo up
        addr add {CLOUD}/20 dev eth0
        addr add {CLOUD_OTHER}/20 dev eth0
        link set eth0 up
        route add default via {GATEWAY_CLOUD}
    """)
    netns.ip(None, f"addr add {GATEWAY}/24 dev eth0")


def build():
    for name in NAMESPACES:
        netns.run("ip", "netns", "add", name)
        netns.set_sysctl(name, "net.ipv6.conf.default.disable_ipv6", 1)
        # The new namespaces' own interfaces do not filter by source: spoofing is for the gateway to stop.
        netns.set_sysctl(name, "net.ipv4.conf.all.rp_filter", 0)
        netns.set_sysctl(name, "net.ipv4.conf.default.rp_filter", 0)
    _links()
    _addresses()
    netns.set_sysctl("carrier", "net.ipv4.ip_forward", 1)
    netns.set_sysctl("carrier", "net.ipv4.conf.all.send_redirects", 0)
    with netns.inside("carrier"):
        netns.run("nft", "-f", "-", stdin=_CARRIER_RULES)


def plug_in():
    """The gateway's cables: its outer interface comes up, its cloud interface is left to culvertd."""
    netns.ip(None, f"""
        link set eth0 up
        route replace default via {ROUTER}
    """)


def remove():
    for name in ("eth0", "eth1", "eth2", "eth3"):  # at once; with the namespace alone they would go some time later
        netns.ip(None, f"link del {name}", force=True)
    for name in set(netns.names()) & set(NAMESPACES + MORE):
        netns.run("ip", "netns", "del", name)
