"""Malformed IKE neither ends charon nor slows it, and leaves nothing behind.

MESSAGES of them without a key, some thousand from a peer that has the right keys and uses them badly, fragments that never
become a message, and cookies that are none. All the time the gateway has to take good handshakes. In the end no IKE_SA is
left, a handshake costs what it did before, and memory has not grown. Under sanitizers (CULVERT_BUILD and STRONGSWAN name
such builds) they must not say a word, of leaks neither.

malformed_test.py SEED repeats a run.
"""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import charons  # noqa: E402
import ike_lab  # noqa: E402
import ike_wire as wire  # noqa: E402
import malformed_messages as malformed  # noqa: E402
import measure  # noqa: E402
import sanitized  # noqa: E402
from conf_bench import PSK, gateway_settings, text_of, tunnel  # noqa: E402
from ike_lab import Lab, count, wait_for  # noqa: E402
from ike_peer import Peer  # noqa: E402
from ike_responder import Responder  # noqa: E402
from ike_vici import Live  # noqa: E402
from policy_answers import GOOD  # noqa: E402
from policy_steps import FIRST, INIT, establish  # noqa: E402
from policy_target import link  # noqa: E402

IS_SANITIZED = ike_lab.BUILD.endswith("san")
MESSAGES = count(20000, 200000)  # without a key
SEALED = count(400, 4000)  # chains of payloads inside an IKE_SA
FRAGMENTED = count(100, 1000)  # messages in fragments
COOKIES = count(2000, 20000)
TOGETHER = 100  # messages until the gateway must have answered a good one
SHAKES = 40  # handshakes whose cost is measured
DEARER = 2.0  # times what it cost before a handshake may cost
# KiB in use. Of each IKE_SA that stood charon keeps the date of its rekey until then.
GROWTH = 256 + SEALED
# What is in a cache for the next malloc is not in use.
os.environ["GLIBC_TUNABLES"] = "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0"


class Place(Lab):
    """With a kernel that takes every SA, and says how much memory charon has in use."""

    _install = charons.Wire._install


class Target(sanitized.Gateway if IS_SANITIZED else ike_lab.Gateway):
    """Waits for its peer. protection: what charon does against floods, which are not the matter here."""

    def __init__(self, lab, name, protection):
        super().__init__("gateway", f"{lab.folder}/{name}", gateway_settings(f"{lab.folder}/{name}").replace(
            "reuse_ikesa = no", f"reuse_ikesa = no\n    {protection}").replace("default = 1", "default = 0").replace(
            "kernel-libipsec", "bench-kernel").replace(
            "plugins {", f"plugins {{\n        bench-kernel {{ memory = {lab.folder}/{name}/memory }}", 1))
        text, ids = text_of([tunnel(1, initiator="carrier")])
        self.write(1, text, ids, {"carrier.psk": PSK + "\n"}, current=True)

    def memory(self):
        """KiB that malloc has given out."""
        path = f"{self.folder}/memory"
        if os.path.exists(path):
            os.unlink(path)
        self.process.send_signal(signal.SIGHUP)
        wait_for("the octets in use", lambda: os.path.exists(path))
        with open(path, encoding="ascii") as f:
            return int(f.read()) // 1024

    def finish(self):
        """It has run until now and ends well."""
        if IS_SANITIZED:
            self.end()
        else:
            self.alive()
            code = self.stop()
            assert code == 0, f"charon ended with {code}: {self.read_log()[-2000:]}"


class Bad(Peer):
    """A peer, and what it sends besides."""

    def __init__(self, gateway, rng):
        super().__init__(link(1))
        self.gateway, self.rng = gateway, rng
        self.responder = Responder(GOOD)

    def ask(self, data, limit=30.0):
        """As peers do: again after a second. What is sent at once may be more than the gateway's socket holds."""
        end = time.monotonic() + limit
        while (left := end - time.monotonic()) > 0:
            answer = super().ask(data, min(1.0, left))
            if answer is not None:
                return answer
        return None

    def drop(self, data):
        """Sends anything to one port or the other; what is answered is read and forgotten."""
        port = self.rng.choice((500, 4500, 4500))
        if port == 4500 and not self.rng.randrange(20):
            self.ports[4500].sendto(data, (ike_lab.GATEWAY, 4500))  # without the marker
        else:
            self.send(data, port)

    def drain(self):
        """Reads what has come: questions whether the peer lives are answered, answers are forgotten."""
        self.receive(0.0)
        self.unasked.clear()

    def good(self):
        """The gateway takes a good first message, behind all that was sent before; the half of an IKE_SA."""
        payloads, sa = self.init(INIT, limit=30.0)
        self.gateway.alive()
        assert sa, f"a good IKE_SA_INIT gets {payloads}"
        self.drain()
        return sa

    def shake(self):
        """A whole handshake, and its end."""
        sa = establish(self)
        self.delete_ike(sa)


def say(began, text):
    print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)


def cost_of_handshakes(gateway, peer):
    before = measure.cpu_of(gateway.process.pid)
    for _ in range(SHAKES):
        peer.shake()
    return (measure.cpu_of(gateway.process.pid) - before) / SHAKES


def without_a_key(peer, number):
    spis = [(sa.spi_i, sa.spi_r) for sa in (peer.good(), establish(peer))]
    for n in range(number):
        peer.drop(malformed.nobodys(peer.rng, spis))
        if n % TOGETHER == TOGETHER - 1:
            peer.good()
            peer.sas = {key: sa for key, sa in peer.sas.items() if key == spis[1]}
    sa = peer.sas[spis[1]]
    assert peer.request(sa, wire.INFORMATIONAL, []) is not None, "the IKE_SA that stood does not answer any more"
    peer.delete_ike(sa)


def inside(peer):
    """Right keys, wrong messages: of whom is not known yet, and of the peer itself."""
    for n in range(SEALED):
        exchange = peer.rng.choice((wire.IKE_AUTH, wire.CREATE_CHILD_SA, wire.INFORMATIONAL))
        sa = peer.good() if n % 2 else establish(peer)
        for number in range(peer.rng.randint(1, 3)):
            first, chain = malformed.inside(peer.rng, exchange)
            data = sa.seal_chain(exchange, first, chain, sa.next_request + number, False)
            peer.drop(malformed.grow(peer.rng, data) if not peer.rng.randrange(8) else data)
        peer.forget(sa)
    peer.drain()


def fragments(peer):
    for n in range(FRAGMENTED):
        payloads, sa = peer.init(INIT._replace(notifies=(wire.notify(malformed.FRAGMENTATION),)), limit=30.0)
        assert sa and malformed.FRAGMENTATION in dict(wire.notifies(payloads)), "the gateway takes no fragments"
        exchange = peer.rng.choice((wire.IKE_AUTH, wire.IKE_AUTH, wire.CREATE_CHILD_SA, wire.INFORMATIONAL))
        for data in malformed.odd_fragments(peer.rng, sa, exchange, sa.next_request):
            peer.drop(data)
        if n % 2:
            peer.forget(sa)
    peer.drain()


def good_fragments(peer):
    """In any order they are a message: what is sent above is nearly right."""
    payloads, sa = peer.init(INIT._replace(notifies=(wire.notify(malformed.FRAGMENTATION),)))
    identity = wire.encode_id(peer.link.identity)
    proposals = wire.encode_sa([p._replace(spi=os.urandom(4)) for p in FIRST.proposals])
    first, chain = wire.encode_payloads([
        (wire.IDI, identity), (wire.IDR, wire.encode_id(peer.link.remote_identity)), (wire.AUTH, sa.auth(peer.link.psk, identity)),
        (wire.SA, proposals), *peer.selectors(True)])
    pieces = [chain[at:at + 60] for at in range(0, len(chain), 60)]
    parts = [malformed.fragment(sa, wire.IKE_AUTH, first, piece, n + 1, len(pieces), 1) for n, piece in enumerate(pieces)]
    for data in reversed(parts[1:]):
        peer.send(data)
    answer = peer.ask(parts[0])
    assert answer and wire.find(answer[2], wire.AUTH), f"fragments in another order get {answer}"
    sa.next_request = 2
    peer.delete_ike(sa)


def nothing_left(gateway):
    """Halves of IKE_SAs go after half_open_timeout."""
    vici = Live(f"{gateway.folder}/vici")
    wait_for("the end of the last IKE_SA", lambda: gateway.alive() and not vici.sas())
    stats = vici.ask("stats")
    assert stats["ikesas.half-open"] == "0", stats
    vici.close()


def test_messages(lab, rng, began):
    gateway = Target(lab, "open", "dos_protection = no")
    gateway.start()
    try:
        peer = Bad(gateway, rng)
        good_fragments(peer)
        without_a_key(peer, MESSAGES // 4)  # what charon keeps for later is there after that
        nothing_left(gateway)
        pid = gateway.process.pid
        before, size = cost_of_handshakes(gateway, peer), gateway.memory()
        cpu = measure.cpu_of(pid)
        without_a_key(peer, MESSAGES - MESSAGES // 4)
        each = (measure.cpu_of(pid) - cpu) / (MESSAGES - MESSAGES // 4)
        say(began, f"{MESSAGES} messages without a key, {1e6 * each:.0f} us of CPU each; a handshake {1e6 * before:.0f} us")
        inside(peer)
        say(began, f"{SEALED} times wrong messages with right keys")
        fragments(peer)
        good_fragments(peer)
        say(began, f"{FRAGMENTED} times fragments")
        nothing_left(gateway)
        after, growth = cost_of_handshakes(gateway, peer), gateway.memory() - size
        say(began, f"a handshake costs {1e6 * after:.0f} us after, {1e6 * before:.0f} us before; memory has grown by {growth} KiB")
        nothing_left(gateway)
        peer.close()
        assert each < before, "a malformed message costs more than a handshake"
        assert after < DEARER * before, (after, before)
        assert IS_SANITIZED or growth < GROWTH, growth
        gateway.finish()
    finally:
        gateway.stop()


def test_cookies(lab, rng, began):
    """Where charon asks everybody for a cookie."""
    gateway = Target(lab, "cookies", "cookie_threshold = 1\n    cookie_threshold_ip = 1\n    block_threshold = 100000")
    gateway.start()
    try:
        peer = Bad(gateway, rng)
        peer.send(malformed.good_init(rng), 500)  # half open until its time is over
        for n in range(COOKIES):
            cookie = rng.choice((b"", bytes(1), bytes(23), bytes(24), bytes(25), rng.randbytes(24), rng.randbytes(64), rng.randbytes(1000)))
            data = malformed.good_init(rng, cookie)
            peer.drop(rng.choice((malformed.flip, malformed.cut, malformed.with_length))(rng, data) if n % 2 else data)
            if n % TOGETHER == 0:
                peer.drain()
                answer = peer.init(INIT, limit=30.0)[0]
                gateway.alive()
                asked = dict(wire.notifies(answer or [])).get(malformed.COOKIE)
                assert asked or wire.find(answer or [], wire.SA), f"a good IKE_SA_INIT gets {answer}"
        say(began, f"{COOKIES} cookies that are none")
        peer.close()
        nothing_left(gateway)
        gateway.finish()
    finally:
        gateway.stop()


def main(arguments):
    seed = int(arguments[0]) if arguments else int(os.environ.get("MALFORMED_SEED", "1"))
    began = time.monotonic()
    lab = Place()
    for test in (test_messages, test_cookies):
        print(f"{test.__name__.removeprefix('test_')}, seed {seed}", flush=True)
        test(lab, random.Random(seed), began)


if __name__ == "__main__":
    main(sys.argv[1:])
