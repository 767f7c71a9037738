#!/usr/bin/env python3
"""The scenario across a reboot: boot.py prepare | watch | verdict | tidy.

prepare enables the gateway's units, and a unit that runs `watch` early in the next boot: it lays the cables before
culvertd starts, and attacks from then on. verdict, called from outside, waits for what it found.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lab"))

import assault  # noqa: E402
import check  # noqa: E402
import gateway  # noqa: E402
import lab  # noqa: E402
import libreswan  # noqa: E402
import netns  # noqa: E402
import operators_file  # noqa: E402
import systemd  # noqa: E402
import walls  # noqa: E402

UNIT = "lab-boot.service"
FILE = f"/etc/systemd/system/{UNIT}"
REPORT, DONE = "/run/lab-boot.report", "/run/lab-boot.done"
LIMIT = 180  # seconds for all of it

_UNIT = f"""[Unit]
DefaultDependencies=no
After=share.mount systemd-udevd.service
Requires=share.mount
Before={gateway.CULVERTD}
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/python3 -S -B {os.path.abspath(__file__)} watch
StandardOutput=file:{REPORT}
StandardError=inherit
[Install]
WantedBy=sysinit.target
"""


def prepare():
    lab.clear()
    gateway.configure(operators_file.example(), {"vodafone-cz.psk": operators_file.PSK + "\n"})
    with open(FILE, "w", encoding="ascii") as unit:
        unit.write(_UNIT)
    netns.run("systemctl", "daemon-reload")
    netns.run("systemctl", "enable", UNIT, gateway.CULVERTD, gateway.CHARON)


def _attack(subject):
    early = systemd.show(gateway.CULVERTD, "ActiveState")
    subject.check("the attack begins before culvertd", early == "inactive", early)
    attack = assault.Assault(subject)
    netns.run("systemd-notify", "--ready")
    state = gateway.await_failure("no answer", limit=120)
    subject.check("with nobody answering, status says so", "no answer" in gateway.failure(state).lower(), state)
    subject.check("both units came up by themselves", gateway.link(state).get("carrying") is False, state)
    attack.check("since before culvertd started", tunnel=False)
    walls.check_closed(subject)
    libreswan.start(operators_file.PSK)
    subject.require_up("the carrier comes, the tunnel rises and its link carries")
    walls.check_allowed(subject)
    walls.check_outer(subject)


def watch():
    subject = lab.Lab("boot")
    try:
        subject.lay_cables()
        _attack(subject)
    except check.Unmet:
        pass
    finally:
        subject.checks.close()
        if not subject.checks.good():
            subject.dump()
        with open(DONE, "w", encoding="ascii") as done:
            done.write("good" if subject.checks.good() else "bad")


def verdict():
    end = time.monotonic() + LIMIT
    while not os.path.exists(DONE) and time.monotonic() < end:
        time.sleep(0.5)
    with open(REPORT, encoding="utf-8") as report:
        print(report.read())
    if not os.path.exists(DONE):
        print(f"  FAIL no verdict within {LIMIT} s")
        return 1
    with open(DONE, encoding="ascii") as done:
        return 0 if done.read() == "good" else 1


def tidy():
    systemd.stop(UNIT)
    netns.run("systemctl", "disable", UNIT, gateway.CULVERTD, gateway.CHARON)
    os.unlink(FILE)
    netns.run("systemctl", "daemon-reload")
    lab.clear()


if __name__ == "__main__":
    sys.exit({"prepare": prepare, "watch": watch, "verdict": verdict, "tidy": tidy}[sys.argv[1]]() or 0)
