"""The two ends of a tunnel as rekeys need them: told to rekey, asked for their SAs. One is charon, the other as well or pluto."""

import os
import re
import struct
import sys
import threading

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../plugins"))
import vici  # noqa: E402 pylint: disable=wrong-import-position

import libreswan
import netns

_REGISTER, _UNREGISTER, _CONFIRM, _EVENT = 3, 4, 5, 7


class _Vici(vici.Vici):
    def _packet(self):
        answer = self._read(struct.unpack(">I", self._read(4))[0])
        return answer[0], answer[1:]

    def _send(self, kind, name):
        packet = struct.pack(">BB", kind, len(name)) + name.encode()
        self.socket.sendall(struct.pack(">I", len(packet)) + packet)

    def _events(self, kind, event):
        self._send(kind, event)
        assert self._packet()[0] == _CONFIRM

    def stream(self, command, event):
        """What a command tells by events: each as it came, and as ask() would give it."""
        self._events(_REGISTER, event)
        self._send(vici.REQUEST, command)
        rows = []
        while (packet := self._packet())[0] != vici.RESPONSE:
            if packet[0] == _EVENT:
                rows.append((packet[1], vici._decode(packet[1][1 + packet[1][0]:])))
        self._events(_UNREGISTER, event)
        return rows


class Charon:
    """A charon by its vici socket."""

    def __init__(self, name, path, namespace=None):
        self.name, self.path, self.namespace = name, path, namespace
        self._order, self._view = _Vici(path), _Vici(path)
        self._lock = threading.Lock()

    def sas(self):
        """The IKE_SAs as (id, SPI), and the CHILD_SAs as (id, SPI in, SPI out, state). What was deleted and waits for its
        end is left out; an IKE_SA in which an exchange is under way has no SPI."""
        ikes, children = [], []
        with self._lock:
            rows = self._view.stream("list-sas", "list-sa")
        for raw, row in rows:
            top = next(iter(row)).split(".")[0]
            # pluto does not repeat the DELETE of an IKE_SA that it has rekeyed: charon ends that one after 90 s.
            if row.get(f"{top}.state") in ("REKEYED", "DELETING", "DESTROYING"):
                continue
            busy = b"tasks-active" in raw or b"tasks-queued" in raw
            ikes.append((row[f"{top}.uniqueid"], None if busy else row[f"{top}.initiator-spi"]))
            for key in [one for one in row if one.startswith(f"{top}.child-sas.") and one.endswith(".state")]:
                base = key.removesuffix("state")
                if row[key] not in ("DELETED", "DELETING"):
                    children.append((row[f"{base}uniqueid"], row.get(f"{base}spi-in"), row.get(f"{base}spi-out"), row[key]))
        return ikes, children

    def rekey(self, kind):
        """Returns at once; the rekey has begun, or is queued."""
        ikes, children = self.sas()
        if kind == "IKE":
            self._order.ask("rekey", **{"ike-id": ikes[-1][0]})
        else:
            self._order.ask("rekey", **{"child-id": children[-1][0]})

    def close(self):
        self._order.close()
        self._view.close()


class Pluto:
    """libreswan by whack. Its CHILD_SAs are read from the kernel, which has no other."""

    def __init__(self, pluto=libreswan.FIRST):
        self.name, self.namespace, self._pluto = "libreswan", pluto.namespace, pluto

    def sas(self):
        """The same, with None for the IKE_SAs: how many there are the gateway's charon knows as well."""
        inward, outward = [], []
        for line in netns.run("ip", "-n", self.namespace, "xfrm", "state", "list", "nokeys").split("\nsrc "):
            spi = re.search(r"spi 0x([0-9a-f]{8})", line)
            if spi and "replay-window" in line and "larval" not in line:
                address = line.removeprefix("src ").split()[0]
                (outward if address == self._pluto.ends["address"] else inward).append(spi[1])
        if len(inward) != len(outward):
            return None, [(None, None, None, "HALF")]
        return None, [(None, i, o, "INSTALLED") for i, o in zip(inward, outward)]

    def rekey(self, kind):
        names = ["--rekey-ike"] if kind == "IKE" else ["--rekey-child"]
        return self._pluto.whack(*names, "--asynchronous", "--name", libreswan.NAME)

    def close(self):
        pass
