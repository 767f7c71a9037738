import json
import os
import re
import signal
import subprocess
import time

import check
import gateway
import libreswan
import netns
import operators_file
import systemd
import traffic

ONE = operators_file.example()
TWO = operators_file.changed({"udp = [ 5684 ];": "udp = [ 5684, 5685 ];"})
THREE = operators_file.changed({"udp = [ 5684 ];": "udp = [ 5684, 5686 ];"})
SLOWER = operators_file.changed({"rekey = { ike = 2760;": "rekey = { ike = 2700;"})
SOONER = operators_file.changed({"child = 2400;": "child = 2300;"})
HOURS = 2 * 3600


def _history():
    return json.loads(gateway.culvert("history", "--json")[1])["generations"]


def _in_force():
    return gateway.status().get("generation")


def _traces():
    """All that a plan could have touched, but counters, what packets put into sets, and the note of the clocks, which culvertd
    renews every minute."""
    walls = re.sub(r"\tset (refused_\w+|asked\d|pinging) \{.*?\n\t\}", "", netns.run("nft", "list", "ruleset"), flags=re.DOTALL)
    listing = walls + netns.run("ip", "-d", "link") + netns.run("ip", "address") + \
        netns.run("ip", "route", "show", "table", "all")
    found = [re.sub(r"(packets|bytes|valid_lft|preferred_lft) \S+", "", listing)]
    for folder in (gateway.RUN, gateway.STATE):
        for base, folders, names in os.walk(folder):
            for name in (one for one in folders + names if one.partition(".")[0] != "clock"):
                status = os.lstat(f"{base}/{name}")
                found.append((base, name, status.st_ino, status.st_size, status.st_mtime_ns if name in names else 0))
    return found


def _reload(text, *verb):
    if text:
        gateway.configure(text, {})
    code, said = gateway.culvert(*(verb or ("reload",)))
    return code == 0, said.strip()


def _plans(lab):
    code, said = gateway.culvert("plan")
    lab.check("a plan for what is in force says so, exit 0", code == 0 and "change nothing" in said, (code, said))
    for text, expected, words in ((TWO, 3, ("+ service4", "5685")), (SLOWER, 4, ("vf-praha",)),
                                  (SOONER, 3, ("CHILD_SA meters: rekeyed",))):
        gateway.configure(text, {})
        before = _traces()
        code, said = gateway.culvert("plan")
        if "cannot be said" in said:  # a charon that does not know how: whatever changes counts as an interruption
            expected = 4
        lab.check(f"a plan for a change: exit {expected}, says {words}",
                  code == expected and all(word in said for word in words), (code, said))
        lab.check("it has touched nothing", _traces() == before, [one for one in _traces() if one not in before])
        foretold = json.loads(gateway.culvert("plan", "--json")[1])
        lab.check("its JSON says the same", foretold["changes"] and foretold["interrupts"] == (expected == 4), foretold)


def _history_grows(lab):
    good, said = _reload(TWO)
    lab.check("a reload says what it changed", good and "1 kept; 1 APN changed" in said, said)
    lab.check("a plan then says that nothing is left", gateway.culvert("plan")[0] == 0, gateway.culvert("plan"))
    rows = _history()
    lab.check("history: who, when, from where", rows[0]["who"] == "root (uid 0)" and rows[0]["in_force"] and
              rows[0]["file"] == gateway.CONF and rows[1]["who"] == "start of culvertd" and
              re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[0]["when"]), rows)
    lab.check("and what it changed", rows[0]["apns"]["changed"] == 1 and rows[1]["tunnels"]["added"] == 1, rows)
    gateway.configure(THREE, {})
    netns.run("systemctl", "kill", "--signal=HUP", gateway.CULVERTD)
    check.poll(lambda: _in_force() == rows[0]["number"] + 1, 20, 0.1)
    lab.check("SIGHUP is somebody too", _history()[0]["who"] == "SIGHUP", _history()[0])


def _shows(lab):
    rows = _history()
    code, said = gateway.culvert("show", "config")
    lab.check("show config: the text in force, without a secret", code == 0 and "5686" in said and
              operators_file.PSK not in said and "vodafone-cz.psk" in said, said)
    code, said = gateway.culvert("show", "config", str(rows[1]["number"]))
    lab.check("and that of an older one", code == 0 and "5685" in said and "5686" not in said, said)
    code, said = gateway.culvert("show", "config", "4711")
    lab.check("one that is not kept is named", code == 1 and "4711 is not kept" in said, said)


def _as_member(group, *arguments):
    done = subprocess.run(("setpriv", "--reuid=nobody", f"--regid={group}", "--clear-groups", "culvert", *arguments),
                          capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def _groups(lab):
    for arguments in (("history",), ("show", "config"), ("plan",)):
        code, said = _as_member("culvert", *arguments)
        lab.check(f"{arguments[0]} is for the group culvert", code == 0, said)
    number = _in_force()
    code, said = _as_member("culvert", "rollback")
    lab.check("rollback is not", code == 1 and "permission denied" in said and _in_force() == number, said)


def _rolls_back(lab):
    gateway.configure(ONE, {"vodafone-cz.psk": operators_file.PSK + "-changed\n"})
    _reload(None)
    before = _in_force()
    good, said = _reload(None, "rollback")
    rows = _history()
    lab.check("a rollback is a new generation and says that the file differs",
              good and f"a rollback of {before - 1}" in said and f"{gateway.CONF} is not in force" in said, said)
    with open(f"{gateway.RUN}/gen/{before + 1}/secrets", encoding="ascii") as file:
        lab.check("with its secrets", f"\n{operators_file.PSK}\n" in file.read())
    lab.check("history names it", rows[0]["rollback_of"] == before - 1 and rows[0]["in_force"], rows[0])
    code, said = gateway.culvert("status")
    lab.check("so does status, exit 1", code == 1 and
              f"generation {before + 1} is a rollback of {before - 1}; {gateway.CONF} is not in force" in said, said)
    netns.run("systemctl", "restart", gateway.CULVERTD)
    lab.check("a restart keeps it", _in_force() == before + 1, gateway.status())
    gateway.configure("# the same\n" + ONE, {})
    netns.run("systemctl", "restart", gateway.CULVERTD)
    lab.check("a comment in the file is no change", _in_force() == before + 1, gateway.status())
    code, said = gateway.culvert("rollback", "4711")
    lab.check("a rollback to what is not kept is refused", code == 1 and "4711 is not kept" in said, said)
    good, said = _reload(None)
    lab.check("a reload brings the file back", good and _in_force() == before + 2 and not _history()[0]["rollback_of"], said)
    lab.check("status has nothing left to say about it", not gateway.status()["messages"], gateway.status()["messages"])
    _reload(None, "rollback", str(before - 1))
    gateway.configure(TWO, {"vodafone-cz.psk": operators_file.PSK + "\n"})
    netns.run("systemctl", "restart", gateway.CULVERTD)
    rows = _history()
    lab.check("a restart takes a file that has changed", _in_force() == before + 4 and not rows[0]["rollback_of"], rows[0])


def _two_reloads():
    return [subprocess.Popen(("culvert", "reload"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(2)]


def _stopped_charon(lab):
    pid = systemd.main_pid(gateway.CHARON)
    gone = systemd.journal(gateway.CULVERTD, "all").count("charon is gone")
    before = _in_force()
    os.kill(pid, signal.SIGSTOP)
    try:
        lab.check("with charon stopped status says so", gateway.status().get("charon") == "slow", gateway.status())
        gateway.configure(TWO, {})
        both = _two_reloads()
        second = check.poll(lambda: next((one for one in both if one.poll() is not None), None), 30, 0.1)
        lab.require("of two reloads one ends although charon says nothing", second)
        lab.check("a reload during a reload is refused with a reason", "another reload is running" in second.communicate()[0])
        first = next(one for one in both if one is not second)
        code, said = gateway.culvert("plan")
        lab.check("so is a plan", code == 1 and "a reload is running" in said, said)
        lab.check("what is in force stays so meanwhile", _in_force() == before, gateway.status())
    finally:
        os.kill(pid, signal.SIGCONT)
    said = first.communicate(timeout=300)[0]
    lab.check("the first one goes on when charon does", first.returncode == 0 and _in_force() == before + 1, said)
    lab.check("and the late reports have disturbed nobody",
              systemd.journal(gateway.CULVERTD, "all").count("charon is gone") == gone)


def _two_at_once(lab):
    gateway.configure(THREE, {})
    before = _in_force()
    both = _two_reloads()
    said = [one.communicate(timeout=300)[0] for one in both]
    answers = [code == 0 or "another reload is running" in text for code, text in zip((b.returncode for b in both), said)]
    lab.check("two reloads at once: one generation, two clear answers", all(answers) and _in_force() == before + 1, said)


def _clock_jumps(lab):
    for hours, text in ((-1, ONE), (2, TWO), (-1, THREE)):
        time.clock_settime(time.CLOCK_REALTIME, time.time() + hours * HOURS)
        good, said = _reload(text)
        lab.check(f"the clock jumps by {2 * hours} h: a reload goes on", good, said)
    rows = _history()
    numbers = [row["number"] for row in rows]
    lab.check("history goes by number", numbers == sorted(numbers, reverse=True) and rows[0]["in_force"] and
              rows[1]["when"] > rows[0]["when"], rows[:3])
    good, said = _reload(None, "rollback")
    lab.check("and so does rollback", good and f"a rollback of {numbers[1]}" in said, said)
    netns.run("systemctl", "restart", gateway.CULVERTD)
    lab.check("and the restart", _in_force() == numbers[0] + 1, gateway.status())


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    before = lab.require_up()
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(20))
    _plans(lab)
    _history_grows(lab)
    _shows(lab)
    _groups(lab)
    _stopped_charon(lab)
    _two_at_once(lab)
    lab.check("the tunnel has kept its SAs", gateway.spis(gateway.status()) == gateway.spis(before), gateway.status())
    stream.await_answers(20)
    lost = stream.stop()
    lab.check(f"no datagram of {len(stream.sent)} was lost", not lost, lost)
    _rolls_back(lab)
    _clock_jumps(lab)
