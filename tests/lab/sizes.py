"""How large packets are: sizes that paths and links take, ICMP errors that say so, TCP as it is on the wire."""

import json
import socket
import struct
import threading

import check
import frame
import gateway
import netns
import topology as net
import wire

IP_MTU_DISCOVER, IP_MTU, PROBE, DF = 10, 14, 3, 2
IPV6_MTU_DISCOVER, IPV6_MTU = 23, 24
ETHERNET = 14
SYN = 2


def mtu_of(state, **which):
    return gateway.link(state, **which).get("mtu") or {}


def await_mtu(inner, limit=60, between=lambda: None, **which):
    """The link's MTU in the status once it is that, or the last one; between is called before each look."""
    last = {}

    def is_it():
        between()
        last.update(mtu_of(gateway.status(), **which))
        return last.get("inner") == inner

    check.poll(is_it, limit)
    return last


def interface_mtu(name):
    return json.loads(netns.run("ip", "-json", "link", "show", "dev", name))[0]["mtu"]


def set_mtu(namespace, interface, octets):
    netns.ip(namespace, f"link set {interface} mtu {octets}")


def packet(one):
    """The IP packet in a frame."""
    return one.raw[ETHERNET:]


def length(one):
    return struct.unpack_from("!H", packet(one), 2)[0]


def is_fragment(one):
    return one.kind == frame.ETH_IPV4 and struct.unpack_from("!H", packet(one), 6)[0] & 0x3FFF != 0


def too_big(one):
    """The MTU that an ICMP error in the frame tells, or 0."""
    if one.proto == frame.ICMP and one.payload[:2] == b"\3\4":
        return struct.unpack_from("!H", one.payload, 6)[0]
    if one.proto == frame.ICMP6 and one.payload[:1] == b"\2":
        return struct.unpack_from("!I", one.payload, 4)[0]
    return 0


def segment_sizes(capture, since, source):
    """The MSS options of the SYNs from source."""
    found = []
    for one in capture.frames(since):
        if one.proto != frame.TCP or one.src != source:
            continue
        header = packet(one)[(packet(one)[0] & 15) * 4:]
        options = header[20:(header[12] >> 4) * 4]
        if header[13] & SYN and options[:2] == b"\2\4":
            found.append(struct.unpack_from("!H", options, 2)[0])
    return found


def _path(address):
    """The options of a socket by its family: level, discovery, the path's MTU."""
    if ":" in address:
        return socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_MTU
    return socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_MTU


def udp_df(namespace, source, target):
    """A datagram socket whose packets are never taken apart, and which sends whatever it has been told of the path."""
    sock = wire.udp(namespace, source)
    level, discovery, _ = _path(source)
    sock.setsockopt(level, discovery, PROBE)
    sock.connect(target)
    return sock


def known_mtu(namespace, source, target):
    """What the host knows of the path."""
    level, discovery, mtu = _path(source)
    with wire.udp(namespace, source) as sock:
        sock.setsockopt(level, discovery, DF)
        sock.connect((target, 9))
        return sock.getsockopt(level, mtu)


class Sink(threading.Thread):
    """A TCP service that takes what comes, and then sends as much back."""

    def __init__(self, namespace, address, port):
        super().__init__(daemon=True)
        self._sock = wire.tcp(namespace, address, port)
        self._sock.settimeout(None)
        self._sock.listen()
        self.start()

    def run(self):
        while True:
            peer, _ = self._sock.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    @staticmethod
    def _serve(peer):
        with peer:
            peer.settimeout(wire.LIMIT)
            count = 0
            try:
                while octets := peer.recv(65536):
                    count += len(octets)
                peer.sendall(b"x" * count)
            except OSError:
                pass


def transfer(namespace, source, target, octets):
    """Sends so much to a sink and takes as much; what came back."""
    count = 0
    with wire.tcp(namespace, source) as sock:
        sock.connect(target)
        sock.sendall(b"x" * octets)
        sock.shutdown(socket.SHUT_WR)
        try:
            while got := sock.recv(65536):
                count += len(got)
        except OSError:
            pass
    return count


def is_told(lab, text, start, end, mtu, by, capture):
    """A sender of a packet with DF that is too big gets an ICMP error; then one that fits arrives, and its echo."""
    mark, headers = capture.mark(), 48 if ":" in by else 28
    with udp_df(*start, end) as sock:
        errors = []
        for _ in range(3):  # of an error itself the kernel makes no more than one a second for each destination
            sock.send(b"x" * (mtu - headers + 1))
            errors = check.poll(lambda: [one for one in capture.frames(mark) if too_big(one)], 10, 0.05)
            if errors:
                break
        seen = [(one.src, too_big(one)) for one in errors or ()]
        lab.check(f"{text}: one octet too many, and {by} says that {mtu} is the most", set(seen) == {(by, mtu)}, seen)
        fits = wire.token().ljust(mtu - headers, b"x")
        mark = capture.mark()
        try:
            sock.recv(100)
        except OSError:
            pass  # the error
        sock.send(fits)
        try:
            answer = sock.recv(4096)
        except OSError as error:
            answer = error
        lab.check("a packet of that size passes, and so does the answer", answer == fits, str(answer)[:60])


def narrow(octets):
    """The way to the carrier leads over the segment's router, which takes less from now on; None: as before."""
    netns.set_sysctl("inet", "net.ipv4.ip_forward", 1)
    for name in ("all", "eth0"):
        netns.set_sysctl("inet", f"net.ipv4.conf.{name}.send_redirects", 0)
    netns.ip("inet", f"route replace {net.CARRIER}/32 dev eth0" + (f" mtu lock {octets}" if octets else ""))
    netns.ip(None, f"route replace {net.CARRIER}/32 via {net.ROUTER} dev eth0")
