"""Units of the lab machine: the gateway's own, and transient ones for what runs in namespaces."""

import netns


def start(*units):
    netns.run("systemctl", "start", *units)


def stop(*units):
    # A unit that is not loaded is stopped enough.
    netns.run("systemctl", "stop", *units, check=False)
    netns.run("systemctl", "reset-failed", *units, check=False)


def show(unit, name):
    return netns.run("systemctl", "show", "--property", name, "--value", unit).strip()


def main_pid(unit):
    return int(show(unit, "MainPID"))


def run_in(namespace, unit, *command, properties=(), environment=()):
    """Starts a daemon in a namespace; it lives until stop(unit)."""
    options = [f"--property={one}" for one in (f"NetworkNamespacePath={netns.FOLDER}/{namespace}", *properties)]
    options += [f"--setenv={one}" for one in environment]
    netns.run("systemd-run", "--quiet", "--collect", f"--unit={unit}", *options, "--", *command)


def journal(unit, lines=40):
    return netns.run("journalctl", "--no-pager", f"--lines={lines}", f"--unit={unit}", check=False)
