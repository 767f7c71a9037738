"""One state of the matrix: what is sent while something happens to the gateway, and what has become of it."""

import collections
import contextlib
import itertools
import random
import threading
import time

import frame
import matrix
import matrix_eye
import matrix_model as model
import packets
import places
import wire

# What the gateway sends or lets through comes in here; elsewhere a place's own packets do as well.
_FACING = {"carrier": ("wan",), "carrier2": ("wan",), "seg": ("gw",), "cloud": ("eth0", "v110", "v120")}
_FENCED = (("dev1", "host1", "service"), ("dev2", "host1", "service"), ("dev3", "host3", "service"),
    ("host1", "dev1", "downlink"), ("host3", "dev3", "downlink"))
_PORTS = {"service": places.SERVICE, "downlink": places.DOWNLINK}


def _from_gateway(one):
    return one.arrived and one.interface in _FACING.get(one.site, ("eth0", ""))


class Burst:
    """Packets sent together as often as asked, and all sightings of them."""

    PAUSE = 0.05  # seconds between two rounds: what happens meanwhile shall get on

    def __init__(self, eye, senders, probes, seed=""):
        self.probes = probes
        self._eye, self._senders = eye, senders
        self._calls = senders.prepared(self.probes.values())
        random.Random(seed).shuffle(self._calls)
        self.seen = collections.defaultdict(dict)  # number to {(site, interface, arrived, ends): Sighting}
        self.rounds = 0
        eye.forget()

    def prime(self):
        """Begins the flows that answers and errors are of, by the same senders."""
        numbers = itertools.count(max(self.probes, default=0) + 1000)
        first = []
        for flow in model.FLOWS:
            asker, answerer = matrix.BY_NAME[flow.asker], matrix.BY_NAME[flow.answerer]
            packet = packets.udp(asker.four, answerer.known_as(asker), flow.sport, flow.dport, packets.mark(next(numbers)))
            first.append(matrix.Probe(0, asker, answerer, "", "", packet, model.MUST, (), asker.four))
        self._senders.send(self._senders.prepared(first))
        matrix_eye.await_idle()

    def send(self):
        self._senders.send(self._calls)
        self.rounds += 1
        self._look()

    def _look(self):
        for number, one in self._eye.sightings():
            ends = (one.packet.src, one.packet.dst) if one.packet else ()
            self.seen[number].setdefault((one.site, one.interface, one.arrived, ends), one)

    @contextlib.contextmanager
    def sending(self):
        """Round after round while something happens; one whole round is begun after that at least."""
        over = threading.Event()
        failed = []

        def rounds():
            try:
                while not over.wait(self.PAUSE):
                    self.send()
                self.send()
            except Exception as error:  # pylint: disable=broad-except; told where it can be
                failed.append(error)
        thread = threading.Thread(target=rounds)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failed:
            raise failed[0]

    def settle(self, fenced):
        """Waits until what was sent has arrived or is gone. fenced: the gateway works, so that what comes behind must."""
        matrix_eye.await_idle()
        if fenced:
            self._fence()
        self._look()

    def _fence(self):
        """Behind all else from each place comes what is allowed; when that is there, so is what was before it."""
        waiting = {}
        for number, (source, target, what) in enumerate(_FENCED * 2, max(self.probes, default=0) + 1):
            source, target = matrix.BY_NAME[source], matrix.BY_NAME[target]
            packet = packets.udp(source.four, target.known_as(source), 41000 + number % 1000, _PORTS[what],
                packets.mark(number))
            probe = matrix.Probe(number, source, target, "", what, packet, model.MUST, (), source.four)
            waiting[number] = probe
        end = time.monotonic() + wire.LIMIT
        calls = self._senders.prepared(waiting.values())
        self._senders.send(calls)
        while time.monotonic() < end:
            self._look()
            if all(self._arrived(one) for one in waiting.values()):
                return
            time.sleep(0.01)  # the eye has many sockets, and is asked
        missing = [f"{one.source.name} > {one.target.name}" for one in waiting.values() if not self._arrived(one)]
        raise RuntimeError(f"what was sent behind all else has not arrived: {', '.join(missing)}")

    def _arrived(self, probe):
        site = probe.target.namespace or "gateway"
        return any(one.site == site and one.arrived for one in self.seen[probe.number].values())

    def seen_beyond(self, probe):
        """Where it was seen to come from the gateway towards its target."""
        return [one for one in self.seen[probe.number].values() if _from_gateway(one) and one.site in probe.sites]

    def leaks(self):
        """(probe, sighting) of all that was seen where it must not be."""
        for number, probe in self.probes.items():
            own = model.beyond(probe.source)
            for one in self.seen[number].values():
                if not _from_gateway(one) or one.site in probe.sites:
                    continue
                answers = probe.verdict != model.NEVER or probe.source is places.GATEWAY or one.says_to(probe)
                if one.site in own and answers:
                    continue
                yield probe, one

    def unsent(self):
        return [one for one in self.probes.values() if not self.seen[one.number] and one.source is not places.GATEWAY]

    def missing(self):
        """What should have arrived and has not."""
        return [one for one in self.probes.values() if one.verdict == model.MUST and not self._arrived(one)]


def told(probe):
    return (f"{probe.source.name} > {probe.target.name} {probe.kind}, {probe.text} "
        f"({frame.Frame(packets.framed(bytes(6), bytes(6), probe.packet), 0)})")


