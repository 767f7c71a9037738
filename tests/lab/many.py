"""Hundreds of tunnels to one carrier, each with an APN and a device of its own, and numbered traffic through all of them.

The devices are addresses of the carrier's namespace: what is measured is the gateway, not a radio network.
"""

import select
import threading
import time

import netns
import operators_file
import stock
import topology
import traffic
import wire

COUNT = 300
NETS = "10.128.0.0/14"  # all pools


def name(number):
    return f"t{number:03}"


def apn_name(number):
    return f"a{number:03}"


def _net(number):
    return f"10.{128 + number // 256}.{number % 256}"


def device(number):
    return f"{_net(number)}.1"


def _tunnel(number, extra=""):
    return (f'{{ name = "{name(number)}"; peer = "{topology.CARRIER}"; remote_id = "{name(number)}.example.net"; '
            f"{extra} }}")


def _apn(number):
    return f"""{{ name = "{apn_name(number)}"; pool = [ "{_net(number)}.0/24" ]; tunnels = [ "{name(number)}" ];
    cloud = {{ attach = "shared"; interface = "eth1"; address = "{topology.GATEWAY_CLOUD}/20";
        prefixes = [ "{topology.CLOUD_NET}" ]; }};
    services = ( {{ name = "ingest"; host = "{topology.CLOUD}"; udp = [ {traffic.SERVICE} ]; }} ); }}"""


def text(numbers, extra=None, comment="hundreds of tunnels"):
    """The operator's file with these tunnels in this order; extra: number to further keys of its tunnel."""
    tunnels = ",\n".join(_tunnel(one, (extra or {}).get(one, "")) for one in numbers)
    apns = ",\n".join(_apn(one) for one in numbers)
    return f"""# {comment}
gateway = {{ name = "gw-many"; outer = {{ interface = "eth0"; address = "{topology.GATEWAY}"; }}; }};
carriers = ( {{ name = "many"; local_id = "{topology.GATEWAY}"; psk_file = "many.psk"; tunnels = (
{tunnels} ); }} );
apns = (
{apns} );
"""


def _connection(number):
    return f"""{name(number)} {{
    version = 2
    mobike = no
    local_addrs = {topology.CARRIER}
    remote_addrs = {topology.GATEWAY}
    proposals = aes256-sha256-modp2048
    local {{ auth = psk
        id = {name(number)}.example.net }}
    remote {{ auth = psk
        id = {topology.GATEWAY} }}
    children {{ c {{
        local_ts = {_net(number)}.0/24
        remote_ts = {topology.CLOUD_NET}
        esp_proposals = aes256-sha256-modp2048 }} }} }}
"""


def start_carrier(numbers):
    """The carrier answers to these tunnels, and has their devices."""
    netns.ip("carrier", "\n".join(f"addr add {device(one)}/32 dev lo" for one in numbers))
    connections = "".join(_connection(one) for one in numbers)
    secret = f'secrets {{ ike-gw {{ secret = "{operators_file.PSK}" }} }}\n'
    stock.start(f"connections {{ {connections} }}\n{secret}")


class Streams(threading.Thread):
    """Each device sends numbered datagrams to the service, in turn with the others, and notes the answers."""

    RATE = 150  # datagrams a second, of all devices together

    def __init__(self, numbers):
        super().__init__(daemon=True)
        self.sent = {one: set() for one in numbers}
        self.answered = {one: set() for one in numbers}
        self._socks = {wire.udp("carrier", device(one), 40001): one for one in numbers}
        self._poll = select.epoll()
        self._by_fd = {sock.fileno(): sock for sock in self._socks}
        for sock in self._socks:
            sock.setblocking(False)
            self._poll.register(sock, select.EPOLLIN)
        self._end = threading.Event()
        self.start()

    def run(self):
        due, count = time.monotonic(), 0
        while not self._end.is_set():
            for sock, number in self._socks.items():
                self._collect(due)
                try:
                    sock.sendto(b"n%08d" % count, (topology.CLOUD, traffic.SERVICE))
                except OSError:  # an ICMP error of an earlier one; this one counts as sent, and as lost
                    pass
                self.sent[number].add(count)
                count += 1
                due = max(due + 1 / self.RATE, time.monotonic())
                if self._end.is_set():
                    break
        end = time.monotonic() + wire.LIMIT
        while time.monotonic() < end and any(self.lost().values()):
            self._collect(time.monotonic() + 0.1)

    def _collect(self, until):
        while ready := self._poll.poll(max(0, until - time.monotonic())):
            for fd, _ in ready:
                try:
                    payload = self._by_fd[fd].recv(64)
                except OSError:
                    continue
                self.answered[self._socks[self._by_fd[fd]]].add(int(payload[1:]))

    def lost(self):
        """By device, the numbers without an answer."""
        return {one: self.sent[one] - self.answered[one] for one in self.sent}

    def rounds(self):
        """How often each device has had an answer, at least."""
        return min(len(one) for one in self.answered.values())

    def stop(self):
        self._end.set()
        self.join()
        return {one: sorted(numbers) for one, numbers in self.lost().items() if numbers}
