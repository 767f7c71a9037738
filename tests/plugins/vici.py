"""As much of charon's vici protocol as a carrier needs that brings thousands of tunnels up: commands, and flat answers."""

import socket
import struct

REQUEST, RESPONSE, UNKNOWN = 0, 1, 2
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = 1, 2, 3, 4, 5, 6


def _encode(values):
    pieces = []
    for key, value in values.items():
        key, value = key.encode(), str(value).encode()
        pieces.append(struct.pack(">BB", KEY_VALUE, len(key)) + key + struct.pack(">H", len(value)) + value)
    return b"".join(pieces)


def _decode(data):
    """Values by path: "ikesas.total"; items of lists are left out."""
    values, path, at = {}, [], 0

    def take(form):
        nonlocal at
        length = struct.unpack_from(form, data, at)[0]
        at += struct.calcsize(form) + length
        return data[at - length:at].decode(errors="replace")
    while at < len(data):
        kind = data[at]
        at += 1
        if kind in (SECTION_START, LIST_START):
            name = take(">B")
            if kind == SECTION_START:
                path.append(name)
        elif kind == SECTION_END:
            path.pop()
        elif kind == KEY_VALUE:
            name = take(">B")
            values[".".join([*path, name])] = take(">H")
        elif kind == LIST_ITEM:
            take(">H")
    return values


class Vici:
    def __init__(self, path, limit=60.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(limit)
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def _read(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("charon has closed vici")
            data += piece
        return data

    def ask(self, command, **values):
        """The answer's values; a command that charon refuses raises."""
        name = command.encode()
        packet = struct.pack(">BB", REQUEST, len(name)) + name + _encode(values)
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)
        answer = self._read(struct.unpack(">I", self._read(4))[0])
        if answer[0] != RESPONSE:
            raise RuntimeError(f"vici {command}: not answered but {answer[0]}")
        values = _decode(answer[1:])
        if values.get("success", "yes") != "yes":
            raise RuntimeError(f"vici {command}: {values.get('errmsg')}")
        return values
