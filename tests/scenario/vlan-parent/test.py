import assault
import check
import drift
import gateway
import netns
import offers
import operators_file
import places
import second
import topology as net
import traffic

PARENT = "eth1"


def _move_away():
    netns.run("ip", "netns", "add", "away")
    netns.ip(None, f"link set {PARENT} netns away")


def _move_back():
    netns.ip("away", f"link set {PARENT} netns 1")
    netns.run("ip", "netns", "del", "away")


def _delete():
    netns.ip(None, f"link del {PARENT}")


def _make_anew():
    netns.ip(None, f"link add {PARENT} type veth peer name eth0 netns cloud")
    netns.ip("cloud", "link set eth0 up")
    places.lay_vlans()


def _missing():
    return [one for one in gateway.status().get("messages", ()) if f"{PARENT} is missing" in one]


class Traffic:
    def __init__(self, lab):
        self.echoes = [traffic.Echo("cloud", places.SIX_HOST, traffic.SERVICE), traffic.Echo("cloud2", places.HOST3, traffic.SERVICE)]
        self.vlans = {"meters": lab.uplink.ask, "meters, downlink": lab.downlink.ask,
            "sixes": second.exchange("dev3", second.DEV3_SIX, places.SIX_HOST).ask}

    def flows(self):
        """Which of the VLANs' traffic does not flow."""
        return [name for name, ask in self.vlans.items() if not ask()]


def _vanish(lab, flow, right, how, go, come):
    attack = assault.Assault(lab, offers.WITHIN)
    stream = traffic.Stream(traffic.Exchange("dev3", (second.DEV3, 0), (places.HOST3, traffic.SERVICE)))
    lab.require("an APN on another interface works", stream.await_answers(5))
    go()
    lab.check(f"{PARENT} {how}: culvert status says that it is missing", check.poll(_missing), gateway.status().get("messages"))
    lab.check("  and tells a script that not all is well", gateway.culvert("status")[0] != 0)
    carrying = [gateway.link(gateway.status(), *one).get("carrying") for one in places.LINKS]
    lab.check("  the tunnels stay up", all(carrying), carrying)
    lab.check("  devices of its APNs reach nothing", not lab.uplink.ask(1))
    lab.require("  the APN elsewhere goes on", stream.await_answers(20))
    come()
    left = drift.await_picture(right, 60)
    lab.check("it is back: everything is as it was", not left, left)
    lab.check("  traffic flows in both VLANs", not flow.flows(), "some does not")
    lab.check("  nothing is missing any more", check.poll(lambda: not gateway.status().get("messages")), gateway.status().get("messages"))
    said = {}
    proved = check.poll(lambda: said.update(last=gateway.culvert("verify")) or said["last"][0] == 0)
    lab.check("  culvert verify finds the configured paths and no others", proved, said)
    lost = stream.stop()
    lab.check(f"  the APN elsewhere has lost none of {len(stream.sent)} datagrams", not lost, lost)
    attack.check("meanwhile")


def run(lab):
    places.build(lab)
    for one in places.PLUTOS:
        one.start(operators_file.PSK)
    lab.start_gateway(places.conf())
    for apn, name in places.LINKS:
        state = gateway.await_carrying(apn=apn, name=name)
        lab.require(f"the link of {apn} carries", gateway.link(state, apn, name).get("carrying"), state)
    flow = Traffic(lab)
    lab.require("traffic flows in both VLANs", not flow.flows(), "some does not")
    right = drift.picture()
    _vanish(lab, flow, right, "moves away", _move_away, _move_back)
    _vanish(lab, flow, right, "is gone", _delete, _make_anew)
    lab.check("the cloud's address is on the VLAN", gateway.has_address("culv-c1001", f"{net.GATEWAY_CLOUD}/20"))
