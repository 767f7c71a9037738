"""300 tunnels rise together, with keys that live for half a minute: from the second period on their rekeys are even. No
tenth of the period has more than 1.5 times its share, wherever it begins. That no second has, of 10,000 tunnels at the
shipped times, is shown in model time by tests/unit/spread_test.c.

The calendar deals rekeys out, it does not throw dice: 25 are planned for each second, and an idle machine begins at most 29
in any. But what is counted is when the gateway's charon begins them, by its log. A busy machine lets it wait and then make
up for that, half a second of which makes the next one half as full again; in a tenth of the period that takes 1.5 s. And as
the log's reader waits as well, time is taken from one look at the log to another, whatever that took. Of the seconds 19 in
20 are held to the same bound.
"""

import collections
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import fleet  # noqa: E402
from charons import Ours, Stock, Wire  # noqa: E402

SIZE, IKE, CHILD, CEILING = 300, 30, 24, 60
MOST = 1.5
Look = collections.namedtuple("Look", "came to begun")
BEGUN = re.compile(r"establishing CHILD_SA a\d+\{\d+\} reqid|initiating IKE_SA t\d+\[\d+\] to")


def looks_at(charon, until):
    """Looks at the log until then, each from and to a time in seconds since now, and how many rekeys had begun."""
    start, begun, looks = time.monotonic(), 0, []
    with open(f"{charon.folder}/log", encoding="utf-8", errors="replace") as log:
        log.seek(0, os.SEEK_END)
        rest = ""
        while not looks or looks[-1].to < until:
            came = time.monotonic() - start
            *lines, rest = (rest + log.read()).split("\n")
            begun += sum(1 for line in lines if BEGUN.search(line))
            looks.append(Look(came, time.monotonic() - start, begun))
            time.sleep(0.02)  # a log says nothing when it grows
    return looks


def rate(first, last):
    """Rekeys per second from one look to another; what the latter found began after the former came."""
    return (last.begun - first.begun) / (last.to - first.came)


def rates(looks, width):
    """Rekeys per second in each span of so many seconds, the least first."""
    spans = ((one, next((other for other in looks[at:] if other.to >= one.came + width), None)) for at, one in enumerate(looks))
    return sorted(rate(first, last) for first, last in spans if last)


def main():
    wire = Wire()
    ours, carrier = Ours(wire, SIZE), Stock(wire, "ours-carrier", SIZE, "carrier")
    ours.conf = fleet.write_operators_file(
        f"{ours.folder}/etc", SIZE, tunnel_keys=f"rekey = {{ ike = {IKE}; child = {CHILD}; ceiling = {CEILING}; }};"
        "retransmission = { timeout = 2.0; base = 1.5; tries = 3; };")
    try:
        for charon in (ours, carrier):
            charon.start()
        ours.load(f"added={SIZE} changed=0 removed=0 kept=0")
        carrier.load()
        carrier.bring_up(range(SIZE))
        looks = [one for one in looks_at(ours, 2 * IKE) if one.came >= IKE]
        mean = rate(looks[0], looks[-1])
        peak, seconds = rates(looks, IKE / 10)[-1], rates(looks, 1)
        usual = seconds[len(seconds) * 19 // 20]
        print(f"in the second period {mean:.1f} rekeys a second; in a tenth of it at most {peak:.1f}, "
            f"in 19 of 20 seconds {usual:.1f}, in one {seconds[-1]:.1f}")
        assert mean * IKE >= 2 * SIZE * 0.9, mean
        assert peak <= MOST * mean and usual <= MOST * mean, (peak, usual, mean)
        log = ours.read_log()
        assert "could not be renewed" not in log and "ceiling" not in log and ours.count_up() == SIZE, log[-3000:]
    finally:
        for charon in (ours, carrier):
            charon.kill()


if __name__ == "__main__":
    main()
