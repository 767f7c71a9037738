"""A rekey of both ends that certainly collides: the segment holds their requests back until either end has sent one. Then
both are sent on together, so that each end gets the other's while it waits for the answer to its own."""

import socket

import check
import netns
import topology
import wire

IKE, CREATE_CHILD_SA, RESPONSE = 500, 36, 0x20
LIMIT = 100  # seconds until both requests are sent; a second is usual

# It is done before the road loses any: what is held is not lost. Nothing here is encapsulated, so port 500 is all of IKE.
_HOLD = f"""
table bridge hold {{
	chain forward {{
		type filter hook forward priority -1;
		udp dport {IKE} @th,208,8 {CREATE_CHILD_SA} @th,216,8 & {RESPONSE} == 0 drop
	}}
}}
"""


class _End:
    """One end as the segment sees it: what it sends comes in by its port and leaves by the other's."""

    def __init__(self, address, port):
        self._address, self._capture = address, wire.Capture("seg", port)

    def _first(self, wanted):
        return next((one for one in self._capture.frames()
            if one.src == self._address and one.sport == IKE and one.payload[18] == CREATE_CHILD_SA and wanted(one.payload)), None)

    def request(self):
        return self._first(lambda message: not message[19] & RESPONSE)

    def answer(self, request):
        """That to another end's request: the SPIs and the message id are the same."""
        return self._first(lambda message: message[19] & RESPONSE
            and (message[:16], message[20:24]) == (request.payload[:16], request.payload[20:24]))

    def deliver(self, one):
        """Another end's frame, by this one's port. Its sender left the UDP checksum to hardware that is not there: it has none."""
        with netns.inside("seg"):
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        with sock:
            sock.sendto(one.raw[:40] + b"\0\0" + one.raw[42:], (self._capture.interface, 0))

    def close(self):
        self._capture.close()


class Collision:
    """From before the ends are told to rekey until they have."""

    def __init__(self):
        self._ends = (_End(topology.GATEWAY, "gw"), _End(topology.CARRIER, "p1"))
        with netns.inside("seg"):
            netns.run("nft", "-f", "-", stdin=_HOLD)

    def release(self):
        """Sends both requests on when they are there, or what is there in time."""
        ours, theirs = self._ends
        check.poll(lambda: ours.request() and theirs.request(), LIMIT, 0.02)
        for to, request in ((theirs, ours.request()), (ours, theirs.request())):
            if request:
                to.deliver(request)
        with netns.inside("seg"):
            netns.run("nft", "delete", "table", "bridge", "hold")

    def happened(self):
        """Whether both requests were on the wire before the answer to either; asked at the end."""
        ours, theirs = self._ends
        requests = (ours.request(), theirs.request())
        if None in requests:
            return False
        answers = (theirs.answer(requests[0]), ours.answer(requests[1]))
        return max(one.when for one in requests) < min((one.when for one in answers if one), default=0)

    def close(self):
        for one in self._ends:
            one.close()
