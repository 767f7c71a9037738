"""The lab machine's side of the isolation benches: a gateway, and traffic through it on demand.

It is run by isolation_drive.py and obeys lines on stdin: "gateway NAME SIZE", "send DIRECTION COUNT HOW", "close". Each is
answered by a line of JSON. HOW is "through", or "to" the gateway's door: the same packets are thrown away right before it.
Between a line and its answer there is little but the traffic: who asks counts the machine's CPU meanwhile.
"""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../lab"))

import check  # noqa: E402 pylint: disable=wrong-import-position
import gateway  # noqa: E402 pylint: disable=wrong-import-position
import lab  # noqa: E402 pylint: disable=wrong-import-position
import libreswan  # noqa: E402 pylint: disable=wrong-import-position
import many  # noqa: E402 pylint: disable=wrong-import-position
import matrix_eye  # noqa: E402 pylint: disable=wrong-import-position
import netns  # noqa: E402 pylint: disable=wrong-import-position
import operators_file  # noqa: E402 pylint: disable=wrong-import-position
import packets  # noqa: E402 pylint: disable=wrong-import-position
import places  # noqa: E402 pylint: disable=wrong-import-position
import rekeys_stock  # noqa: E402 pylint: disable=wrong-import-position
import systemd  # noqa: E402 pylint: disable=wrong-import-position
import topology as net  # noqa: E402 pylint: disable=wrong-import-position
import traffic  # noqa: E402 pylint: disable=wrong-import-position

SENDER = os.path.join(HERE, "../../build/release/tests/bench/isolation")
PAYLOAD = b"x" * 200
FLOWS, PORT = 100, 41000
NOBODY = bytes.fromhex("020000000099")
REST = 120  # seconds until udev and systemd are done with thousands of new interfaces

# What has passed is counted and goes no further. At the door: what comes from the carrier.
_SINKS = {
    "seg": """table bridge sink {
	counter passed { }
	chain forward {
		type filter hook forward priority 0;
		ip saddr %s ip protocol esp counter name passed drop
	}
}""" % net.GATEWAY,
    "cloud": """table ip sink {
	counter passed { }
	chain prerouting {
		type filter hook prerouting priority raw;
		udp dport %d counter name passed drop
	}
}""" % traffic.SERVICE,
}
_DOOR = """table bridge door {
	counter passed { }
	chain forward {
		type filter hook forward priority 0;
		ip saddr %s ip protocol esp counter name passed drop
	}
}""" % net.CARRIER


def _idle_ticks():
    with open("/proc/stat", encoding="ascii") as stat:
        return int(stat.readline().split()[4])


def _await_rest():
    """Until the machine has next to nothing to do for two seconds: what it does beside traffic counts as the gateway's."""
    whole = 0.9 * 2 * os.sysconf("SC_CLK_TCK") * os.cpu_count()
    end = time.monotonic() + REST
    while time.monotonic() < end:
        before = _idle_ticks()
        time.sleep(2)  # no event tells that nothing happens
        if _idle_ticks() - before >= whole:
            return


def _nft(namespace, text):
    with netns.inside(namespace):
        netns.run("nft", "-f", "-", stdin=text)


def _counted(namespace, family, table):
    with netns.inside(namespace):
        listing = json.loads(netns.run("nft", "-j", "list", "counters", "table", family, table))
    return next(one["counter"]["packets"] for one in listing["nftables"] if "counter" in one)


def _sas(numbers, if_ids):
    """SAs and policies of both ends as charon and a carrier install them, without asking either."""
    keys = f"auth-trunc hmac(sha256) 0x{'11' * 32} 128 enc cbc(aes) 0x{'22' * 32}"
    ours, theirs = [], []
    for one in numbers:
        if_id, device = if_ids[many.apn_name(one)], f"{many.device(one).rpartition('.')[0]}.0/24"
        for source, target, spi in ((net.CARRIER, net.GATEWAY, 0x10000 + one), (net.GATEWAY, net.CARRIER, 0x20000 + one)):
            state = f"xfrm state add src {source} dst {target} proto esp spi {spi:#x} reqid {one + 1} mode tunnel"
            ours.append(f"{state} if_id {if_id} replay-window 128 {keys}")
            theirs.append(f"{state} replay-window 0 {keys}")
        for direction, back, source, target, here, there in (("in", "out", device, net.CLOUD_NET, net.CARRIER, net.GATEWAY),
                ("fwd", "", device, net.CLOUD_NET, net.CARRIER, net.GATEWAY),
                ("out", "in", net.CLOUD_NET, device, net.GATEWAY, net.CARRIER)):
            template = f"tmpl src {here} dst {there} proto esp reqid {one + 1} mode tunnel"
            ours.append(f"xfrm policy add dir {direction} src {source} dst {target} priority 1000 {template} if_id {if_id}")
            if back:
                theirs.append(f"xfrm policy add dir {back} src {source} dst {target} priority 1000 {template}")
    netns.ip(None, "\n".join(ours))
    netns.ip("carrier", "\n".join(theirs))


class Machine:
    def __init__(self):
        self.lab = self.devices = self.shown = None
        self.many = False
        self.door = False

    def gateway(self, name, size):
        """culvert or stock with one APN; apns: Culvert with so many, of which one has traffic."""
        lab.clear()
        rekeys_stock.clear()
        self.lab = lab.Lab("isolation")
        self.lab.open()
        for one in (self.lab.service, self.lab.firmware):
            one.close()
        self.devices = [net.DEV1] * FLOWS
        {"culvert": self._culvert, "stock": self._stock, "apns": self._apns}[name](int(size))
        for namespace, text in _SINKS.items():
            _nft(namespace, text)
        self.door = False
        with open("/proc/sys/net/core/netdev_max_backlog", "w", encoding="ascii") as knob:
            knob.write("100000")
        _await_rest()

    def _culvert(self, _):
        libreswan.start(operators_file.PSK)
        self.lab.start_gateway()
        assert gateway.link(gateway.await_carrying()).get("carrying"), "the tunnel does not come up"

    def _stock(self, _):
        libreswan.start(operators_file.PSK)
        rekeys_stock.start()

    def _apns(self, size):
        self.many = True
        numbers = range(size)
        gateway.configure(many.text(numbers), {"many.psk": operators_file.PSK + "\n"})
        systemd.start(gateway.CULVERTD)
        links = {one["apn"]: one["if_id"] for one in gateway.status()["links"]}
        _sas(numbers, links)
        network = many.device(size // 2).rpartition(".")[0]
        self.devices = [f"{network}.{one + 1}" for one in range(FLOWS)]
        ready = check.poll(lambda: all(one["carrying"] for one in gateway.status().get("links", ())), 300)
        assert ready, "the links do not carry"

    def _frames(self, direction, at_the_door):
        place = places.DEV1 if direction == "up" else places.HOST_1
        interface = "eth0"
        to = NOBODY if at_the_door and direction == "down" else places.mac(*(("carrier", "lan1") if direction == "up" else
            (None, "eth1")))
        by = places.mac(place.namespace, interface)
        for number, device in enumerate(self.devices):
            ends = (device, net.CLOUD, PORT + number, traffic.SERVICE) if direction == "up" else (
                net.CLOUD, device, traffic.SERVICE, PORT + number)
            yield packets.framed(to, by, packets.udp(*ends, PAYLOAD)).hex()

    def prepare(self, direction, how):
        """Sets the door, and begins the flows: answers are let through when there was a question."""
        self.frames = "\n".join(self._frames(direction, how == "to")) + "\n"
        if self.door:
            _nft("seg", "delete table bridge door")
        self.door = how == "to" and direction == "up"
        if direction == "down":
            self._send("up", "\n".join(self._frames("up", False)) + "\n", FLOWS)
        if self.door:
            _nft("seg", _DOOR)
        self.before = self._passed(direction)

    def _passed(self, direction):
        if self.door:
            return _counted("seg", "bridge", "door")
        return _counted(*(("cloud", "ip", "sink") if direction == "up" else ("seg", "bridge", "sink")))

    @staticmethod
    def _send(direction, frames, count):
        with netns.inside("dev1" if direction == "up" else "cloud"):
            subprocess.run((SENDER, "eth0", str(count)), input=frames, text=True, check=True)
        matrix_eye.await_idle()

    def send(self, direction, count):
        self._send(direction, self.frames, int(count))

    def passed(self, direction):
        return self._passed(direction) - self.before

    def close(self):
        if self.many:
            return  # the machine ends with the bench, and to take away 1000 APNs takes it minutes
        rekeys_stock.clear()
        lab.clear()


def main():
    machine = Machine()
    for line in sys.stdin:
        verb, *arguments = line.split()
        print(json.dumps({"done": getattr(machine, verb)(*arguments)}), flush=True)
        if verb == "close":
            break


if __name__ == "__main__":
    main()
