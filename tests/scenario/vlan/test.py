import json
import re

import check
import frame
import gateway
import libreswan
import netns
import operators_file
import policy
import second
import topology as net
import traffic
import wire

RESPONDER, SIX, GATEWAY_SIX = "10.110.0.9", "fd00:120::5", "fd00:120::4"
FLOWS, PACKETS, TIMEOUT = 20, 50, 600
BURST = 16 * PACKETS  # faster than that even where all is emulated

CONF = f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; }} ); }},
  {{ name = "two"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-brno"; peer = "{second.CARRIER}"; remote_id = "brno.example.net"; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha" ]; icmp = "echo"; udp_timeout = {TIMEOUT};
    limits = {{ connections = {FLOWS}; packets = {PACKETS}; }};
    ping_responder = {{ address = "{RESPONDER}"; from = "{net.DEV1}"; }};
    cloud = {{ attach = "vlan"; interface = "eth1"; vlan = 110; address = "{net.GATEWAY_CLOUD}/20"; prefixes = [ "{net.CLOUD_NET}" ]; }};
    services = ( {{ name = "ingest"; host = "{net.CLOUD}"; udp = [ {traffic.SERVICE} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{net.CLOUD}"; udp = [ {traffic.DOWNLINK} ]; }} ); }},
  {{ name = "sixes"; pool = [ "{second.POOL_SIX}" ]; tunnels = [ "vf-brno" ];
    cloud = {{ attach = "vlan"; interface = "eth1"; vlan = 120; address = "{GATEWAY_SIX}/64"; prefixes = [ "fd00:120::/64" ]; }};
    services = ( {{ name = "ingest"; host = "{SIX}"; udp = [ {traffic.SERVICE} ]; }} ); }} );
'''


def move_cloud():
    """The cloud's addresses stand on VLANs."""
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
        addr add {SIX}/64 dev v120 nodad
        link set v120 up
        route add default via {GATEWAY_SIX}
    """)


def pings(lab, fence):
    lab.check("a device and the host of its service may ping each other",
        wire.ping("dev1", net.CLOUD) and wire.ping("cloud", net.DEV1))
    lab.check("the responder answers whom it shall", wire.ping("dev1", RESPONDER))
    for text, namespace, target, capture, fenced in (
            ("another device gets no answer of the responder", "dev2", RESPONDER, lab.dev2, None),
            ("a device gets no answer of the gateway's own address", "dev1", net.GATEWAY_CLOUD, lab.dev1, fence),
            ("a device gets no answer of a host that is no service's", "dev1", net.CLOUD_OTHER, lab.dev1, fence)):
        before = capture.mark()
        netns.run("ip", "netns", "exec", namespace, "ping", "-c1", "-W1", target, check=False)
        lab.require("what was sent behind is back", fenced.ask() if fenced else wire.ping("dev2", net.CLOUD))
        seen = [one for one in capture.frames(before) if one.proto == frame.ICMP]
        asked = [one for one in seen if one.dst == target]
        answered = [str(one) for one in seen if one.src == target and one.payload[:1] == b"\0"]
        lab.check(text, asked and not answered, answered or "it was never asked")


def limits(lab, fence):
    before = gateway.refusals()
    many = [second.exchange("dev1", net.DEV1, net.CLOUD, sport=42000 + i) for i in range(FLOWS + 10)]
    for one in many:
        one.send(wire.token())
    lab.require("what was sent behind is back", fence.ask())
    answers = 0
    for one in many:
        one.sock.setblocking(False)
        try:
            answers += bool(one.sock.recv(100))
        except OSError:
            pass
        one.sock.close()
    grown = gateway.refusals()["over_flows"] - before["over_flows"]
    lab.check(f"of {len(many)} more flows {FLOWS} at most begin", 0 < answers <= FLOWS and grown >= 10, (answers, grown))
    mark = wire.token()
    for _ in range(BURST):
        fence.send(mark)
    check.poll(lambda: fence.ask(1), 10)
    seen = sum(mark in one.raw and one.src == net.DEV1 for one in lab.cloud.frames())
    grown = gateway.refusals()["over_packets"] - before["over_packets"]
    lab.check(f"of {BURST} packets at once some are dropped", 0 < seen < BURST and grown > 0, (seen, grown))
    apns = {one["name"]: one["refused"] for one in json.loads(gateway.culvert("counters", "--json")[1])["apns"]}
    lab.check("both are told of the APN, and of no other", {"over_flows", "over_packets"} <= set(apns["meters"]) and
        not {"over_flows", "over_packets"} & set(apns["sixes"]), apns)


def becomes_dedicated(lab):
    """The parent of the VLANs, which forwards nothing, becomes an APN's own interface."""
    own = f'attach = "vlan"; interface = "eth1"; vlan = 110; address = "{net.GATEWAY_CLOUD}/20";'
    assert own in CONF
    sixes = CONF.index('  { name = "sixes"')
    text = CONF[:sixes].rstrip().removesuffix(",").replace(own, own.replace("vlan = 110; ", "").replace("vlan", "dedicated"))
    netns.ip("cloud", f"""
        link del v110
        link del v120
        addr add {net.CLOUD}/20 dev eth0
        addr add {net.CLOUD_OTHER}/20 dev eth0
        route add default via {net.GATEWAY_CLOUD}
    """)
    gateway.configure(text + " );\n", {})
    code, out = gateway.culvert("reload")[:2]
    lab.require("a reload makes the parent of the VLANs an APN's own interface", code == 0, out)
    lab.check("both ways pass there", check.poll(lab.uplink.ask, 20) and check.poll(lab.downlink.ask, 20))


def run(lab):
    second.build(lab)
    move_cloud()
    second.pluto.ends.update(pool=second.POOL_SIX, cloud="fd00:120::/64")
    libreswan.start(operators_file.PSK)
    second.pluto.start(operators_file.PSK)
    lab.start_gateway(CONF)
    for apn, name in (("meters", "vf-praha"), ("sixes", "vf-brno")):
        state = gateway.await_carrying(apn=apn, name=name)
        lab.require(f"the link of {apn} carries", gateway.link(state, apn, name).get("carrying"), state)
    lab.check("a device reaches its service in VLAN 110, and the cloud the device", lab.uplink.ask() and lab.downlink.ask())
    lab.six = traffic.Echo("cloud", SIX, traffic.SERVICE)
    up = second.exchange("dev3", second.DEV3_SIX, SIX)
    lab.check("an IPv6 device reaches its service in VLAN 120", up.ask())
    # Of a datagram that is too big a router tells the sender, who then makes smaller fragments of the next.
    first = up.ask_with(2000, 2)
    lab.check("and with datagrams of 2000 octets once the path is known",
        first or check.poll(lambda: up.ask_with(2000, 2), 20), "")
    check.explain(f"the first one {'was answered' if first else 'was not'}")
    listing = netns.run("conntrack", "-L", "-p", "udp", "-s", net.DEV1, "--dport", str(traffic.SERVICE), check=False)
    times = [int(one) for one in re.findall(r"^udp +17 (\d+)", listing, re.M)]
    lab.check(f"its UDP flows are remembered {TIMEOUT} s", times and all(300 < one <= TIMEOUT for one in times), listing)
    pings(lab, lab.uplink)
    policy.carrier_misbehaves()
    policy.gateway_admits_all(1)
    for text, target in (("device to another device", (net.DEV2, 5683)), ("device to the Internet", (net.INTERNET, 5684)),
            ("device to the gateway's outer address", (net.GATEWAY, 5684)),
            ("device to a host that is no service", (net.CLOUD_OTHER, 5684))):
        second.refused(lab, text, "dev1", (net.DEV1, 40100), target, ("cloud", "dev2", "dev3", "inet"), lab.uplink, net.CARRIER)
    # The parent: an untagged packet from the cloud reaches nobody.
    netns.ip("cloud", "addr add 10.111.0.5/24 dev eth0")
    netns.ip(None, "addr add 10.111.0.4/24 dev eth1")
    before = gateway.refusals()["untagged"]
    wire.send_as("cloud", ("10.111.0.5", 40100), ("10.111.0.4", 5684), wire.token())
    netns.ip(None, "addr del 10.111.0.4/24 dev eth1")
    lab.check("what comes untagged is dropped", check.poll(lambda: gateway.refusals()["untagged"] > before, 10, 0.1))
    netns.ip(None, "link del culv-c1001")
    lab.check("a VLAN that somebody takes away is back",
        check.poll(lambda: gateway.has_address("culv-c1001", f"{net.GATEWAY_CLOUD}/20"), 20) and lab.uplink.ask())
    limits(lab, lab.uplink)
    becomes_dedicated(lab)
