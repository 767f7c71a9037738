"""Who sees IKE on its way knows SPIs and message IDs. Unprotected messages in the peer's name change nothing of an
IKE_SA: it stays, with its peer's address, and the peer's next request is answered.

Runs like culvert_conf_test.py.
"""

import re
import struct
import sys

from conf_bench import connection, expect, main, tunnel
from ike_lab import GATEWAY, run, wait_for
from ike_wire import CREATE_CHILD_SA, HEADER, IKE_AUTH, IKE_SA_INIT, INFORMATIONAL, INITIATOR, NOTIFY, RESPONSE, SA, SK

SKF, UNKNOWN = 53, 200
STRANGER = "192.0.2.99"
NUMBERS = range(8)  # message IDs, with the one that is expected among them


def payload(body, length=None, critical=False):
    return struct.pack(">BBH", 0, critical << 7, length or len(body) + 4) + body


# First payload and octets, none of them with an integrity checksum.
FORGED = {
    "nothing": (0, b""),
    "a refusal": (NOTIFY, payload(struct.pack(">BBH", 0, 0, 14))),
    "an odd SA": (SA, payload(b"\1\2\3\4")),
    "an SA cut off": (SA, payload(b"\1\2\3\4", length=800)),
    "something critical": (UNKNOWN, payload(b"\1\2\3\4", critical=True)),
    "SK cut off": (SK, payload(b"\0" * 40, length=800)),
    "SK without room": (SK, payload(b"", length=2)),
    "SK with nothing in it": (SK, payload(b"")),
    "SK of noughts": (SK, payload(b"\0" * 64)),
    "fragment 0": (SKF, payload(struct.pack(">HH", 0, 2) + b"\0" * 60)),
    "a fragment with nothing in it": (SKF, payload(struct.pack(">HH", 1, 2))),
    "another": (SKF, payload(struct.pack(">HH", 2, 2))),
    "fragment 3 of 2": (SKF, payload(struct.pack(">HH", 3, 2) + b"\0" * 60)),
}


def established(bench):
    """SPIs of the gateway's only IKE_SA, and its peer's address."""
    found = re.findall(r"ESTABLISHED, IKEv2, ([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r", bench.gateway.swanctl("--list-sas"))
    peer = re.search(r"remote '\S+' @ (\S+)\[", bench.gateway.swanctl("--list-sas"))
    return (*found[0], peer[1]) if len(found) == 1 and peer else None


def forge(bench, role):
    """All that can be said without a key, in the name of the peer, which is IKE's initiator (role) or not."""
    spi_i, spi_r, _ = wait_for("an IKE_SA", lambda: established(bench))
    packets = []
    for exchange in (IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL):
        for flags in (role, role | RESPONSE):
            for kind, body in FORGED.values():
                packets += [(HEADER.pack(bytes.fromhex(spi_i), bytes.fromhex(spi_r), kind, 0x20, exchange, flags, n,
                                         HEADER.size + len(body)) + body).hex() for n in NUMBERS]
    sender = (f"import socket, sys\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('{STRANGER}', 4444))\n"
              f"for line in sys.stdin: s.sendto(bytes.fromhex(line), ('{GATEWAY}', 500))\n")
    run(*bench.carrier.command("python3", "-S", "-c", sender), input="\n".join(packets))


def check(bench, role):
    before, child = established(bench), bench.gateway.report()["t1"]["children"]
    forge(bench, role)
    assert established(bench) == before, (before, established(bench), bench.gateway.read_log()[-2000:])
    bench.carrier.swanctl("--rekey", "--child", "k1")
    bench.gateway.wait_tunnel("t1", "rekeyed by its peer", lambda r: r["children"] and r["children"] != child)
    assert established(bench) == before


def test_of_ours(bench):
    bench.start(tunnel(1))
    bench.gateway.wait_up("t1")
    check(bench, 0)


def test_after_a_rekey(bench):
    """Message IDs begin at 0 again: an IKE_SA_INIT has the one that is expected."""
    before = established(bench)
    bench.gateway.swanctl("--rekey", "--ike", "t1")
    wait_for("another IKE_SA", lambda: established(bench) not in (None, before))
    check(bench, 0)


def test_of_the_peer(bench):
    bench.gateway.stop()
    bench.carrier.stop()
    bench.carrier.start()
    bench.load_carrier(connection(1))
    bench.freeze(tunnel(1, initiator="carrier"), current=True)
    bench.gateway.start()
    bench.carrier.swanctl("--initiate", "--child", "k1", "--timeout", "5")
    bench.gateway.wait_up("t1")
    check(bench, INITIATOR)


def test_fragments_pass(bench):
    """What is put together from protected fragments is a message like any other."""
    path = f"{bench.carrier.folder}/strongswan.conf"
    with open(path, encoding="ascii") as f:
        settings = f.read()
    bench.carrier.stop()
    with open(path, "w", encoding="ascii") as f:
        f.write(settings.replace("load =", "fragment_size = 300\n    load =", 1))
    bench.gateway.ask("restart t1")
    bench.carrier.start()
    bench.load_carrier(connection(1))
    log = bench.carrier.swanctl("--initiate", "--child", "k1", "--timeout", "5")
    expect(log, r"splitting IKE message .* into \d fragments")
    bench.gateway.wait_up("t1")


if __name__ == "__main__":
    sys.exit(main(globals()))
