"""culvertd killed on purpose, before a certain call (crash.c). Its unit does not restart by itself meanwhile."""

import contextlib
import os

import gateway
import netns
import operators_file

SHIM = f"{operators_file.HOME}/build/release/tests/lab/crash.so"
FILE = f"{gateway.RUN}/crash"
DROP_IN = "/run/systemd/system/culvertd.service.d/crash.conf"


@contextlib.contextmanager
def preloaded():
    """Within this block culvertd runs with the shim."""
    os.makedirs(os.path.dirname(DROP_IN), exist_ok=True)
    with open(DROP_IN, "w", encoding="ascii") as file:
        file.write(f"[Service]\nRestart=no\nEnvironment=LD_PRELOAD={SHIM} CULVERT_CRASH={FILE}\n")
    netns.run("systemctl", "daemon-reload")
    try:
        netns.run("systemctl", "restart", gateway.CULVERTD)
        yield
    finally:
        os.unlink(DROP_IN)
        netns.run("systemctl", "daemon-reload")
        netns.run("systemctl", "restart", gateway.CULVERTD)


def arm(number, victim=""):
    """The number-th call from now on is the last one of this culvertd, or of the process that is the victim."""
    if os.path.exists(f"{FILE}.at"):
        os.unlink(f"{FILE}.at")
    with open(f"{FILE}.new", "w", encoding="ascii") as file:
        file.write(f"{number} {victim}")
    os.rename(f"{FILE}.new", FILE)


def disarm():
    """For a culvertd that came to its end without so many calls."""
    if os.path.exists(FILE):
        os.unlink(FILE)


def killed_at():
    """The call before which somebody was killed; "" if nobody was."""
    try:
        with open(f"{FILE}.at", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""
