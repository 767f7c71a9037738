import select

import gateway
import libreswan
import netns
import operators_file
import policy
import second
import topology as net
import traffic
import wire

ADMIN, STRANGER, OWN = "10.9.0.9", "10.9.0.10", "10.9.0.5"
SSH, SNMP, DNS = 2222, 1161, 53


def conf():
    return operators_file.changed({f'address = "{net.GATEWAY}"':
        f'address = "dhcp"; resolvers = [ "{net.ROUTER}" ]'}) + f'''
management = {{ interface = "eth2"; address = "{OWN}/24"; allow = [ "{ADMIN}" ]; }};
'''


def build(lab):
    netns.run("ip", "netns", "add", "admin")
    netns.set_sysctl("admin", "net.ipv6.conf.default.disable_ipv6", 1)
    netns.ip(None, "link add eth2 type veth peer name eth0 netns admin")
    netns.ip("admin", f"""
        link set lo up
        addr add {ADMIN}/24 dev eth0
        addr add {STRANGER}/24 dev eth0
        link set eth0 up
        route add default via {OWN}
    """)
    lab.captures["admin"] = wire.Capture("admin", "eth0")


def nothing_in(sock):
    return not select.select([sock], [], [], 0)[0]


def check_input(lab):
    """sock of the gateway on all its addresses: who gets a datagram to it?"""
    sock = wire.udp(None, "", SNMP)
    mark = wire.token()
    ask = traffic.Exchange("admin", (ADMIN, 40001), (OWN, SNMP))
    ask.send(mark)
    got, sender = sock.recvfrom(100)
    lab.check("who is allowed reaches a service of the gateway", got == mark)
    sock.sendto(got, sender)
    lab.check("and gets its answer", ask.await_answer(mark))
    for text, namespace, source, target in (
            ("who is not allowed does not reach it", "admin", STRANGER, OWN),
            ("a device does not reach it", "dev1", net.DEV1, OWN),
            ("a cloud host does not reach it", "cloud", net.CLOUD, OWN),
            ("the Internet does not reach it", "inet", net.INTERNET, OWN),
            ("the Internet in an administrator's name does not reach it", "inet", ADMIN, OWN),
            ("the Internet does not reach it by the outer address", "inet", net.INTERNET, net.GATEWAY)):
        mark = wire.token()
        if namespace == "inet":
            lab.sent_in_clear.add(mark)
        wire.send_as(namespace, (source, 40100), (target, SNMP), mark)
        fence = {"dev1": lab.uplink, "cloud": lab.downlink}.get(namespace)
        for _ in range(2):
            lab.require("what was sent behind is back", fence.ask() if fence else
                wire.ping(namespace, OWN) if namespace == "admin" else wire.arping(namespace, "eth0", net.GATEWAY))
        lab.check(text, lab.captures[namespace].find(mark) and nothing_in(sock), "it arrived, or was never sent")
    sock.close()


def check_tcp(lab):
    listener = wire.tcp(None, OWN, SSH)
    listener.listen(5)
    with wire.tcp("admin", ADMIN) as client:
        client.connect((OWN, SSH))
        lab.check("an administrator can open a connection", listener.accept()[1][0] == ADMIN)
    with wire.tcp("admin", STRANGER) as client:
        before = gateway.refusals()["management_in"]
        client.settimeout(2)
        try:
            client.connect((OWN, SSH))
            connected = True
        except TimeoutError:
            connected = False
        lab.check("who is not allowed cannot", not connected and gateway.refusals()["management_in"] > before)
    listener.close()


class Pings:
    """A fence: from the administrator to the gateway and back."""

    def ask(self):
        return wire.ping("admin", OWN)


def check_forward(lab):
    for text, target in (("to the cloud", (net.CLOUD, 5684)), ("to a device", (net.DEV1, 5683)),
            ("to the Internet", (net.INTERNET, 5684))):
        second.refused(lab, f"the administrator {text} through the gateway", "admin", (ADMIN, 40100), target,
            ("cloud", "dev1", "outer", "inet"), Pings())
    policy.carrier_misbehaves()
    policy.gateway_admits_all(1)
    for text, target in (("administrator", ADMIN), ("management address", OWN)):
        second.refused(lab, f"device to the {text}", "dev1", (net.DEV1, 40100), (target, 5684),
            ("admin", "cloud", "inet"), lab.uplink, net.CARRIER)
    second.refused(lab, "cloud host to the administrator", "cloud", (net.CLOUD, 40100), (ADMIN, 5684),
        ("admin", "dev1", "inet"), lab.downlink)


def check_outside(lab):
    server = traffic.Echo("inet", net.ROUTER, DNS)
    asks = traffic.Exchange(None, (net.GATEWAY, 0), (net.ROUTER, DNS))
    mark = asks.ask()
    lab.check("the gateway can ask its resolver", mark)
    lab.sent_in_clear.add(mark)
    other = wire.udp(None, net.GATEWAY, 5353)
    dhcp = wire.udp(None, "", 68)
    for text, source, target, sock, arrives in (
            ("what the resolver sends unasked does not arrive", (net.ROUTER, DNS), (net.GATEWAY, 5353), other, False),
            ("the answer of a DHCP server does", (net.ROUTER, 67), (net.GATEWAY, 68), dhcp, True),
            ("and what others send to that port does not", (net.ROUTER, 1067), (net.GATEWAY, 68), dhcp, False)):
        mark = wire.token()
        lab.sent_in_clear.add(mark)
        wire.send_as("inet", source, target, mark)
        lab.require("what was sent behind is back", all(wire.arping("inet", "eth0", net.GATEWAY) for _ in range(2)))
        got = b"" if nothing_in(sock) else sock.recv(100)
        lab.check(text, lab.inet.find(mark) and got == (mark if arrives else b""), got)
    other.close()
    dhcp.close()
    return server


def flows():
    with open("/proc/sys/net/netfilter/nf_conntrack_count", encoding="ascii") as count:
        return int(count.read())


def check_flows(lab):
    """Where peers are not known, IKE is heard from everybody; in the resolver's name as well, and no flow comes of it."""
    many = range(20000, 20100)
    mark = wire.token()
    lab.sent_in_clear.add(mark)
    with gateway.unwatched():
        netns.run("nft", "add", "element", *gateway.TABLE, "anyone", "{ ipv4 }")
        before = flows()
        for port in many:
            wire.send_as("inet", (net.ROUTER, port), (net.GATEWAY, 500), mark)
        lab.require("what was sent behind is back", all(wire.arping("inet", "eth0", net.GATEWAY) for _ in range(2)))
        grown = flows() - before
        netns.run("nft", "delete", "element", *gateway.TABLE, "anyone", "{ ipv4 }")
    lab.check("IKE in the resolver's name fills no table of flows", lab.inet.find(mark) and grown < len(many) / 2, grown)


def run(lab):
    build(lab)
    libreswan.start(operators_file.PSK)
    lab.start_gateway(conf())
    lab.require_up("with the outer address that the interface has, the link carries")
    lab.check("the management address is there", gateway.has_address("eth2", f"{OWN}/24"))
    check_tcp(lab)
    check_input(lab)
    check_forward(lab)
    check_outside(lab)
    check_flows(lab)
    lab.check("devices and cloud are served as ever", lab.uplink.ask() and lab.downlink.ask())
