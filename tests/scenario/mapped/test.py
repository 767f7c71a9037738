import errno
import socket

import gateway
import libreswan
import operators_file
import policy
import presented
import second
import sizes
import topology as net
import traffic
import wire

SHOWN1, SHOWN3 = "10.80.0.5", "10.81.0.5"  # dev1 and dev3, which have one address, as the cloud sees them
SILENT = 5690  # an allowed port on which nobody listens


def conf():
    def apn(name, tunnel, shown, host):
        return f'''{{ name = "{name}"; pool = [ "{net.POOL}" ]; tunnels = [ "{tunnel}" ];
    cloud = {{ attach = "shared"; interface = "eth1"; address = "{net.GATEWAY_CLOUD}/20"; prefixes = [ "{net.CLOUD_NET}" ];
        presented_as = [ "{shown}" ]; }};
    services = ( {{ name = "ingest"; host = "{host}"; udp = [ {traffic.SERVICE}, {SILENT} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{host}"; udp = [ {traffic.DOWNLINK}, {SILENT} ]; }} ); }}'''

    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; }} ); }},
  {{ name = "two"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-brno"; peer = "{second.CARRIER}"; remote_id = "brno.example.net"; }} ); }} );
apns = ( {apn("meters", "vf-praha", "10.80.0.0/16", net.CLOUD)}, {apn("buses", "vf-brno", "10.81.0.0/16", net.CLOUD_OTHER)},
  {presented.apn("vf-brno", SILENT)} );
'''


def connected(namespace, source, target, port):
    sock = wire.udp(namespace, source)
    sock.connect((target, port))
    return sock


def refused_port(sock):
    """Whether an ICMP error came for a datagram to a port that is allowed and closed."""
    sock.send(wire.token())
    try:
        sock.recv(100)
    except ConnectionRefusedError:
        return True
    except TimeoutError:
        pass
    return False


def passes(lab):
    up1 = second.exchange("dev1", net.DEV1, net.CLOUD)
    up3 = second.exchange("dev3", second.DEV3, net.CLOUD_OTHER)
    down1 = second.exchange("cloud", net.CLOUD, SHOWN1, traffic.DOWNLINK)
    down3 = second.exchange("cloud", net.CLOUD_OTHER, SHOWN3, traffic.DOWNLINK)
    for text, one, there, shown in (("a device of meters reaches its service", up1, lab.cloud, SHOWN1),
            ("a device of buses with its address and port reaches its own", up3, lab.cloud, SHOWN3),
            ("the cloud reaches the device of meters", down1, lab.dev1, net.CLOUD),
            ("the cloud reaches the device of buses", down3, lab.captures["dev3"], net.CLOUD_OTHER)):
        mark = one.ask()
        seen = there.find(mark) if mark else None
        lab.check(f"{text}; there it comes from {shown}", seen and seen.src == shown, seen or "no answer")
    return up1, up3, down1, down3


def errors(lab):
    for text, sock in (("a device", connected("dev1", net.DEV1, net.CLOUD, SILENT)),
            ("a cloud host", connected("cloud", net.CLOUD, SHOWN1, SILENT)),
            ("the other APN's cloud host", connected("cloud", net.CLOUD_OTHER, SHOWN3, SILENT))):
        with sock:
            lab.check(f"{text} is told by ICMP that a port is closed", refused_port(sock))
    sizes.is_told(lab, "a cloud host to a device", ("cloud", net.CLOUD), (SHOWN1, traffic.DOWNLINK), 1438, SHOWN1,
        lab.cloud)
    sizes.set_mtu(None, "eth1", 1300)
    sizes.is_told(lab, "a device to a cloud interface that takes less", ("dev1", net.DEV1), (net.CLOUD, traffic.SERVICE),
        1300, net.CLOUD, lab.dev1)
    sizes.set_mtu(None, "eth1", 1500)


def six(lab):
    """IPv6 by its presented prefix, both ways; ICMPv6 errors; what is refused."""
    device, host, far = (second.DEV3_SIX, 40021), (presented.HOST, traffic.SERVICE), ("cloud2", "inet", "dev1")
    up = second.exchange("dev3", device[0], host[0])
    down = second.exchange("cloud2", host[0], presented.SHOWN, traffic.DOWNLINK)
    for text, one, there, shown in (("an IPv6 device reaches its service", up, "cloud2", presented.SHOWN),
            ("the cloud reaches the IPv6 device", down, "dev3", presented.HOST)):
        mark = one.ask()
        seen = lab.captures[there].find(mark) if mark else None
        lab.check(f"{text}; there it comes from {shown}", seen and seen.src == shown, seen or "no answer")
    for text, sock in (("an IPv6 device", connected("dev3", device[0], host[0], SILENT)),
            ("its cloud host", connected("cloud2", host[0], presented.SHOWN, SILENT))):
        with sock:
            lab.check(f"{text} is told by ICMPv6 that a port is closed", refused_port(sock))
    sizes.is_told(lab, "its cloud host to the IPv6 device", ("cloud2", host[0]), (presented.SHOWN, traffic.DOWNLINK), 1438,
        presented.SHOWN, lab.captures["cloud2"])
    sizes.set_mtu(None, presented.INTERFACE, 1300)
    sizes.is_told(lab, "an IPv6 device to a cloud interface that takes less", ("dev3", device[0]), host, 1300, presented.OWN,
        lab.captures["dev3"])
    sizes.set_mtu(None, presented.INTERFACE, 1500)
    policy.open_all("carrier2", "dev wan")
    policy.open_all(None)
    for text, source, target in (("IPv6 device to a port that is no service's", device, (host[0], 5999)),
            ("IPv6 device to a host that is no service's", device, (presented.OTHER, host[1])),
            ("IPv6 device to its own presented prefix", device, (presented.SHOWN, traffic.DOWNLINK)),
            ("IPv6 device to the gateway's address", device, (presented.OWN, host[1])),
            ("IPv6 device in its presented name", (presented.SHOWN, device[1]), host)):
        second.refused(lab, text, "dev3", source, target, far, up, second.CARRIER)
    for text, source, target in (("cloud host to a port that is no downlink's", host[0], (presented.SHOWN, 5999)),
            ("another cloud host to the device", presented.OTHER, (presented.SHOWN, traffic.DOWNLINK)),
            ("cloud host to the device's own address", host[0], (second.DEV3_SIX, traffic.DOWNLINK))):
        second.refused(lab, text, "cloud2", (source, 40100), target, ("dev3", "dev1", "inet"), down)
    return up, down


def own_addresses(lab, fence):
    """Nothing of a device comes to a socket of the gateway, in whichever VRF."""
    socks = []
    for vrf in ("culv-v1001", "culv-v1003"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode())
        sock.bind(("", traffic.SERVICE))
        sock.setblocking(False)
        socks.append(sock)
    for target in (net.GATEWAY_CLOUD, net.GATEWAY):
        second.refused(lab, "device to the gateway's own address", "dev1", (net.DEV1, 40100), (target, traffic.SERVICE),
            ("cloud", "dev3", "inet"), fence, net.CARRIER)
    for sock in socks:
        try:
            got = sock.recv(100)
        except OSError as error:
            got = "" if error.errno == errno.EAGAIN else error
        lab.check("a socket of the gateway got nothing", not got, got)
        sock.close()


def run(lab):
    second.build(lab)
    presented.build(lab)
    libreswan.start(operators_file.PSK)
    second.pluto.start(operators_file.PSK)
    lab.start_gateway(conf())
    lab.echoes = [traffic.Echo("cloud", net.CLOUD_OTHER, traffic.SERVICE),
        traffic.Echo("dev3", second.DEV3, traffic.DOWNLINK),
        traffic.Echo("cloud2", presented.HOST, traffic.SERVICE),
        traffic.Echo("dev3", second.DEV3_SIX, traffic.DOWNLINK)]
    for apn, name in (("meters", "vf-praha"), ("buses", "vf-brno"), (presented.NAME, "vf-brno")):
        state = gateway.await_carrying(apn=apn, name=name)
        lab.require(f"the link of {apn} carries", gateway.link(state, apn, name).get("carrying"), state)
    up1, up3, down1, down3 = passes(lab)
    errors(lab)
    policy.carrier_misbehaves()
    policy.gateway_admits_all(1)
    s, d, p = traffic.SERVICE, traffic.DOWNLINK, 40100
    for text, target in (("device to the other APN's service host", (net.CLOUD_OTHER, s)),
            ("device to the other APN's presented prefix", (SHOWN3, d)),
            ("device to its own presented prefix", (SHOWN1, d)), ("device to another device", (net.DEV2, d)),
            ("device to the Internet", (net.INTERNET, s))):
        second.refused(lab, text, "dev1", (net.DEV1, p), target, ("cloud", "dev2", "dev3", "inet"), up1, net.CARRIER)
    second.refused(lab, "device in the other APN's presented name", "dev1", (SHOWN3, p), (net.CLOUD, s),
        ("cloud",), up1, net.CARRIER)
    second.refused(lab, "device of the other APN to this one's host", "dev3", (second.DEV3, p), (net.CLOUD, s),
        ("cloud", "dev1", "inet"), up3, second.CARRIER)
    for text, source, target in (("cloud host to the other APN's device", net.CLOUD, SHOWN3),
            ("the other cloud host to this APN's device", net.CLOUD_OTHER, SHOWN1),
            ("cloud host to the devices' own address", net.CLOUD, net.DEV1)):
        second.refused(lab, text, "cloud", (source, p), (target, d), ("dev1", "dev3", "inet"), down1)
    own_addresses(lab, up1)
    up6, down6 = six(lab)
    code, said = gateway.culvert("reload")
    lab.check("a reload goes well", code == 0, said)
    lab.check("and all works on", up1.ask() and up3.ask() and down1.ask() and down3.ask() and up6.ask() and down6.ask())
