import errno
import socket

import gateway
import libreswan
import operators_file
import policy
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
apns = ( {apn("meters", "vf-praha", "10.80.0.0/16", net.CLOUD)}, {apn("buses", "vf-brno", "10.81.0.0/16", net.CLOUD_OTHER)} );
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
    libreswan.start(operators_file.PSK)
    second.pluto.start(operators_file.PSK)
    lab.start_gateway(conf())
    lab.echoes = [traffic.Echo("cloud", net.CLOUD_OTHER, traffic.SERVICE),
        traffic.Echo("dev3", second.DEV3, traffic.DOWNLINK)]
    for apn, name in (("meters", "vf-praha"), ("buses", "vf-brno")):
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
    code, said = gateway.culvert("reload")
    lab.check("a reload goes well", code == 0, said)
    lab.check("and all works on", up1.ask() and up3.ask() and down1.ask() and down3.ask())
