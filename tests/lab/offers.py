"""Datagrams that must not get through the gateway, by where they come from."""

import dataclasses

import topology as net
from traffic import DOWNLINK, SERVICE

_NO_SERVICE = SERVICE + 1
_SENDER = 40100  # the port that they come from


@dataclasses.dataclass(frozen=True)
class Offer:
    text: str
    namespace: str  # where it is sent; None: the gateway
    source: str
    target: str
    port: int
    seen_at: str  # the capture that proves it was really sent; none sees what the gateway refuses to send
    never_at: tuple  # the captures that must not see it
    esp: bool = False  # it reaches the gateway inside the carrier's ESP

    def ends(self):
        """Source and target, each (address, port)."""
        return (self.source, _SENDER), (self.target, self.port)

    def __str__(self):
        return f"{self.text} ({self.source} > {self.target}:{self.port}/udp)"


def _device(text, target, port=SERVICE, source=net.DEV1):
    return Offer(text, "dev1", source, target, port, "dev1", ("cloud", "dev2", "inet", "outer"), True)


def _cloud(text, target, port=SERVICE, source=net.CLOUD):
    return Offer(text, "cloud", source, target, port, "cloud", ("dev1", "dev2", "inet", "outer"))


def _internet(text, target, port=SERVICE, source=net.INTERNET):
    return Offer(text, "inet", source, target, port, "outer", ("cloud", "dev1", "dev2"))


# Inside the carrier's selectors: only the walls of the gateway can tell.
PORT = _device("device to a port that is no service", net.CLOUD, _NO_SERVICE)
HOST = _device("device to a cloud host that is no service", net.CLOUD_OTHER)
OWN = _device("device to the gateway's own address", net.GATEWAY_CLOUD)
# Outside of them: it takes a carrier that misbehaves.
DEVICE = _device("device to another device", net.DEV2)
INTERNET = _device("device to the Internet", net.INTERNET)
SPOOFED = _device("device with a spoofed source", net.CLOUD, source=net.SPOOFED)
CLOUD_PORT = _cloud("cloud host to a port of a device that is no downlink", net.DEV1, _NO_SERVICE)
CLOUD_HOST = _cloud("cloud host that has no downlink to a device", net.DEV1, DOWNLINK, net.CLOUD_OTHER)
CLOUD_INTERNET = _cloud("cloud host to the Internet", net.INTERNET)
GATEWAY = Offer("the gateway itself in clear to the Internet", None, net.GATEWAY, net.INTERNET, SERVICE, "",
    ("outer", "inet"))

WITHIN = (PORT, HOST)
OUTSIDE = (DEVICE, INTERNET, SPOOFED)
FROM_CLOUD = (CLOUD_PORT, CLOUD_HOST, CLOUD_INTERNET)
FROM_INTERNET = (
    _internet("Internet to the cloud", net.CLOUD),
    _internet("Internet in a device's name to the cloud", net.CLOUD, source=net.DEV1),
    _internet("Internet to a device", net.DEV1, DOWNLINK),
)
# What only a tunnel makes possible.
ALLOWED = (
    _device("device to the service", net.CLOUD),
    _cloud("cloud host to the device's downlink port", net.DEV1, DOWNLINK),
)
