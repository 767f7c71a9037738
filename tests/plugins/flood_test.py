"""Under ten times as many forged IKE_SA_INIT requests as there are handshakes, 99 of 100 handshakes succeed.

HANDSHAKES tunnels of four carrier addresses come up while the flood goes on, half of it in the carriers' own names, the
other half from addresses that nobody has. One tunnel's peer may have any address, so that every forged request gets as
far as it can; the walls, which would keep most of it away, are not there. Three gateways take turns: ours as shipped;
stock charon with its own defaults; ours with charon's protection off, which must keep what it is told.
"""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import charons  # noqa: E402
import fleet  # noqa: E402
import measure  # noqa: E402
import vici  # noqa: E402
from charons import Ours, Stock, Wire  # noqa: E402
from ike_lab import count, run, wait_for  # noqa: E402

HANDSHAKES = count(200, 2000)
RATE = 40.0  # handshakes a second
FLOOD = 10 * RATE
ADDRESSES = [f"172.16.0.{n}" for n in range(1, 5)]
GIVEN_UP = 16.0  # seconds until a carrier gives a handshake up, by the retransmission below
PROTECTION = ("half_open_timeout", "cookie_threshold", "cookie_threshold_ip", "block_threshold", "init_limit_half_open",
              "init_limit_job_load")


def shipped():
    """What the installed strongswan.conf says about floods; every key must be in it."""
    with open(charons.SHIPPED, encoding="ascii") as f:
        text = f.read()
    return {key: re.search(rf"^\t{key} = (\d+)$", text, re.MULTILINE)[1] for key in PROTECTION}


def protect(charon, protection):
    """Writes its settings anew, with these in place of those that benches have."""
    path = f"{charon.folder}/strongswan.conf"
    with open(path, encoding="ascii") as f:
        text = re.sub(r"^    (half_open_timeout|dos_protection) = .*\n", "", f.read(), flags=re.MULTILINE)
    lines = "".join(f"    {key} = {value}\n" for key, value in protection.items())
    with open(path, "w", encoding="ascii") as f:
        f.write(text.replace("charon-systemd {\n", "charon-systemd {\n" + lines, 1))


def open_first(path, known, unknown):
    """The first tunnel's peer may have any address."""
    with open(path, encoding="ascii") as f:
        text = f.read()
    assert known in text, (path, known)
    with open(path, "w", encoding="ascii") as f:
        f.write(text.replace(known, unknown, 1))


class Flood:
    def __init__(self, namespace):
        limit = int(FLOOD * (HANDSHAKES / RATE + 4 * GIVEN_UP))
        sender = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flood_sender.py")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, sys.executable, "-B", sender, str(FLOOD), str(limit), *ADDRESSES],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end(self):
        """How many packets it has sent; it must have gone on until now."""
        assert self.process.poll() is None, "the flood has ended too soon"
        return int(self.process.communicate()[0])


def half_open(charon):
    connection = vici.Vici(f"{charon.folder}/vici")
    try:
        return int(connection.ask("stats")["ikesas.half-open"])
    finally:
        connection.close()


def shake(gateway, carrier):
    """All tunnels brought up at RATE under the flood. Handshakes that succeeded, packets of the flood, what it costs."""
    flood = Flood(carrier.name)
    most, cpu, size = 0, measure.cpu_of(gateway.pid), measure.resident(gateway.pid)
    wait_for("the flood", lambda: half_open(gateway) > 0)
    began = time.monotonic()
    for n in range(HANDSHAKES):
        time.sleep(max(0.0, began + n / RATE - time.monotonic()))
        carrier.ask("initiate", ike=f"t{n}", child=f"a{n}", timeout=-1)
        if n % 20 == 0:
            most = max(most, half_open(gateway))
    wait_for("every handshake's end", lambda: half_open(carrier) == 0, 3 * GIVEN_UP)
    most = max(most, half_open(gateway))
    seconds = time.monotonic() - began
    sent = flood.end()
    cpu, size = measure.cpu_of(gateway.pid) - cpu, measure.resident(gateway.pid) - size
    up = carrier.count_up()
    print(f"    {up} of {HANDSHAKES} handshakes in {seconds:.0f} s beside {sent} forged requests; at most {most} half open; "
          f"{1000 * cpu / HANDSHAKES:.1f} ms of CPU for each handshake, {size} KiB", flush=True)
    assert sent >= 9.9 * HANDSHAKES, sent
    return up, most


def attempt(wire, name, protection):
    print(f"{name}: {protection}", flush=True)
    side = "stock" if name == "stock" else "ours"
    carrier = Stock(wire, f"{side}-carrier", HANDSHAKES, "carrier")
    protect(carrier, {"retransmit_base": 1.6, "retransmit_tries": 4, "half_open_timeout": 60})
    open_first(f"{carrier.folder}/strongswan.conf", "retransmit_timeout = 10.0", "retransmit_timeout = 1.0")
    if side == "ours":
        gateway = Ours(wire, HANDSHAKES)
        gateway.rewind()
        open_first(gateway.conf, f'peer = "{ADDRESSES[0]}"', 'peer = "any"')
    else:
        gateway = Stock(wire, "stock", HANDSHAKES, "gateway")
        open_first(gateway.conf, f"remote_addrs = {ADDRESSES[0]}", "remote_addrs = %any")
    protect(gateway, protection)
    try:
        for charon in (gateway, carrier):
            charon.start()
            charon.load(*([f"added={HANDSHAKES} changed=0 removed=0 kept=0"] if isinstance(charon, Ours) else []))
        return shake(gateway, carrier)
    finally:
        for charon in (gateway, carrier):
            charon.kill()


def main():
    fleet.peer = lambda n: ADDRESSES[n % len(ADDRESSES)]
    wire = Wire()
    for side in ("ours", "stock"):  # what is answered to nobody goes to the carriers' side, as it goes to the Internet
        run("ip", "-n", side, "route", "add", "default", "via", "192.0.2.2")
    protection = shipped()
    up, most = attempt(wire, "ours", protection)
    assert up >= 0.99 * HANDSHAKES, f"{up} of {HANDSHAKES}"
    # Forged requests in the name of each carrier and of nobody, and handshakes on their way.
    bound = len(ADDRESSES) * int(protection["cookie_threshold_ip"]) + int(protection["cookie_threshold"]) + HANDSHAKES
    assert most <= bound, (most, bound)
    attempt(wire, "stock", {})
    up, most = attempt(wire, "off", {"half_open_timeout": protection["half_open_timeout"], "dos_protection": "no"})
    assert most > 2 * bound or up < 0.99 * HANDSHAKES, f"without protection only {most} are half open"


if __name__ == "__main__":
    main()
