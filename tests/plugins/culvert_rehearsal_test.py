"""Rehearsals of rekeys: once for what was negotiated, remembered, few at a time, never while another tunnel is down.

Runs like culvert_conf_test.py. That nothing happens to a tunnel is seen by another one, which came up later and so has
its turn later: when that one is done, the first one's turn has passed.
"""

import os
import re
import signal
import sys

from conf_bench import connection, expect, main, text_of, tunnel
from ike_lab import run, wait_for

NO_PFS, OTHER_PFS = "aes256-sha256", "aes256-sha256-ecp384"
SECOND = "aes256-sha256-ecp384"  # another suite that an operator may name
AT_ONCE = 4
NUMBERS = range(1, 31)
FRESH = iter(NUMBERS[4:])


def book(bench):
    """The file: tunnel to digest, result."""
    try:
        with open(f"{bench.gateway.folder}/state/rehearsals", encoding="ascii") as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return {}
    assert lines[0] == "culvert rehearsals 1" and lines[-1] == f"end {len(lines) - 2}", lines
    return {line.split()[0]: tuple(line.split()[1:3]) for line in lines[1:-1]}


def rewrite(bench, change):
    path = f"{bench.gateway.folder}/state/rehearsals"
    with open(path, encoding="latin-1") as f:
        text = f.read()
    with open(path, "w", encoding="latin-1") as f:
        f.write(change(text))


def begun(bench, name, mark=0):
    """How often a rehearsal of a tunnel was begun."""
    return bench.gateway.read_log()[mark:].count(f"tunnel {name}: rehearsing its rekeys")


def mark(bench):
    return len(bench.gateway.read_log())


def wait_result(bench, name, pattern="passed", limit=30):
    row = bench.gateway.wait_tunnel(name, f"rehearsed: {pattern}", lambda r: r["rehearsal"] != "-", limit)
    expect(row["rehearsal"], f"^({pattern})$")
    wait_for(f"{name} in the file", lambda: book(bench).get(name, ("", ""))[1] == row["rehearsal"])
    return row


def load_carrier(bench, without=(), **changes):
    """A connection for every tunnel; t1={...}: what is different about it."""
    bench.load_carrier(*(connection(n, **changes.get(f"t{n}", {})) for n in NUMBERS if n not in without))


def rehearse_last(bench, *others):
    """A tunnel that was never there comes up and is rehearsed, after all that are up already. Returns it."""
    bench.gateway.wait_up(*(t["name"] for t in others))
    fresh = tunnel(next(FRESH))
    bench.switch(*others, fresh)
    wait_result(bench, fresh["name"])
    return fresh


def test_passes(bench):
    for n in NUMBERS:
        run("ip", "-n", "carrier", "address", "replace", f"192.0.2.{10 + n}/24", "dev", "wan")
    bench.carrier.start()
    load_carrier(bench)
    bench.freeze(tunnel(1), current=True)
    bench.gateway.start()
    before = bench.gateway.wait_up("t1")["t1"]["children"]
    after = wait_result(bench, "t1")
    assert after["state"] == "up" and after["failure"] == "-", after
    assert after["children"]["a1"][0][1:] != before["a1"][0][1:], "the CHILD_SA is the one that it was"
    expect(bench.gateway.read_log(), r"CHILD_SA a1\{\d+\} established.*\n(.*\n)*.*IKE_SA t1\[\d+\] rekeyed")
    assert begun(bench, "t1") == 1


def test_once(bench):
    """Not when the tunnel comes up again, and not when charon does."""
    bench.gateway.ask("restart t1")
    fresh = rehearse_last(bench, tunnel(1))
    assert begun(bench, "t1") == 1
    assert bench.gateway.stop() == 0
    here = mark(bench)
    bench.freeze(tunnel(1), fresh, current=True)
    bench.gateway.start()
    bench.gateway.wait_up("t1", fresh["name"])
    assert {r["rehearsal"] for r in bench.gateway.report().values()} == {"passed"}
    rehearse_last(bench, tunnel(1), fresh)
    assert not begun(bench, "t1", here) and not begun(bench, fresh["name"], here)


def test_gone_tunnels_are_forgotten(bench):
    fresh = rehearse_last(bench, tunnel(1))
    assert set(book(bench)) == {"t1", fresh["name"]}


def test_changed_suite(bench):
    bench.switch(tunnel(1), tunnel(2))
    wait_result(bench, "t2")
    here = mark(bench)
    before = book(bench)["t1"]
    load_carrier(bench, t1={"proposal": SECOND, "esp": SECOND})
    bench.switch(tunnel(1, suite=SECOND), tunnel(2))
    wait_for("t1 rehearsed again", lambda: book(bench)["t1"][1] == "passed" and book(bench)["t1"] != before)
    assert begun(bench, "t1", here) == 1 and not begun(bench, "t2", here)


def test_another_apn(bench):
    """What the peer thinks of another CHILD_SA is not known."""
    apns = {1: "10.1.0.0/16", 77: "10.77.0.0/16"}
    here = mark(bench)
    load_carrier(bench, t1={"proposal": SECOND, "esp": SECOND, "apns": apns})
    bench.gateway.ask("restart t1")
    bench.gateway.wait_up("t1")
    bench.switch(tunnel(1, suite=SECOND, apns=apns), tunnel(2))
    wait_for("t1 rehearsed again", lambda: begun(bench, "t1", here))
    row = wait_result(bench, "t1")
    assert all(len(kids) == 1 for kids in row["children"].values()) and len(row["children"]) == 2, row


def check_mismatch(bench, n, esp):
    name, here = f"t{n}", mark(bench)
    load_carrier(bench, **{name: {"esp": esp}})
    bench.switch(tunnel(n))
    first = bench.gateway.wait_up(name)[name]["children"][f"a{n}"]
    row = wait_result(bench, name, "child-proposal")
    assert row["state"] == "up" and [kid[1] for kid in row["children"][f"a{n}"]] == [kid[1] for kid in first], (first, row)
    expect(bench.gateway.read_log()[here:], f"tunnel {name}: rehearsal of the rekeys failed: .*check PFS")
    # Neither again by itself, nor when it comes up again.
    rehearse_last(bench, tunnel(n))
    bench.gateway.ask(f"restart {name}")
    rehearse_last(bench, tunnel(n))
    assert begun(bench, name, here) == 1
    assert len(re.findall(f"tunnel {name}: rehearsal of the rekeys failed", bench.gateway.read_log()[here:])) == 1
    assert bench.gateway.report()[name]["rehearsal"] == "child-proposal"


def test_peer_without_pfs(bench):
    check_mismatch(bench, 3, NO_PFS)


def test_peer_with_another_group(bench):
    check_mismatch(bench, 4, OTHER_PFS)


def test_mended(bench):
    """The carrier corrects its side: the next rekey that succeeds says so."""
    load_carrier(bench)
    bench.gateway.ask("restart t4")
    bench.gateway.wait_up("t4")
    assert bench.gateway.report()["t4"]["rehearsal"] == "child-proposal"
    assert bench.gateway.ask("rekey t4") == "ok"
    bench.gateway.wait_tunnel("t4", "mended", lambda r: r["rehearsal"] == "passed")
    wait_for("in the file", lambda: book(bench)["t4"][1] == "passed")


def test_switched_off(bench):
    here = mark(bench)
    off = tunnel(next(FRESH), rehearse=False)
    bench.switch(off)
    fresh = rehearse_last(bench, off)
    assert not begun(bench, off["name"], here)
    row = bench.gateway.report()[off["name"]]
    # A change of that alone disturbs nothing.
    bench.switch({k: v for k, v in off.items() if k != "rehearse"}, fresh)
    assert bench.gateway.report()[off["name"]]["children"] == row["children"]


def test_no_answer(bench):
    """The carrier falls silent between the tunnel's rise and its turn."""
    silent = tunnel(next(FRESH))
    bench.switch(silent)
    bench.gateway.wait_up(silent["name"])
    bench.carrier.process.send_signal(signal.SIGSTOP)
    try:
        wait_result(bench, silent["name"], "no-answer")
    finally:
        bench.carrier.process.send_signal(signal.SIGCONT)
    bench.gateway.wait_up(silent["name"])
    assert bench.gateway.report()[silent["name"]]["rehearsal"] == "no-answer"


def pair(bench, *more):
    """a1 is on t1 and on t2."""
    text, ids = text_of((tunnel(1), tunnel(2, apns={}), *more))
    bench.number += 1
    bench.gateway.write(bench.number, text.replace('tunnels = [ "t1" ]', 'tunnels = [ "t1", "t2" ]'),
                        ids + "if_id a1/t2 50\n", {"carrier.psk": "correct-horse-battery-staple-0123456789\n"})
    bench.gateway.switch(bench.number)


def test_never_while_another_is_down(bench):
    rehearse_last(bench)
    here = mark(bench)
    load_carrier(bench, without=[2])
    pair(bench)
    bench.gateway.wait_up("t1")
    fresh = tunnel(next(FRESH))
    pair(bench, fresh)
    wait_result(bench, fresh["name"])
    assert not begun(bench, "t1", here) and bench.gateway.report()["t1"]["rehearsal"] == "-"
    load_carrier(bench, t2={"apns": {1: "10.1.0.0/16"}})
    wait_result(bench, "t1")
    wait_result(bench, "t2")
    steps = re.findall("tunnel (t[12]): rehears(?:ing its rekeys|al of the rekeys passed)", bench.gateway.read_log()[here:])
    assert len(steps) == 4 and steps[0] == steps[1] and steps[2] == steps[3], f"both at once: {steps}"


def test_begun_and_not_ended(bench):
    """As a charon leaves it that was killed: once more, then it counts as failed."""
    load_carrier(bench)
    bench.freeze(tunnel(1), current=True)
    for word, times, result in (("begun", 1, "passed"), ("again", 0, "ended")):
        assert bench.gateway.stop() == 0
        rewrite(bench, lambda text, word=word: re.sub(r"^(t1 \S+) \S+", rf"\1 {word}", text, flags=re.M))
        here = mark(bench)
        bench.gateway.start()
        bench.gateway.wait_tunnel("t1", result, lambda r, result=result: r["rehearsal"] == result)
        assert begun(bench, "t1", here) == times


def test_damaged_file(bench):
    assert bench.gateway.stop() == 0
    for damage in (lambda text: text[:len(text) // 2], lambda text: "\0\xff" * 1000, lambda text: ""):
        rewrite(bench, damage)
        here = mark(bench)
        bench.freeze(tunnel(1), current=True)
        bench.gateway.start()
        wait_result(bench, "t1")
        assert bench.gateway.read_log()[here:].count("is damaged: rehearsals are begun anew") == 1
        assert bench.gateway.stop() == 0
        assert set(book(bench)) == {"t1"}


def test_no_place_for_the_file(bench):
    """What could not be remembered is not done."""
    path = f"{bench.gateway.folder}/state"
    os.rename(path, f"{path}.away")
    with open(path, "w", encoding="ascii"):
        pass
    here = mark(bench)
    bench.gateway.start()
    bench.gateway.wait_up("t1")
    wait_for("the complaint", lambda: "it could not be remembered" in bench.gateway.read_log()[here:])
    wait_for("t1's turn", lambda: begun(bench, "t1", here))
    assert not re.search("rehearsal of the rekeys|CHILD_SA.*rekey", bench.gateway.read_log()[here:])
    assert bench.gateway.report()["t1"]["rehearsal"] == "-"
    assert bench.gateway.stop() == 0
    os.unlink(path)
    os.rename(f"{path}.away", path)


def test_few_at_once(bench):
    numbers = range(1, 21)
    os.unlink(f"{bench.gateway.folder}/state/rehearsals")
    here = mark(bench)
    bench.freeze(*(tunnel(n) for n in numbers), current=True)
    bench.gateway.start()
    wait_for("all have passed", lambda: all(r["rehearsal"] == "passed" for r in bench.gateway.report().values()), 60)
    running, most = set(), 0
    for name, what in re.findall(r"tunnel (t\d+): (rehearsing its rekeys|rehearsal of the rekeys passed)",
                                 bench.gateway.read_log()[here:]):
        (running.add if what.startswith("rehearsing") else running.remove)(name)
        most = max(most, len(running))
    assert not running and 1 < most <= AT_ONCE, most
    assert all(begun(bench, f"t{n}", here) == 1 for n in numbers)


def test_clean_stop(bench):
    assert bench.gateway.stop() == 0
    assert "LeakSanitizer" not in bench.gateway.read_log()


if __name__ == "__main__":
    sys.exit(main(globals(), rehearsal_delay=1))
