"""DHCP on the outer segment: systemd-networkd is the gateway's client, in namespace leases is a server for it alone."""

import os
import socket
import struct
import threading

import netns
import systemd
import topology as net
import wire

CLIENT = "systemd-networkd.service"
NAMESPACE, ADDRESS, MASK = "leases", "192.0.2.253", "255.255.255.0"
SERVER_PORT, CLIENT_PORT = 67, 68
# RFC 2131 and 2132.
_HEADER, _COOKIE = 236, b"\x63\x82\x53\x63"
_MASK, _ROUTER, _WANTED, _SECONDS, _TYPE, _SERVER, _END = 1, 3, 50, 51, 53, 54, 255
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK = 1, 2, 3, 5, 6
_OF_CLIENT = "/run/systemd/network/05-lab.network"

_CLIENT = """
[Match]
Name=eth0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
"""


def _options(message):
    at, found = _HEADER + len(_COOKIE), {}
    while at + 1 < len(message) and message[at] != _END:
        if message[at] == 0:
            at += 1
            continue
        found[message[at]] = message[at + 2:at + 2 + message[at + 1]]
        at += 2 + message[at + 1]
    return found


class Server(threading.Thread):
    """Gives whoever asks the address that it was told last. Who wants another one at its start is refused, who wants to
    go on with another one gets no answer."""

    def __init__(self):
        super().__init__(daemon=True)
        self._lease = None
        self._sock = wire.udp(NAMESPACE, "", SERVER_PORT)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._sock.settimeout(None)
        self.start()

    def give(self, address, seconds):
        self._lease = (socket.inet_aton(address), seconds)

    def _answer(self, request, kind, address, seconds=None):
        text = struct.pack("!BBB", _TYPE, 1, kind) + struct.pack("!BB", _SERVER, 4) + socket.inet_aton(ADDRESS)
        if seconds:
            text += struct.pack("!BBI", _SECONDS, 4, seconds)
            for option, value in ((_MASK, MASK), (_ROUTER, net.ROUTER)):
                text += struct.pack("!BB", option, 4) + socket.inet_aton(value)
        # The transaction, flags and hardware address are the request's.
        header = b"\2" + request[1:8] + request[8:12] + bytes(4) + address + bytes(8) + request[28:44]
        to = socket.inet_ntoa(request[12:16]) if any(request[12:16]) else "255.255.255.255"
        self._sock.sendto(header.ljust(_HEADER, b"\0") + _COOKIE + text + bytes((_END,)), (to, CLIENT_PORT))

    def _serve(self, request):
        options = _options(request)
        kind, lease = options.get(_TYPE, b"\0")[0], self._lease
        if not lease or options.get(_SERVER, socket.inet_aton(ADDRESS)) != socket.inet_aton(ADDRESS):
            return
        if kind == _DISCOVER:
            self._answer(request, _OFFER, *lease)
        elif kind == _REQUEST and options.get(_WANTED, request[12:16]) == lease[0]:
            self._answer(request, _ACK, *lease)
        elif kind == _REQUEST and _WANTED in options:
            self._answer(request, _NAK, bytes(4))

    def run(self):
        while True:
            request = self._sock.recv(4096)
            if len(request) > _HEADER and request[_HEADER:_HEADER + len(_COOKIE)] == _COOKIE:
                self._serve(request)


def build():
    """The gateway has neither address nor route outside, nor a cable, but a client; the server, which gives nothing yet."""
    netns.run("ip", "netns", "add", NAMESPACE)
    netns.set_sysctl(NAMESPACE, "net.ipv6.conf.default.disable_ipv6", 1)
    netns.ip("seg", f"""
        link add name p4 type veth peer name eth0 netns {NAMESPACE}
        link set p4 master sw up
        link set gw down
    """)
    netns.ip(NAMESPACE, f"""
        addr add {ADDRESS}/24 dev eth0
        link set eth0 up
        route add default dev eth0
    """)
    netns.ip(None, "address flush dev eth0")
    os.makedirs(os.path.dirname(_OF_CLIENT), exist_ok=True)
    with open(_OF_CLIENT, "w", encoding="ascii") as file:
        file.write(_CLIENT)
    systemd.start(CLIENT)
    return Server()


def take_cable_out():
    netns.ip("seg", "link set gw down")


def put_cable_in():
    netns.ip("seg", "link set gw up")


def clear():
    if os.path.exists(_OF_CLIENT):
        systemd.stop(CLIENT, "systemd-networkd.socket")
        os.unlink(_OF_CLIENT)
