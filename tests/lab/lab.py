"""What a scenario gets: the network, the gateway, an eye on every wire, and checks."""

import os

import check
import dhcp
import gateway
import libreswan
import netns
import operators_file
import second
import stock
import topology
import traffic
import wire

_JOURNAL = "journalctl --no-pager --output=short-monotonic --lines=40 --unit="
_DIAGNOSTICS = (
    ("carrier", f"{_JOURNAL}{libreswan.UNIT} --unit={stock.UNIT}"),
    ("carrier's SAs", "ip -n carrier xfrm state list nokeys"),
    ("links", "ip -details link"),
    ("addresses", "ip -brief address"),
    ("routes", "ip route show table all"),
    ("rules", "ip rule"),
    ("gateway's SAs", "ip xfrm state list nokeys"),
    ("gateway's policies", "ip xfrm policy list nosock"),
    ("counters", f"nft list counters table {' '.join(gateway.TABLE)}"),
    ("culvertd", _JOURNAL + gateway.CULVERTD),
    ("culvert-charon", _JOURNAL + gateway.CHARON),
    ("DHCP", f"{_JOURNAL}{dhcp.CLIENT}"),
    ("culvert status", "culvert status"),
)


class Lab:
    def __init__(self, name):
        self.checks = check.Checks(name)
        self.check, self.require = self.checks.check, self.checks.require
        self.captures = {}
        self.sent_in_clear = set()  # tokens of datagrams that the Internet host sent

    @staticmethod
    def count(small, large):
        """How often a scenario does what it does: small in `make test`, large in `make torture`."""
        return large if os.environ.get("TORTURE") else small

    def open(self):
        """A clean machine, and the network."""
        clear()
        self.lay_cables()

    def lay_cables(self):
        """The network, with captures on every wire before anything else happens."""
        topology.build()
        # Before the cable is in: what the gateway sends first counts too.
        self.outer = self._capture("outer", "seg", "gw")
        self.lan = self._capture("lan", "carrier", "lan1")
        self.dev1 = self._capture("dev1", "dev1", "eth0")
        self.dev2 = self._capture("dev2", "dev2", "eth0")
        self.cloud = self._capture("cloud", "cloud", "eth0")
        self.inet = self._capture("inet", "inet", "eth0")
        self.service = traffic.Echo("cloud", topology.CLOUD, traffic.SERVICE)
        self.firmware = traffic.Echo("dev1", topology.DEV1, traffic.DOWNLINK)
        self.uplink = traffic.device_to_service()
        self.downlink = traffic.service_to_device()
        topology.plug_in()

    def _capture(self, name, namespace, interface):
        self.captures[name] = wire.Capture(namespace, interface)
        return self.captures[name]

    def start_gateway(self, text=None, secrets=None):
        """Starts the shipped units with the operator's file (the shipped example by default) and secrets."""
        secrets = {"vodafone-cz.psk": operators_file.PSK + "\n"} if secrets is None else secrets
        gateway.configure(text or operators_file.example(), secrets)
        gateway.start()

    def require_up(self, text="the tunnel is up and its link carries", limit=60):
        """Waits for the tunnel; its status. Ends the scenario when it does not come."""
        state = gateway.await_carrying(limit)
        self.require(text, gateway.link(state).get("carrying"), gateway.tunnel(state) or "culvertd does not answer")
        return state

    def dump(self):
        """What one needs to see when a check failed. No keys, no secrets."""
        for title, command in _DIAGNOSTICS:
            text = netns.run("sh", "-c", command + " 2>&1", check=False)
            print(f"----- {title}\n{text.strip()}", flush=True)


def clear():
    """Ends what a scenario started and takes the network away."""
    libreswan.clear()
    second.clear()
    stock.clear()
    dhcp.clear()
    gateway.clear()
    topology.remove()
