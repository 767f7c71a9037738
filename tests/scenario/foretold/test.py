import json

import foretold
import gateway
import libreswan
import netns
import operators_file
import traffic

NOTHING, CHANGES, INTERRUPTS = 0, 3, 4
FREE = "eth7"
# A tunnel to where nobody answers, so that nothing comes to carry by itself, and an APN behind it.
_TUNNEL = """tunnels = ( { name = "vf-nowhere"; peer = "192.0.2.99"; remote_id = "nowhere.example.net"; },"""
_APN = """apns = ( { name = "more"; pool = [ %(pool)s ]; tunnels = [ "vf-nowhere" ];
    cloud = { %(attach)s; interface = "eth7"; address = "10.112.0.%(host)s/20"; next_hop = "10.112.0.1";
        prefixes = [ "10.112.0.0/20", %(prefixes)s ]; };
    services = ( { name = "more"; host = "10.112.0.5"; udp = [ %(ports)s ]; } ); %(more)s },"""
_VALUES = {"pool": '"10.66.0.0/16"', "attach": 'attach = "vlan"; vlan = 120', "host": "4", "prefixes": '"10.113.0.0/16"',
           "ports": "7000, 7001", "more": ""}
_LIMITS = "limits = { connections = %s; packets = %s; }; udp_timeout = %s;"
_PINGS = 'icmp = "echo"; ping_responder = { address = "10.112.0.4"; from = "10.66.0.1"; };'


def _text(**values):
    apn = _APN % (_VALUES | values)
    return operators_file.changed({"tunnels = (": _TUNNEL, "apns = (": apn, "udp = [ 5684 ];": "udp = [ 5684, 5700 ];"})


# What is changed, from step to step, and the exit code of the plan.
STEPS = (
    ("a service more", operators_file.changed({"udp = [ 5684 ];": "udp = [ 5684, 5700 ];"}), CHANGES),
    ("a tunnel and an APN with a VLAN", _text(), CHANGES),
    ("limits", _text(more=_LIMITS % (10, 100, 60)), INTERRUPTS),
    ("higher limits, a longer timeout", _text(more=_LIMITS % (20, 200, 90)), CHANGES),
    ("no limits, pings, ports that grow together", _text(more=_PINGS, ports='"7000-7002"'), CHANGES),
    ("a port less", _text(more=_PINGS), INTERRUPTS),
    ("a wider pool, another network behind the router",
     _text(pool='"10.66.0.0/15"', prefixes='"10.114.0.0/16"'), INTERRUPTS),
    ("an interface in place of a VLAN, another address", _text(attach='attach = "shared"', host="9"), INTERRUPTS),
    ("what was there at first", operators_file.example(), INTERRUPTS),
)


def _step(lab, stream, what, text, expected):
    gateway.configure(text, {})
    code, said = gateway.culvert("plan", "--json")
    plan = json.loads(said)
    lab.check(f"{what}: the plan ends with {expected}", code == expected, f"exit {code}: {said}")
    kernel, walls, state = foretold.kernel(), foretold.walls(), gateway.status()
    code, said = gateway.culvert("reload")
    lab.check(f"{what}: the reload is accepted", code == 0, said)
    missing, extra = foretold.unlisted(kernel, foretold.kernel(), plan["kernel"])
    lab.check(f"{what}: all that is listed for the kernel happened, and nothing else ({len(plan['kernel'])} operations)",
              not missing and not extra, f"not done: {missing}; not listed: {extra}; listed: {plan['kernel']}")
    coming, going = foretold.listed(plan["walls"]["changes"])
    now = foretold.walls()
    lab.check(f"{what}: and for the walls ({len(coming)} come, {len(going)} go)", now - walls == coming and walls - now == going,
              f"came {sorted(now - walls)}, listed {sorted(coming)}; went {sorted(walls - now)}, listed {sorted(going)}")
    lab.check(f"{what}: the tunnel that is kept keeps its SAs",
              "vf-praha" not in {one["name"] for one in plan["charon"]["tunnels"]} and
              gateway.spis(gateway.status()) == gateway.spis(state), plan["charon"])
    code, said = gateway.culvert("plan")
    lab.check(f"{what}: a plan then has nothing left", code == NOTHING, said)
    lab.check(f"{what}: traffic goes on", stream.await_answers(5))


def run(lab):
    libreswan.start(operators_file.PSK)
    netns.ip(None, f"link add {FREE} type dummy")
    try:
        lab.start_gateway()
        lab.require_up()
        stream = traffic.Stream()
        lab.require("traffic flows", stream.await_answers(20))
        for what, text, expected in STEPS:
            _step(lab, stream, what, text, expected)
        lost = stream.stop()
        lab.check(f"no datagram of {len(stream.sent)} beside it was lost", not lost, lost)
    finally:
        netns.ip(None, f"link del {FREE}")
