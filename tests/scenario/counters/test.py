import json
import socket

import gateway
import libreswan
import netns
import offers
import operators_file
import packets
import policy
import topology as net
import walls

# The Internet is refused by routing, which counts nothing, unless there is a way.
REASONS = {offers.PORT: "no_service", offers.HOST: "no_service", offers.DEVICE: "hairpin", offers.SPOOFED: "spoofed",
    offers.CLOUD_PORT: "from_cloud", offers.CLOUD_HOST: "from_cloud", offers.OWN: "device_in",
    offers.INTERNET: "off_path"}
WAY_OUT = f"{net.INTERNET} via {net.ROUTER} dev eth0 onlink table 1001"
PINGS = 200  # at once; the responder answers 20, and 20 a second
RESPONDER = f'ping_responder = {{ address = "{net.GATEWAY_CLOUD}"; from = "{net.DEV1}"; }};'


def counters(*arguments):
    code, text = gateway.culvert("counters", *arguments, "--json")
    return json.loads(text)["apns"][0] if code == 0 else {}


def refused(apn, reason):
    return apn["refused"].get(reason, {"packets": 0})["packets"]


def send_no_flow():
    """What belongs to no flow and begins none."""
    packet = packets.echo(net.DEV1, net.CLOUD, packets.ECHO_REPLY, 77, b"to no echo")
    with netns.inside("dev1"), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(packet, (net.CLOUD, 0))


def refuse(lab, offer):
    if offer is not offers.INTERNET:
        walls.check_refused(lab, (offer,))
        return
    with gateway.unwatched():
        netns.ip(None, f"route add {WAY_OUT}")
        walls.check_refused(lab, (offer,))
        netns.ip(None, f"route del {WAY_OUT}")


def ping_too_often(lab):
    packet = packets.echo(net.DEV1, net.GATEWAY_CLOUD, packets.ECHO, 77, b"too often")
    with netns.inside("dev1"), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        for _ in range(PINGS):
            sock.sendto(packet, (net.GATEWAY_CLOUD, 0))
    lab.require("what was sent behind them is back", walls.fence(lab, "dev1"))


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(operators_file.changed({"downlink = (": f"{RESPONDER} downlink = ("}))
    state = lab.require_up()
    policy.carrier_misbehaves()
    policy.gateway_admits_all(gateway.link(state)["if_id"])

    before = counters()
    lab.require("culvert counters lists the APN, its service and its downlink", before.get("name") == "meters" and
        before["services"][0]["names"] == ["ingest"] and before["downlink"][0]["names"] == ["firmware"], before)
    walls.check_allowed(lab)
    after = counters("meters")
    for kind in ("services", "downlink"):
        grown = after[kind][0]["packets"] - before[kind][0]["packets"]
        lab.check(f"a request and its answer are counted in {kind}", grown == 2, grown)
    for kind in ("from_devices", "to_devices"):
        grown = after[kind]["packets"] - before[kind]["packets"]
        lab.check(f"both exchanges are counted {kind}", grown == 2, grown)

    for offer, reason in REASONS.items():
        before = counters()
        refuse(lab, offer)
        after = counters()
        grown = {one: refused(after, one) - refused(before, one) for one in set(REASONS.values())}
        lab.check(f"{offer} is counted as {reason} of its APN, and as nothing else",
            all((count > 0) == (one == reason) for one, count in grown.items()), grown)

    before = counters()
    send_no_flow()
    lab.require("what was sent behind it is back", walls.fence(lab, "dev1"))
    lab.check("an answer to no question is counted as invalid", refused(counters(), "invalid") == refused(before, "invalid") + 1)
    after = counters()

    before = counters()
    ping_too_often(lab)
    grown = {one: refused(counters(), one) - refused(before, one) for one in ("over_pings", *REASONS.values())}
    lab.check("pings beyond what the responder answers are counted as over_pings, and as nothing else",
        0 < grown["over_pings"] == sum(grown.values()) < PINGS, grown)
    after = counters()

    code, said = gateway.culvert("reload")
    again = counters()
    lab.check("a reload keeps the counts", code == 0 and refused(again, "spoofed") == refused(after, "spoofed") and
        again["services"][0]["packets"] >= after["services"][0]["packets"], said)
    code, said = gateway.culvert("counters", "nobody")
    lab.check("an APN that is not there is named", code == 1 and "nobody" in said, said)
