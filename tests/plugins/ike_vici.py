"""charon's vici as the generator needs it: a command under way while the peer answers, and lists that come as events."""

import os
import re
import select
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
from vici import RESPONSE, Vici, _decode, _encode  # noqa: E402

REQUEST, REGISTER, UNREGISTER, CONFIRMED, EVENT = 0, 3, 4, 5, 7


class Live(Vici):
    def _send(self, kind, name, body=b""):
        packet = struct.pack(">BB", kind, len(name)) + name.encode() + body
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def _packet(self):
        return self._read(struct.unpack(">I", self._read(4))[0])

    def begin(self, command, **values):
        """Sends a command; result() is called when the socket is readable."""
        self._send(REQUEST, command, _encode(values))

    def result(self):
        """None, or what charon says against it."""
        packet = self._packet()
        assert packet[0] == RESPONSE, packet
        values = _decode(packet[1:])
        return None if values.get("success", "yes") == "yes" else values.get("errmsg", "?")

    def has_answer(self):
        return bool(select.select([self.socket], [], [], 0)[0])

    def sas(self):
        """The IKE_SAs as (name, values by path)."""
        self._send(REGISTER, "list-sa")
        assert self._packet()[0] == CONFIRMED
        self._send(REQUEST, "list-sas", b"")
        found, packet = [], self._packet()
        while packet[0] == EVENT:
            values = _decode(packet[2 + packet[1]:])
            name = next(iter(values)).split(".")[0]
            found.append((name, {path.split(".", 1)[1]: value for path, value in values.items()}))
            packet = self._packet()
        self._send(UNREGISTER, "list-sa")
        assert self._packet()[0] == CONFIRMED
        return found


CHILD = re.compile(r"^child-sas\.([^.]+)\.(.+)$")


def children(row):
    """Of an IKE_SA of sas(): the CHILD_SAs' values by their names."""
    found = {}
    for path, value in row.items():
        match = CHILD.match(path)
        if match:
            found.setdefault(match.group(1), {})[match.group(2)] = value
    return found
