import os
import signal
import time

import check
import drift
import gateway
import libreswan
import netns
import operators_file
import systemd
import traffic

GONE = "XFRM policies of link meters/vf-praha (if_id 1) are gone"
# The last one has as many policies as before: one of them is there and blocks.
LOSSES = (
    "ip xfrm policy flush",
    "ip xfrm policy list nosock | awk '/^src/ {ends = $0} /dir fwd/ {print \"ip xfrm policy delete \" ends \" dir fwd if_id 1\"}' | sh",
    "ip xfrm policy list nosock | awk '/^src/ {ends = $0} /dir out/ {print \"ip xfrm policy update \" ends"
        " \" dir out if_id 1 action block\"}' | sh",
)
VERIFIED = 120  # seconds; a verification rests twenty times as long as it takes, which is long where the machine is slow
MENDED = 150  # seconds; the fourth order within ten minutes waits four times as long as the second
EVERY = "src 0.0.0.0/0 dst 0.0.0.0/0"
TEMPLATE = "tmpl proto esp mode tunnel"
ADDED = (
    (f"{EVERY} dir fwd if_id 1 {TEMPLATE}", "policy fwd of if_id 1, 0.0.0.0/0 -> 0.0.0.0/0: wider than the selectors"),
    (f"{EVERY} dir out priority 1", "policy out of if_id 0, 0.0.0.0/0 -> 0.0.0.0/0: of no configured link"),
    (f"{EVERY} dir in if_id 77 {TEMPLATE}", "policy in of if_id 77, 0.0.0.0/0 -> 0.0.0.0/0: of no configured link"),
)


def _policies():
    return netns.run("ip", "xfrm", "policy", "list", "nosock")


def _directions():
    return sorted(line.split()[1] for line in _policies().splitlines() if line.strip().startswith("dir ") and "block" not in line)


def _verified(words=None):
    """What the last verification says: those words among other things, or that all is exact."""
    def says():
        last = gateway.status().get("verify") or {"first": [], "verdict": None}
        return any(words in line for line in last["first"]) if words else last["verdict"] == "exact"

    return check.poll(says, VERIFIED, 0.2)


def _lose(lab, command):
    before, _ = drift.reported()
    whole = _directions()
    done = time.monotonic()
    with gateway.unwatched():
        netns.run("sh", "-c", command)
        lab.check(f"{command.partition(' |')[0]}: is done", len(_directions()) < len(whole), _policies())
    said = drift.await_report(before, GONE)
    lab.check("  noticed and reported", said, drift.reported())
    lab.check("  the policies are back", check.poll(lambda: _directions() == whole, MENDED, 0.1), _policies())
    print(f"         after {time.monotonic() - done:.1f} s")
    lab.check("  traffic flows", check.poll(lab.uplink.ask, 30, 0.1), "no answer")
    mended = check.poll(lambda: any(one["repaired"] for one in drift.reported()[1] if GONE in one["what"]), 30, 0.1)
    lab.check("  it is said to be repaired", mended, drift.reported())
    lab.check("  verify says exact", _verified(), gateway.status().get("verify"))


def _add(lab, policy, words):
    """It stays; whoever reads the status knows of it."""
    done = time.monotonic()
    netns.run("ip", "xfrm", "policy", "update", *policy.split())
    lab.check(f"{words}: told", _verified(words), gateway.status().get("verify"))
    print(f"         after {time.monotonic() - done:.1f} s")
    netns.run("ip", "xfrm", "policy", "delete", *policy.partition(" tmpl")[0].partition(" priority")[0].split())
    lab.check("  and that it is gone", _verified(), gateway.status().get("verify"))


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    lab.require_up()
    lab.require("verify says exact", _verified(), gateway.status().get("verify"))
    for policy, words in ADDED:
        _add(lab, policy, words)
    for command in LOSSES:
        _lose(lab, command)
    lab.check("the tunnel was not restarted", "asked to restart" not in systemd.journal(gateway.CULVERTD, 400))

    # With charon away nobody can set them; nothing leaks, and charon makes all anew when it is back.
    pid = systemd.main_pid(gateway.CULVERTD)
    os.kill(pid, signal.SIGSTOP)
    netns.run("ip", "xfrm", "policy", "flush")
    lab.check("with culvertd held they stay away, and nothing flows", not lab.uplink.ask(2) and not _directions(), _policies())
    os.kill(pid, signal.SIGCONT)
    lab.check("they are back when it goes on", check.poll(lambda: _directions() and lab.uplink.ask(), MENDED, 0.2), _policies())
    systemd.stop(gateway.CHARON)
    netns.run("ip", "xfrm", "policy", "flush")
    systemd.start(gateway.CHARON)
    gateway.await_carrying()
    lab.check("a charon that begins anew brings its own", check.poll(lambda: _directions() and lab.uplink.ask(), 60, 0.2), _policies())
    stream = traffic.Stream()
    lab.check("traffic flows on", stream.await_answers(20))
    stream.stop()
