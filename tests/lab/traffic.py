"""Datagrams that belong together: services that answer, an exchange, a numbered stream with its losses and gaps."""

import select
import threading
import time

import topology
import wire

SERVICE, DOWNLINK = 5684, 5683  # the ports that the shipped example allows
_DEVICE, _HOST = 40001, 40002  # the ports that devices and cloud hosts send from


class Echo(threading.Thread):
    """A UDP service that returns what it gets to whoever sent it."""

    _over = False

    def __init__(self, namespace, address, port):
        super().__init__(daemon=True)
        self._sock = wire.udp(namespace, address, port)
        self._sock.settimeout(None)
        self.start()

    def close(self):
        """From then on its port is closed."""
        self._over = True
        self._sock.close()

    def run(self):
        while not self._over:
            try:
                payload, sender = self._sock.recvfrom(4096)
                self._sock.sendto(payload, sender)
            except OSError:  # no way back at the moment: as a service would, wait for the next
                continue


class Exchange:
    """Sends from one place to another and awaits the answer."""

    def __init__(self, namespace, source, target):
        self.sock = wire.udp(namespace, *source)
        self.target = target

    def send(self, payload):
        self.sock.sendto(payload, self.target)

    def await_answer(self, payload, limit=wire.LIMIT):
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            try:
                if self.sock.recv(4096) == payload:
                    return True
            except TimeoutError:
                break
            except ConnectionError:  # an ICMP error of an earlier datagram
                continue
        return False

    def ask(self, limit=wire.LIMIT):
        """One datagram with a new token; the token if the answer came, else None."""
        payload = wire.token()
        self.send(payload)
        return payload if self.await_answer(payload, limit) else None


    def ask_with(self, octets, limit=wire.LIMIT):
        """The same with a datagram of that size."""
        payload = wire.token().ljust(octets, b"x")
        try:
            self.send(payload)
        except OSError:  # it does not fit, and may not be taken apart
            return None
        return payload if self.await_answer(payload, limit) else None


def device_to_service():
    return Exchange("dev1", (topology.DEV1, _DEVICE), (topology.CLOUD, SERVICE))


def service_to_device():
    return Exchange("cloud", (topology.CLOUD, _HOST), (topology.DEV1, DOWNLINK))


class Stream(threading.Thread):
    """Numbered datagrams, of a device to the service if nothing else is said, all the time, and the answers to them."""

    INTERVAL = 0.05  # seconds

    def __init__(self, exchange=None):
        super().__init__(daemon=True)
        self.mark = wire.token()
        self.interval = self.INTERVAL  # may be changed at any time
        self.sent, self.answered = {}, {}  # number to monotonic seconds
        self._exchange = exchange or Exchange("dev1", (topology.DEV1, _DEVICE + 10), (topology.CLOUD, SERVICE))
        self._end = threading.Event()
        self.start()

    def run(self):
        sock = self._exchange.sock
        sock.setblocking(False)
        number, due = 0, time.monotonic()
        while not self._end.is_set():
            self._collect(sock, due)
            self.sent[number] = time.monotonic()
            try:
                self._exchange.send(self.token(number))
            except OSError:  # an ICMP error of an earlier one; the number counts as sent, and as lost
                pass
            number += 1
            due = max(due + self.interval, time.monotonic())
        self._collect(sock, time.monotonic() + 2)

    def token(self, number):
        """The datagram of that number."""
        return self.mark + b"x%06d" % number

    def _collect(self, sock, until):
        while select.select([sock], [], [], max(0, until - time.monotonic()))[0]:
            try:
                number = int(sock.recv(2048).rpartition(b"x")[2])
            except OSError:
                continue
            self.answered.setdefault(number, time.monotonic())

    def await_answers(self, count, limit=60):
        """Waits until that many more answers have come; whether they did."""
        wanted, end = len(self.answered) + count, time.monotonic() + limit
        while len(self.answered) < wanted and time.monotonic() < end:
            time.sleep(self.INTERVAL)
        return len(self.answered) >= wanted

    def stop(self):
        """Ends the stream after the last answers; the numbers that stayed without one."""
        self._end.set()
        self.join()
        return sorted(set(self.sent) - set(self.answered))

    def longest_gap(self):
        """Seconds between two answers that followed each other, at most; the wait for the last one counts."""
        times = sorted(self.answered.values()) + [max(self.sent.values())]
        return max((after - before for before, after in zip(times, times[1:])), default=float("inf"))
