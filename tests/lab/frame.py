"""An Ethernet frame as captured, parsed as far as the tests ask: addresses, protocol, ports, payload."""

import ipaddress
import struct

ETH_ARP, ETH_IPV4, ETH_IPV6 = 0x0806, 0x0800, 0x86DD
ICMP, TCP, UDP, ESP, ICMP6 = 1, 6, 17, 50, 58
HOP_BY_HOP = 0
_NAMES = {ICMP: "ICMP", TCP: "TCP", UDP: "UDP", ESP: "ESP", ICMP6: "ICMPv6"}
IKE_PORTS = (500, 4500)


class Frame:
    """raw: the octets from the link layer on; when: kernel's time of capture in seconds; source: MAC as text or ""."""

    def __init__(self, raw, when, ethernet=True):
        self.raw, self.when = raw, when
        self.source_mac = raw[6:12].hex(":") if ethernet else ""
        self.src = self.dst = None
        self.sport = self.dport = self.spi = self.proto = None
        self.payload = b""
        if ethernet:
            self.kind = struct.unpack_from("!H", raw, 12)[0] if len(raw) >= 14 else 0
            packet = raw[14:]
        else:  # an XFRM interface carries bare IP packets
            self.kind = ETH_IPV6 if raw and raw[0] >> 4 == 6 else ETH_IPV4
            packet = raw
        if self.kind == ETH_IPV4 and len(packet) >= 20:
            self._ipv4(packet)
        elif self.kind == ETH_IPV6 and len(packet) >= 40:
            self._ipv6(packet)

    def _ipv4(self, packet):
        self.proto = packet[9]
        self.src, self.dst = (str(ipaddress.IPv4Address(packet[at:at + 4])) for at in (12, 16))
        total = struct.unpack_from("!H", packet, 2)[0]
        self._transport(packet[(packet[0] & 15) * 4:total])

    def _ipv6(self, packet):
        self.proto = packet[6]
        self.src, self.dst = (str(ipaddress.IPv6Address(packet[at:at + 16])) for at in (8, 24))
        rest = packet[40:40 + struct.unpack_from("!H", packet, 4)[0]]
        if self.proto == HOP_BY_HOP and len(rest) >= 8:  # multicast listener reports
            self.proto, rest = rest[0], rest[8 + rest[1] * 8:]
        self._transport(rest)

    def _transport(self, segment):
        if self.proto == UDP and len(segment) >= 8:
            self.sport, self.dport = struct.unpack_from("!HH", segment)
            self.payload = segment[8:]
        elif self.proto == TCP and len(segment) >= 20:
            self.sport, self.dport = struct.unpack_from("!HH", segment)
            self.payload = segment[(segment[12] >> 4) * 4:]
        elif self.proto == ESP and len(segment) >= 8:
            self.spi = struct.unpack_from("!I", segment)[0]
        else:
            self.payload = segment

    def is_ike(self):
        return self.proto == UDP and (self.sport in IKE_PORTS or self.dport in IKE_PORTS)

    def is_dhcp(self):
        return self.proto == UDP and {self.sport, self.dport} == {67, 68}

    def belongs_outside(self):
        """What a gateway may send and receive on its outer wire: ESP, IKE, ICMP, ARP."""
        return self.kind == ETH_ARP or self.proto in (ESP, ICMP, ICMP6) or self.is_ike()

    def __str__(self):
        if self.proto is None:
            return "ARP" if self.kind == ETH_ARP else f"ethertype {self.kind:04x}"
        name = _NAMES.get(self.proto, f"protocol {self.proto}")
        if self.spi is not None:
            return f"{name} {self.src} > {self.dst} spi {self.spi:08x} {len(self.raw)} octets"
        ports = ("", "") if self.sport is None else (f":{self.sport}", f":{self.dport}")
        text = f"{'IKE' if self.is_ike() else name} {self.src}{ports[0]} > {self.dst}{ports[1]}"
        return text + (f" {self.payload.decode()!r}" if self.payload.isascii() and self.payload.isalnum() else "")
