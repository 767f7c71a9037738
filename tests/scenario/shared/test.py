import gateway
import libreswan
import netns
import operators_file
import policy
import second
import sizes
import topology as net
import traffic

DEV3, POOL3, ROUTER, FAR = "10.65.0.5", "10.65.0.0/16", "10.110.0.1", "10.111.0.5"


def conf(hosts=(net.CLOUD_OTHER, FAR)):
    services = ", ".join(f'{{ name = "s{i}"; host = "{host}"; udp = [ {traffic.SERVICE} ]; }}' for i, host in enumerate(hosts))
    return f'''gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{net.GATEWAY}"; }}; }};
carriers = ( {{ name = "one"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-praha"; peer = "{net.CARRIER}"; remote_id = "praha.example.net"; }} ); }},
  {{ name = "two"; local_id = "{net.GATEWAY}"; psk_file = "vodafone-cz.psk";
    tunnels = ( {{ name = "vf-brno"; peer = "{second.CARRIER}"; remote_id = "brno.example.net"; }} ); }} );
apns = ( {{ name = "meters"; pool = [ "{net.POOL}" ]; tunnels = [ "vf-praha" ];
    cloud = {{ attach = "shared"; interface = "eth1"; prefixes = [ "{net.CLOUD_NET}" ]; }};
    services = ( {{ name = "ingest"; host = "{net.CLOUD}"; udp = [ {traffic.SERVICE} ]; }} );
    downlink = ( {{ name = "firmware"; host = "{net.CLOUD}"; udp = [ {traffic.DOWNLINK} ]; }} ); }},
  {{ name = "buses"; pool = [ "{POOL3}" ]; tunnels = [ "vf-brno" ];
    cloud = {{ attach = "shared"; interface = "eth1"; next_hop = "{ROUTER}"; prefixes = [ "10.110.0.0/15" ]; }};
    services = ( {services} ); }} );
'''


def build(lab):
    second.build(lab)
    netns.ip("carrier2", f"route add {DEV3}/32 dev lan")
    netns.ip("dev3", f"""
        addr add {DEV3}/32 dev eth0
        route replace default via {net.CARRIER_LAN} src {DEV3}
    """)
    # The cloud's router is the same namespace, with hosts behind it.
    netns.ip("cloud", f"""
        addr add {ROUTER}/20 dev eth0
        addr add {FAR}/32 dev lo
    """)
    netns.ip(None, f"addr add {net.GATEWAY_CLOUD}/20 dev eth1")
    second.pluto.ends.update(pool=POOL3, cloud="10.110.0.0/15")
    lab.echoes = [traffic.Echo("cloud", host, traffic.SERVICE) for host in (net.CLOUD_OTHER, FAR)]
    lab.echoes.append(traffic.Echo("dev3", DEV3, traffic.DOWNLINK))


def main_table():
    return netns.run("ip", "route", "show", "table", "main")


def run(lab):
    build(lab)
    libreswan.start(operators_file.PSK)
    second.pluto.start(operators_file.PSK)
    lab.start_gateway(conf())
    for apn, name in (("meters", "vf-praha"), ("buses", "vf-brno")):
        state = gateway.await_carrying(apn=apn, name=name)
        lab.require(f"the link of {apn} carries", gateway.link(state, apn, name).get("carrying"), state)
    lab.check("the interface has the address of the machine's settings", gateway.has_address("eth1", f"{net.GATEWAY_CLOUD}/20"))
    strange = [word for word in ("10.64.", "10.65.", "10.110.", "10.111.") if word in main_table()]
    lab.check("the main table knows neither pool nor cloud", not strange, main_table())
    up, far = second.exchange("dev3", DEV3, net.CLOUD_OTHER), second.exchange("dev3", DEV3, FAR, sport=40022)
    lab.check("devices of both APNs reach their hosts, and a cloud host the device", lab.uplink.ask() and up.ask() and lab.downlink.ask())
    lab.check("a device reaches a host behind the cloud's router", far.ask())
    sizes.is_told(lab, "a cloud host to a device", ("cloud", net.CLOUD), (net.DEV1, traffic.DOWNLINK), 1438, net.GATEWAY_CLOUD,
        lab.cloud)
    sizes.set_mtu(None, "eth1", 1300)
    sizes.is_told(lab, "a device to a cloud interface that takes less", ("dev1", net.DEV1), (net.CLOUD, traffic.SERVICE),
        1300, net.CLOUD, lab.dev1)
    sizes.set_mtu(None, "eth1", 1500)
    policy.carrier_misbehaves()
    policy.gateway_admits_all(1)
    s, d, p = traffic.SERVICE, traffic.DOWNLINK, 40100
    for text, target in (("device to the other APN's host", (net.CLOUD_OTHER, s)), ("device to the other APN's device", (DEV3, d)),
            ("device to another device", (net.DEV2, d)), ("device to the Internet", (net.INTERNET, s)),
            ("device to the gateway's cloud address", (net.GATEWAY_CLOUD, s)),
            ("device to the gateway's outer address", (net.GATEWAY, s))):
        second.refused(lab, text, "dev1", (net.DEV1, p), target, ("cloud", "dev2", "dev3", "inet"), lab.uplink, net.CARRIER)
    second.refused(lab, "device in the other APN's name", "dev1", (DEV3, p), (net.CLOUD, s), ("cloud",), lab.uplink, net.CARRIER)
    for text, source, target in (("cloud host to the other APN's device", net.CLOUD, (DEV3, d)),
            ("cloud host without downlink", net.CLOUD_OTHER, (net.DEV1, d)), ("cloud host to the Internet", net.CLOUD, (net.INTERNET, s))):
        second.refused(lab, text, "cloud", (source, p), target, ("dev1", "dev2", "dev3", "inet", "outer"), lab.downlink)
    gateway.configure(conf((net.CLOUD_OTHER,)), {})
    code, said = gateway.culvert("reload")
    lab.check("a host is taken out", code == 0, said)
    second.refused(lab, "device to the host that was its service", "dev3", (DEV3, 40022), (FAR, s), ("cloud",), up, second.CARRIER)
    lab.check("and all else works on", lab.uplink.ask() and up.ask() and lab.downlink.ask())
    lab.check("the address is still there", gateway.has_address("eth1", f"{net.GATEWAY_CLOUD}/20"))
