import socket
import struct

import check
import frame
import gateway
import libreswan
import netns
import operators_file
import packets
import second
import sizes
import systemd
import topology as net
import traffic

TCP, OCTETS = 8443, 200000


def conf(encapsulation):
    service = f'host = "{net.CLOUD}"; udp = [ {traffic.SERVICE} ]; tcp = [ {TCP} ];'
    downlink = f'host = "{net.CLOUD}"; udp = [ {traffic.DOWNLINK} ]; tcp = [ {TCP} ];'
    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; encapsulation = "{encapsulation}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha" ];
    cloud = {{ attach = "dedicated"; interface = "eth1"; address = "{net.GATEWAY_CLOUD}/20"; prefixes = [ "{net.CLOUD_NET}" ]; }};
    services = ( {{ name = "ingest"; {service} }} ); downlink = ( {{ name = "firmware"; {downlink} }} ); }} );
'''


def is_known(lab, text, inner, outer, source, between=lambda: None):
    seen = sizes.await_mtu(inner, between=between)
    lab.check(f"{text}: {inner} octets inside, {outer} outside by {source}",
        seen == {"inner": inner, "outer": outer, "from": source}, seen)
    lab.check("the interface has it", check.poll(lambda: sizes.interface_mtu("culv-x1") == inner, 10, 0.1),
        sizes.interface_mtu("culv-x1"))


def encrypted(lab, since):
    return [one for one in lab.outer.frames(since) if second._is_esp(one) or sizes.is_fragment(one)]


def tcp_fits(lab, inner, outer, clamped=True):
    """Both ends of a connection in each direction are told of the link; what they send fits as a whole."""
    for text, start, end, here, there in (
            ("a device to its service", ("dev1", net.DEV1), (net.CLOUD, TCP), lab.dev1, lab.cloud),
            ("the cloud to a device", ("cloud", net.CLOUD), (net.DEV1, TCP), lab.cloud, lab.dev1)):
        marks = here.mark(), there.mark(), lab.outer.mark()
        count = sizes.transfer(*start, end, OCTETS)
        told = sizes.segment_sizes(there, marks[1], start[1]), sizes.segment_sizes(here, marks[0], end[0])
        wanted = inner - 40 if clamped else 1460
        lab.check(f"{text}, TCP: both are told of segments of {wanted} octets",
            all(one and set(one) == {wanted} for one in told), told)
        outside = encrypted(lab, marks[2])
        taken_apart = [str(one) for one in outside if sizes.is_fragment(one)]
        largest = max((sizes.length(one) for one in outside), default=0)
        if clamped:
            lab.check(f"{OCTETS} octets each way arrive, outside in whole packets of {largest} octets at most",
                count == OCTETS and not taken_apart and outer - 16 < largest <= outer, (count, taken_apart[:5], largest))


def udp_is_told(lab, inner):
    sizes.is_told(lab, "a cloud host to a device", ("cloud", net.CLOUD), (net.DEV1, traffic.DOWNLINK), inner, net.GATEWAY_CLOUD,
        lab.cloud)
    sizes.set_mtu(None, "eth1", 1300)
    sizes.is_told(lab, "a device to a cloud interface that takes less", ("dev1", net.DEV1), (net.CLOUD, traffic.SERVICE), 1300,
        net.GATEWAY_CLOUD, lab.dev1)
    sizes.set_mtu(None, "eth1", 1500)
    netns.run("ip", "-n", "dev1", "route", "flush", "cache")


def router(lab):
    """A router on the way takes less: the kernel learns it of ESP packets, and everything follows."""
    push = sizes.udp_df("cloud", net.CLOUD, (net.DEV1, traffic.DOWNLINK))

    def send():
        try:
            push.send(b"x" * 1400)
        except OSError:
            pass

    sizes.narrow(1400)
    mark = lab.outer.mark()
    is_known(lab, "a router on the way takes 1400", 1326, 1400, "path", send)
    told = [one for one in lab.outer.frames(mark) if sizes.too_big(one)]
    lab.check("it was the router's ICMP error that said so", told and {one.src for one in told} == {net.ROUTER}, told)
    push.close()
    sizes.is_told(lab, "a cloud host to a device", ("cloud", net.CLOUD), (net.DEV1, traffic.DOWNLINK), 1326, net.GATEWAY_CLOUD,
        lab.cloud)
    tcp_fits(lab, 1326, 1400)
    said = systemd.journal(gateway.CULVERTD, "all")
    lab.check("culvertd's log has it", "link meters/vf-praha takes packets of 1326 octets; outside 1400 (path)" in said)
    systemd.stop(gateway.CULVERTD)
    systemd.start(gateway.CULVERTD)
    is_known(lab, "another culvertd finds the same", 1326, 1400, "path")


def forge(octets):
    """A host on the Internet says that the way from the gateway to the carrier takes no more than that."""
    quoted = packets.udp(net.GATEWAY, net.CARRIER, 4500, 4500, b"\1" * 8)
    said = packets.icmp(net.INTERNET, net.GATEWAY, packets.UNREACHABLE, struct.pack("!HH", 0, octets), 4, quoted)
    with netns.inside("inet"), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(said, (net.GATEWAY, 0))


def forged(lab):
    """With ESP in UDP the kernel believes such an error; below what every way takes it believes nothing."""
    is_known(lab, "somebody says that the way takes 552", 1198, 1280, "path", lambda: forge(552))
    netns.run("ip", "route", "flush", "cache")
    is_known(lab, "and when that is forgotten", 1422, 1500, "interface")
    netns.set_sysctl(None, "net.ipv4.route.min_pmtu", 552)
    is_known(lab, "without the bound it is believed", 478, 552, "path", lambda: forge(552))
    netns.run("ip", "route", "flush", "cache")
    code, said = gateway.culvert("reload")
    is_known(lab, "the bound is put back", 1198, 1280, "path", lambda: forge(552))
    lab.check("by a reload at the latest", code == 0, said)
    netns.run("ip", "route", "flush", "cache")
    is_known(lab, "and when that is forgotten too", 1422, 1500, "interface")


def without_the_rule(lab):
    systemd.stop(gateway.CULVERTD)
    netns.run("nft", "flush", "chain", *gateway.TABLE, "clamp")
    tcp_fits(lab, 1326, 1400, clamped=False)
    systemd.start(gateway.CULVERTD)


def run(lab):
    lab.sinks = [sizes.Sink("cloud", net.CLOUD, TCP), sizes.Sink("dev1", net.DEV1, TCP)]
    libreswan.start(operators_file.PSK)
    lab.start_gateway(conf("auto"))
    lab.require_up()
    is_known(lab, "the link", 1438, 1500, "interface")
    tcp_fits(lab, 1438, 1500)
    udp_is_told(lab, 1438)
    sizes.set_mtu(None, "eth0", 1400)
    is_known(lab, "the outer interface takes less", 1326, 1400, "interface")
    sizes.set_mtu(None, "eth0", 1500)
    is_known(lab, "and more again", 1438, 1500, "interface")
    router(lab)
    without_the_rule(lab)
    sizes.narrow(None)
    netns.run("ip", "route", "flush", "cache")
    is_known(lab, "the router takes more again", 1438, 1500, "interface")
    gateway.configure(conf("udp"), {})
    code, said = gateway.culvert("reload")
    lab.require("a reload to ESP in UDP goes well", code == 0, said)
    is_known(lab, "in UDP", 1422, 1500, "interface")
    forged(lab)
    tcp_fits(lab, 1422, 1500)
    lab.check("it is UDP that was seen", any(one.proto == frame.UDP and second._is_esp(one) for one in lab.outer.frames()))
