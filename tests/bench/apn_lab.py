"""What the benches of the kernel's side share: apn.c in the lab machine, and whether it did what it says."""

import glob
import os
import subprocess

APN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release/tests/bench/apn")


def _show(namespace, *command):
    return subprocess.run(["nsenter", f"--net={namespace}", *command], stdout=subprocess.PIPE, check=True, text=True).stdout


def measure(verb, size, apns):
    """One call in a namespace of its own; the kernel must hold so many APNs afterwards."""
    with subprocess.Popen([APN, verb, str(size)], stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
    assert process.returncode == 0, f"apn {verb} {size}: exit code {process.returncode}"
    wall, cpu, namespace = output.split()
    links = _show(namespace, "ip", "-o", "link", "show", "up")
    routes = _show(namespace, "ip", "route", "show", "table", "all", "type", "unreachable")
    paths = _show(namespace, "nft", "list", "set", "inet", "culvert", "path")
    for what, found in (("VRF", links.count(": culv-v")), ("XFRM interface", links.count(": culv-x")),
                        ("cloud interface", links.count(": cloud")), ("pair of refusals", routes.count("unreachable") / 2),
                        ("path", paths.count('" . "'))):
        assert found == apns, f"apn {verb}: {found} of {apns} times {what}"
    return {"value": float(wall), "cpu": float(cpu)}


def release():
    """Lets go of all that was made here. The kernel needs seconds to take it down: never between two measurements."""
    for namespace in glob.glob("/run/apn.*"):
        subprocess.run(["umount", namespace], check=False)
        os.unlink(namespace)
    for batch in glob.glob("/tmp/apn.*"):
        os.unlink(batch)
