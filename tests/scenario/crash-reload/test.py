import os
import socket

import check
import crash
import gateway
import libreswan
import netns
import operators_file
import systemd

OLD = operators_file.example()
NEW = operators_file.changed({
    "rekey = { ike = 2760; child = 2400; };": """rekey = { ike = 2760; child = 2400; };
            }, { name = "vf-brno"; peer = "192.0.2.12"; remote_id = "brno.example.net"; initiator = "carrier"; """,
    'tunnels = [ "vf-praha" ];': 'tunnels = [ "vf-praha", "vf-brno" ];',
    "udp = [ 5684 ];": "udp = [ 5684, 5685 ];",
})
TUNNELS = {OLD: {"vf-praha"}, NEW: {"vf-praha", "vf-brno"}}
BROKEN = "gateway = {"
STEPS_LEAST = 20  # a reload that has fewer is not seen by the shim


def _canonical(number):
    path = f"{gateway.RUN}/gen/{number}"
    with open(f"{path}/culvert.conf", encoding="utf-8") as file:
        text = file.read()
    return text if all(os.path.exists(f"{path}/{name}") for name in ("ids", "meta", "secrets")) else None


def _parts():
    return [name for name in os.listdir(f"{gateway.RUN}/gen") if not (name.isdigit() or name in ("current", "last"))]


def _charon_agrees(tunnels):
    """Whether charon has exactly these tunnels, the one that is common as it was."""
    def agrees():
        state = gateway.status()
        return state.get("charon") == "up" and not any(
            one["state"] == "unknown" for one in state["tunnels"]) and _charons_tunnels() == tunnels
    return check.poll(agrees, 20, 0.1)


def _charons_tunnels():
    names = set()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(f"{gateway.RUN}/charon.sock")
        sock.sendall(b"report\n")
        with sock.makefile(encoding="utf-8") as answer:
            for line in answer:
                words = line.split()
                if words[0] == "end":
                    return names
                if words[0] == "tunnel":
                    names.add(words[1])
    return names


class Crashes:
    """One kill after the other, each in a reload from one of two files to the other."""

    def __init__(self, lab, spis, texts):
        self.lab, self.spis, self.texts = lab, spis, texts
        self.wrong = []
        self.places = []  # the calls of the last reload that was watched, in order

    def expect(self, where, what, condition, seen=""):
        if not condition:
            self.wrong.append(f"{where}: {what}: {seen}")
            print(f"       {self.wrong[-1]}", flush=True)

    def whole(self, where):
        """The generation that `current` names; its file, one of the two."""
        number = os.readlink(f"{gateway.RUN}/gen/current")
        text = _canonical(number)
        self.expect(where, f"generation {number} is whole, old or new", text in self.texts, text)
        return self.texts.get(text, OLD)

    def settled(self, where, file):
        """culvertd, charon and the kernel say the same."""
        self.expect(where, "charon has the tunnels of the generation in force", _charon_agrees(TUNNELS[file]),
                    (_charons_tunnels(), gateway.status()))
        self.expect(where, "nothing half-made is left", not _parts(), _parts())
        self.expect(where, "the common tunnel keeps its SAs", gateway.spis(gateway.status()) == self.spis,
                    gateway.status())

    def one(self, number, target):
        """Kills before the number-th call of a reload to target. False if there were fewer calls."""
        gateway.configure(target, {})
        crash.arm(number)
        code, said = gateway.culvert("reload")
        where = crash.killed_at()
        if not where:
            # Until then something else that culvertd does by itself may be its last call.
            crash.disarm()
            where = crash.killed_at()
        if not where:
            self.expect(f"step {number}", "a reload that is not killed succeeds", code == 0, said)
            return False
        self.places.append(where)
        where = f"step {number}, before {where}"
        check.poll(lambda: netns.run("systemctl", "is-active", gateway.CULVERTD, check=False).strip() == "failed", 20, 0.05)
        left = self.whole(where)
        # With a file that nobody can use what was left has to stand by itself.
        gateway.configure(BROKEN, {})
        netns.run("systemctl", "reset-failed", gateway.CULVERTD)
        netns.run("systemctl", "start", gateway.CULVERTD)
        self.expect(where, "the restart leaves the same in force", self.whole(where) == left)
        self.settled(f"{where}, restarted", left)
        gateway.configure(target, {})
        code, said = gateway.culvert("reload")
        self.expect(where, "the next reload succeeds", code == 0, said)
        self.settled(f"{where}, reloaded", self.whole(where))
        self.expect(where, "and it is the new one", self.whole(where) == target)
        code, said = gateway.culvert("plan")
        self.expect(where, "and nothing is left to be done", code == 0, said)
        return True

    def charon(self, number, target):
        """Kills charon before the number-th call; it comes back by itself, with other SAs."""
        gateway.configure(target, {})
        old = systemd.main_pid(gateway.CHARON)
        crash.arm(number, old)
        code, said = gateway.culvert("reload")
        where = f"charon killed at step {number}, before {crash.killed_at()}"
        crash.disarm()
        check.poll(lambda: systemd.main_pid(gateway.CHARON) not in (0, old), 20, 0.1)
        file = self.whole(where)
        self.expect(where, "a reload that says it succeeded has", code != 0 or file == target, said)
        self.expect(where, "charon has the tunnels of the generation in force", _charon_agrees(TUNNELS[file]),
                    gateway.status())
        self.expect(where, "nothing half-made is left", not _parts(), _parts())
        code, said = gateway.culvert("reload")
        self.expect(where, "the next reload succeeds", code == 0 and self.whole(where) == target, said)


def _decisive(places):
    """Steps right before and behind those that hand over to charon and switch."""
    marks = [at for at, place in enumerate(places, 1)
             if place.startswith(("send prepare", "send commit", "rename")) and not place.endswith((".conf", "/ids"))]
    return sorted({step for mark in marks for step in (mark, mark + 1) if step <= len(places)})


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    texts = {_canonical(os.readlink(f"{gateway.RUN}/gen/current")): OLD}
    before = lab.require_up()
    gateway.configure(NEW, {})
    lab.require("the other file can be loaded", gateway.culvert("reload")[0] == 0)
    texts[_canonical(os.readlink(f"{gateway.RUN}/gen/current"))] = NEW
    with crash.preloaded():
        crashes = Crashes(lab, gateway.spis(before), texts)
        number, target = 1, OLD
        while crashes.one(number, target):
            number, target = number + 1, NEW if target == OLD else OLD
        steps = _decisive(crashes.places)
        for at, step in enumerate(steps):
            crashes.charon(step, (OLD, NEW)[at % 2] if target == OLD else (NEW, OLD)[at % 2])
    lab.check(f"culvertd killed before each of {number - 1} steps in turn", number - 1 >= STEPS_LEAST, number)
    lab.check(f"charon killed before {len(steps)} of them", len(steps) >= 6, crashes.places)
    lab.check("each time a whole generation was in force, in charon and the kernel as well", not crashes.wrong,
              "\n" + "\n".join(crashes.wrong[:10]))
    code, said = gateway.culvert("history")
    lab.check("the ten that were in force last are kept", code == 0 and len(said.splitlines()) == 10, said)
