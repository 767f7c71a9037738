"""Which peers answer: `ask` and `watch` of charon.sock, whatever it was that remained unanswered.

Runs like culvert_conf_test.py. Peers fall silent by nftables in the carrier's namespace. That something is not told is
shown by what is told next.
"""

import re
import signal
import sys
import time

from conf_bench import WRONG, connection, expect, main, tunnel
from ike_lab import Lab, run, wait_for

SLOW = "{ timeout = 2.0; base = 1.6; tries = 5; }"  # as shipped; charon repeats first when the peer is silent already


def patient(number, **changes):
    return tunnel(number, dpd=600, retransmission=SLOW, **changes)


def nft(*words):
    run("ip", "netns", "exec", "carrier", "nft", *words)


def hush(*numbers, how="drop"):
    """What comes for these peers is dropped."""
    nft("add", "table", "inet", "hush")
    nft("add", "chain", "inet", "hush", "in", "{ type filter hook input priority 0; }")
    for number in numbers:
        nft("add", "rule", "inet", "hush", "in", "ip", "daddr", f"192.0.2.{10 + number}", "udp", "dport",
            "{ 500, 4500 }", *how.split())


def wake():
    nft("delete", "table", "inet", "hush")


def write_hosts(bench, address):
    path = f"{bench.lab.folder}/hosts"
    with open(path, "w", encoding="ascii") as f:
        f.write(f"127.0.0.1 localhost\n{address} ipsec.example.net\n")
    return path


class Watcher:
    """A connection that watches; each look is one answer."""

    def __init__(self, bench):
        self.client = bench.gateway.connect()

    def ask(self):
        self.client.socket.sendall(b"watch\n")

    def read(self):
        """Tunnels by name: silent or answers."""
        states = {}
        while (line := self.client.read_line()) != "end":
            assert line, "the answer breaks off"
            state, name = line.split(" ")
            assert state in ("silent", "answers") and name not in states, line
            states[name] = state
        return states

    def look(self):
        self.ask()
        return self.read()

    def wait(self, states):
        """All that is told until these are: nothing else."""
        told = {}
        while told != states:
            told.update(self.look())
            assert told.items() <= states.items(), f"{told} is told, and only {states} should be"


def await_rekeyed(bench, mark):
    """`rekey` has queued the rekeys of a CHILD_SA and of the IKE_SA; all that belongs to them is over."""
    wait_for("the end of the rekeys", lambda: "IKE_SA deleted" in bench.gateway.read_log()[mark:] and not re.search(
        r"tasks-(queued|active)=|state=(REKEYING|DELETING)", bench.gateway.swanctl("--list-sas", "--raw")))


def exchanges(charon):
    return len(re.findall(r"parsed INFORMATIONAL response", charon.read_log()))


def questions(bench):
    return len(re.findall("generating INFORMATIONAL request", bench.gateway.read_log()))


def most_at_a_time(log):
    """IKE_SAs that were begun and not yet established, at the most."""
    open_now, most = set(), 0
    for begun, established_one in re.findall(r"initiating IKE_SA (t\d+\[\d+\])|IKE_SA (t\d+\[\d+\]) established", log):
        open_now = open_now | {begun} if begun else open_now - {established_one}
        most = max(most, len(open_now))
    return most


def test_present_set_first(bench):
    # For test_carrier_that_moves: what is mounted later charon does not see.
    Lab._mount(write_hosts(bench, "192.0.2.11"), "/etc/hosts", None, 0x1000, None)  # MS_BIND
    bench.start()
    with bench.gateway.connect() as client:
        assert client.ask("watch") == "end", "nobody is up"
    bench.switch(patient(1), patient(2), tunnel(3, dpd=600, retransmission="{ timeout = 10.0; base = 1.6; tries = 2; }"))
    bench.gateway.wait_up("t1", "t2", "t3")
    first = Watcher(bench)
    assert first.look() == {f"t{n}": "answers" for n in (1, 2, 3)}
    second = Watcher(bench)
    assert second.look() == {f"t{n}": "answers" for n in (1, 2, 3)}


def test_who_is_not_up_is_not_asked(bench):
    assert bench.gateway.ask("ask t9") == "error tunnel t9 is not up"
    assert bench.gateway.ask("ask") == "error ask takes one argument"


def test_answer_is_no_news(bench):
    watcher = Watcher(bench)
    watcher.look()
    watcher.ask()
    before = exchanges(bench.gateway)
    assert bench.gateway.ask("ask t1") == "ok"
    wait_for("an answer", lambda: exchanges(bench.gateway) > before)
    hush(2)
    assert bench.gateway.ask("ask t2") == "ok"
    assert watcher.read() == {"t2": "silent"}
    wake()
    watcher.wait({"t2": "answers"})


def test_asked_again_one_question_is_out(bench):
    watcher = Watcher(bench)
    watcher.look()
    hush(1)
    before = questions(bench)
    for _ in range(50):
        assert bench.gateway.ask("ask t1") == "ok"
    watcher.wait({"t1": "silent"})
    for _ in range(50):
        assert bench.gateway.ask("ask t1") == "ok"
    assert questions(bench) == before + 1
    # charon has not given it up, nor is it about to.
    assert bench.gateway.report()["t1"]["state"] == "up"
    wake()
    watcher.wait({"t1": "answers"})


def test_one_lost_packet_is_no_silence(bench):
    """charon would repeat it after ten seconds only."""
    watcher = Watcher(bench)
    watcher.look()
    hush(3, how="quota until 150 bytes counter drop")
    before = exchanges(bench.gateway)
    assert bench.gateway.ask("ask t3") == "ok"
    wait_for("an answer", lambda: exchanges(bench.gateway) > before)
    listed = run("ip", "netns", "exec", "carrier", "nft", "list", "table", "inet", "hush")
    expect(listed, r"packets 1 ")
    wake()
    hush(2)
    bench.gateway.ask("ask t2")
    assert watcher.look() == {"t2": "silent"}, "t3 has answered in time"
    wake()
    watcher.wait({"t2": "answers"})


def test_unanswered_rekey(bench):
    watcher = Watcher(bench)
    watcher.look()
    mark = len(bench.gateway.read_log())
    hush(1)
    assert bench.gateway.ask("rekey t1") == "ok"
    watcher.wait({"t1": "silent"})
    wake()
    watcher.wait({"t1": "answers"})
    await_rekeyed(bench, mark)


def test_question_of_a_rekey_serves(bench):
    """No second request: the rekey's answer is what is waited for."""
    watcher = Watcher(bench)
    watcher.look()
    hush(1)
    before, mark = questions(bench), len(bench.gateway.read_log())
    assert bench.gateway.ask("rekey t1") == "ok"
    assert bench.gateway.ask("ask t1") == "ok"
    watcher.wait({"t1": "silent"})
    assert questions(bench) == before
    wake()
    watcher.wait({"t1": "answers"})
    await_rekeyed(bench, mark)


def test_charons_own_question(bench):
    """Dead peer detection, which nobody asked for."""
    bench.switch(patient(1), patient(2), tunnel(3, dpd=1, retransmission=SLOW))
    bench.gateway.wait_up("t3")
    watcher = Watcher(bench)
    watcher.look()
    hush(3)
    watcher.wait({"t3": "silent"})
    wake()
    watcher.wait({"t3": "answers"})


def test_standstill_is_no_silence(bench):
    """A charon that is stopped hears no answer, and cannot say that there was none."""
    watcher = Watcher(bench)
    watcher.look()
    before = questions(bench)
    hush(1)
    bench.gateway.ask("ask t1")
    wait_for("a question", lambda: questions(bench) > before)
    bench.gateway.process.send_signal(signal.SIGSTOP)
    time.sleep(2)  # longer than a question may remain unanswered
    wake()
    bench.gateway.process.send_signal(signal.SIGCONT)
    hush(2)
    bench.gateway.ask("ask t2")
    assert watcher.look() == {"t2": "silent"}, "t1 was not given its time"
    wake()
    watcher.wait({"t2": "answers"})


def test_who_does_not_look_gets_the_last_state(bench):
    idle, watcher = Watcher(bench), Watcher(bench)
    idle.look()
    watcher.look()
    for _ in range(2):
        hush(1, 2)
        bench.gateway.ask("ask t1")
        bench.gateway.ask("ask t2")
        watcher.wait({"t1": "silent", "t2": "silent"})
        wake()
        watcher.wait({"t1": "answers", "t2": "answers"})
    assert idle.look() == {"t1": "answers", "t2": "answers"}


def test_requests_behind_a_watch_wait_for_it(bench):
    watcher = Watcher(bench)
    watcher.look()
    watcher.client.socket.sendall(b"watch\nabort\n")
    hush(1)
    assert bench.gateway.ask("ask t1") == "ok"
    assert watcher.read() == {"t1": "silent"}
    assert watcher.client.read_line() == "ok"
    wake()
    watcher.wait({"t1": "answers"})


def test_many_who_watch_and_leave(bench):
    """Each slot is free again."""
    for _ in range(30):
        watcher = Watcher(bench)
        watcher.look()
        watcher.ask()
        watcher.client.close()
    assert Watcher(bench).look()


def test_given_up_stays_silent(bench):
    """Until it is there again: that charon has given a peer up makes it no better."""
    bench.switch(patient(1), patient(2), tunnel(3, dpd=600))  # 3: given up after 3 s
    bench.gateway.wait_up("t3")
    watcher = Watcher(bench)
    watcher.look()
    hush(3)
    bench.gateway.ask("ask t3")
    watcher.wait({"t3": "silent"})
    bench.gateway.wait_tunnel("t3", "not up", lambda r: r["state"] != "up")
    assert Watcher(bench).look()["t3"] == "silent"
    assert bench.gateway.ask("ask t3") == "error tunnel t3 is not up"
    wake()
    watcher.wait({"t3": "answers"})
    bench.gateway.wait_up("t3")


def test_unknown_tunnels_are_forgotten(bench):
    watcher = Watcher(bench)
    watcher.look()
    hush(3)
    bench.gateway.ask("ask t3")
    watcher.wait({"t3": "silent"})
    bench.gateway.wait_tunnel("t3", "not up", lambda r: r["state"] != "up")
    bench.switch(patient(1), patient(2))
    assert Watcher(bench).look() == {"t1": "answers", "t2": "answers"}
    wake()


def move(old, new):
    """Another address in place of that of the gateway."""
    run("ip", "-n", "gateway", "address", "del", f"{old}/24", "dev", "eth0")
    run("ip", "-n", "gateway", "address", "add", f"{new}/24", "dev", "eth0")


def established(bench, charon=None):
    """Addresses of the peers of a charon's IKE_SAs, the gateway's if nothing else is said."""
    return re.findall(r"remote-host=([0-9.]+)", (charon or bench.gateway).swanctl("--list-sas", "--raw"))


def assert_one_is_left(bench, *addresses):
    wait_for("one IKE_SA for each tunnel", lambda: sorted(established(bench)) == sorted(addresses))
    rows = bench.gateway.report()
    assert {n: r["state"] for n, r in rows.items()} == {"t1": "up", "t2": "up"}, rows
    assert {n: r["failure"] for n, r in rows.items()} == {"t1": "-", "t2": "-"}, rows
    # As shipped charon gives a peer up after a minute.
    assert "giving up" not in bench.gateway.read_log()[bench.mark:]


def begin(bench, *tunnels):
    bench.mark = len(bench.gateway.read_log())
    bench.switch(*tunnels)
    bench.gateway.wait_up("t1", "t2")


def test_peer_that_begins_anew(bench):
    """A gateway that was restarted knows nothing of its IKE_SAs, and answers nothing in them."""
    begin(bench, patient(1), patient(2))
    bench.carrier.stop(signal.SIGKILL)
    bench.carrier.start()
    bench.load_carrier(connection(1), connection(2), connection(3))
    for name in ("t1", "t2"):
        bench.gateway.ask(f"ask {name}")
    wait_for("new IKE_SAs", lambda: len(established(bench, bench.carrier)) == 2)
    assert_one_is_left(bench, "192.0.2.11", "192.0.2.12")


def test_peer_elsewhere(bench):
    """The other one of its addresses is tried first when the peer was lost at one."""
    both = connection(1, address="192.0.2.11,192.0.2.13")
    bench.load_carrier(both, connection(2))
    begin(bench, patient(1, peer=["192.0.2.11", "192.0.2.13"]), patient(2))
    assert established(bench).count("192.0.2.11") == 1
    hush(1)
    bench.gateway.ask("ask t1")
    wait_for("the other address", lambda: "192.0.2.13" in established(bench))
    assert_one_is_left(bench, "192.0.2.13", "192.0.2.12")
    assert "initiating IKE_SA t1[" in bench.gateway.read_log()[bench.mark:]
    wake()


def test_carrier_that_moves(bench):
    """Its name leads to another address, and nothing answers at the old one."""
    write_hosts(bench, "192.0.2.11")
    bench.load_carrier(connection(1), connection(2))
    begin(bench, patient(1, peer="ipsec.example.net"), patient(2))
    assert "192.0.2.11" in established(bench)
    write_hosts(bench, "192.0.2.13")
    hush(1)
    bench.load_carrier(connection(1, address="192.0.2.13"), connection(2))
    watcher = Watcher(bench)
    watcher.look()
    bench.gateway.ask("ask t1")
    watcher.wait({"t1": "silent"})
    watcher.wait({"t1": "answers"})
    assert_one_is_left(bench, "192.0.2.13", "192.0.2.12")
    wake()


def test_address_of_ours_changes(bench):
    """As another lease has it: no question is out that could remain unanswered, and the carrier is told nothing."""
    anybody = [connection(n).replace("remote_addrs = 192.0.2.1\n", "remote_addrs = %any\n") for n in (1, 2)]
    bench.load_carrier(*anybody)
    bench.mark = len(bench.gateway.read_log())
    bench.switch(patient(1), patient(2), outer='address = "dhcp"')
    bench.gateway.wait_up("t1", "t2")
    for old, new in (("192.0.2.1", "192.0.2.77"), ("192.0.2.77", "192.0.2.1")):
        hosts = f"local-host={old} "
        wait_for("IKE_SAs of the address", lambda h=hosts: bench.gateway.swanctl("--list-sas", "--raw").count(h) == 2)
        move(old, new)
        hosts = f"local-host={new} "
        wait_for("IKE_SAs of the new one", lambda h=hosts: bench.gateway.swanctl("--list-sas", "--raw").count(h) == 2)
        assert_one_is_left(bench, "192.0.2.11", "192.0.2.12")


def test_many_tunnels_to_one_address(bench):
    """Stock strongSwan does not answer more than five at a time, in silence. The gateway's own count is judged: on a loaded
    machine the carrier still counts IKE_SAs that its answers have established here."""
    numbers = range(1, 25)
    bench.load_carrier(*(connection(n, address="192.0.2.99") for n in numbers))
    mark = len(bench.gateway.read_log())
    bench.switch(*(patient(n, peer="192.0.2.99") for n in numbers))
    bench.gateway.wait_up(*(f"t{n}" for n in numbers))
    assert 1 <= most_at_a_time(bench.gateway.read_log()[mark:]) <= 4


def packets(address):
    """What came for an address since it was hushed."""
    listed = run("ip", "netns", "exec", "carrier", "nft", "list", "table", "inet", "hush")
    return int(re.search(rf"ip daddr {address} .*packets ([0-9]+) ", listed).group(1))


def test_many_questions_to_one_address(bench):
    """Each falls silent in its time, and a peer that is busy is not kept busy by what repeats them."""
    numbers = range(1, 61)
    bench.load_carrier(*(connection(n, address="192.0.2.99") for n in numbers))
    bench.switch(*(patient(n, peer="192.0.2.99") for n in numbers))
    names = [f"t{n}" for n in numbers]
    bench.gateway.wait_up(*names)
    watcher = Watcher(bench)
    watcher.look()
    before, mark = questions(bench), len(bench.gateway.read_log())
    hush(89, how="counter drop")
    began = time.monotonic()
    for name in names:
        assert bench.gateway.ask(f"ask {name}") == "ok"
    watcher.wait({name: "silent" for name in names})
    sent, ticks = packets("192.0.2.99"), (time.monotonic() - began) * 10
    assert questions(bench) == before + len(names)
    by_charon = len(re.findall(r"retransmit \d+ of request", bench.gateway.read_log()[mark:]))
    assert sent <= len(names) + 3 * (ticks + 2) + by_charon, f"{sent} packets in {ticks / 10:.1f} s, {by_charon} by charon"
    wake()
    watcher.wait({name: "answers" for name in names})


def test_each_has_its_turn(bench):
    """Few are attempted at a time at one address: those that fail over and over do not hold up the others."""
    numbers = range(1, 25)
    hush(89)
    mark = len(bench.gateway.read_log())
    bench.switch(*(tunnel(n, peer="192.0.2.99") for n in numbers))
    def turns():
        return re.findall(r"initiating IKE_SA (t[0-9]+)\[", bench.gateway.read_log()[mark:])
    wait_for("a first attempt of each", lambda: len(turns()) >= len(numbers), 60)
    assert len(set(turns()[:len(numbers)])) == len(numbers), turns()
    wake()


def raw_sockets(bench):
    return run("ip", "netns", "exec", "gateway", "cat", "/proc/net/raw").splitlines()[1:]


def test_nothing_waits_for_early_packets_any_more(bench):
    """Also where no CHILD_SA came of it. One is open while a request for a CHILD_SA is out."""
    wait_for("no raw sockets", lambda: not raw_sockets(bench))
    bench.load_carrier(connection(1), connection(2))
    hush(2)
    bench.switch(tunnel(1), tunnel(2), psk=WRONG)
    row = bench.gateway.wait_tunnel("t1", "refused", lambda r: r["failure"] != "-")
    expect(row["failure"], "AUTHENTICATION_FAILED")
    wait_for("no raw sockets", lambda: not raw_sockets(bench))
    wake()


def test_slow_peer(bench):
    """It is taken for silent once, and waited for from then on. Slow are INFORMATIONAL exchanges (37) alone: of the first ones,
    which may take much longer, nothing is learnt then."""
    bench.gateway.stop()
    bench.carrier.stop()
    with open(f"{bench.carrier.folder}/strongswan.conf", "a", encoding="ascii") as f:
        f.write("charon-systemd { receive_delay = 1500\nreceive_delay_type = 37\nreceive_delay_response = no\n }\n")
    bench.carrier.start()
    bench.load_carrier(connection(1), connection(2))
    bench.freeze(patient(1), patient(2), current=True)
    bench.gateway.start()
    bench.gateway.wait_up("t1", "t2")
    watcher = Watcher(bench)
    watcher.look()
    before = exchanges(bench.gateway)
    bench.gateway.ask("ask t1")
    watcher.wait({"t1": "silent"})
    watcher.wait({"t1": "answers"})
    wait_for("another question's answer", lambda: exchanges(bench.gateway) == before + 2)
    bench.gateway.ask("ask t1")
    wait_for("an answer", lambda: exchanges(bench.gateway) == before + 3)
    bench.gateway.ask("ask t2")
    assert watcher.look() == {"t2": "silent"}, "t1 was waited for"


def test_end(bench):
    """With somebody who watches."""
    watcher = Watcher(bench)
    watcher.look()
    watcher.ask()
    assert bench.gateway.stop() == 0
    assert watcher.client.read_line() == ""


if __name__ == "__main__":
    sys.exit(main(globals(), messages=True))
