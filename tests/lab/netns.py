"""Network namespaces by name; None is the root namespace, which is the gateway."""

import contextlib
import os
import subprocess

FOLDER = "/run/netns"


def run(*command, stdin=None, check=True, limit=300):
    """Runs a command to its end and gives its standard output; raises RuntimeError with its messages if it failed."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=limit, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}{stdin or ''}")
    return done.stdout


def ip(namespace, script, force=False):
    """Runs lines of iproute2 commands in a namespace as one process; force goes on after a line that fails."""
    where = ["-n", namespace] if namespace else []
    lines = "\n".join(line.strip() for line in script.strip().splitlines())
    return run("ip", *where, *(["-force"] if force else []), "-batch", "-", stdin=lines + "\n", check=not force)


def names():
    return os.listdir(FOLDER) if os.path.isdir(FOLDER) else []


@contextlib.contextmanager
def inside(namespace):
    """Within this block the calling thread is in the namespace: what it opens stays there."""
    if namespace is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"{FOLDER}/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.setns(there, os.CLONE_NEWNET)
        finally:
            os.close(there)
        try:
            yield
        finally:
            os.setns(home, os.CLONE_NEWNET)
    finally:
        os.close(home)


def set_sysctl(namespace, name, value):
    # /proc/sys/net shows the namespace of the thread that opens the file.
    with inside(namespace), open(f"/proc/sys/{name.replace('.', '/')}", "w", encoding="ascii") as knob:
        knob.write(str(value))
