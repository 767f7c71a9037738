import contextlib
import os
import subprocess

import check
import gateway
import libreswan
import netns
import operators_file
import traffic
import walls

GOOD = operators_file.example()
MIB = 1024 * 1024


def _write(content):
    with contextlib.suppress(FileNotFoundError):
        os.chmod(gateway.CONF, 0o600)
        os.unlink(gateway.CONF)
    with open(gateway.CONF, "wb") as file:
        file.write(content)


def _unreadable():
    _write(GOOD.encode())
    os.chmod(gateway.CONF, 0)  # culvertd has no capability to read it all the same


def _huge():
    _write(b"# ")
    os.truncate(gateway.CONF, 100 * MIB)


def _folder():
    os.unlink(gateway.CONF)
    os.mkdir(gateway.CONF)


def _fifo():
    os.unlink(gateway.CONF)
    os.mkfifo(gateway.CONF)


FILES = (
    ("an unreadable file", _unreadable),
    ("no file", lambda: (_write(b""), os.unlink(gateway.CONF))),
    ("an empty file", lambda: _write(b"")),
    ("100 MB", _huge),
    ("a program", lambda: _write(open("/bin/true", "rb").read())),
    ("a NUL in the middle", lambda: _write(GOOD.replace("meters", "met\0ers").encode())),
    ("what is no UTF-8", lambda: _write(GOOD.encode().replace(b"meters", b"met\xffers"))),
    ("half of a file", lambda: _write(GOOD.encode()[:len(GOOD) // 2])),
    ("a file that ends between two settings", lambda: _write(GOOD[:GOOD.index("\napns = (") + 1].encode())),
    ("a file that includes itself", lambda: _write(f'@include "{gateway.CONF}"\n'.encode())),
    ("a FIFO", lambda: (_write(b""), _fifo())),
    ("a folder", lambda: (_write(b""), _folder())),
)


def _restore():
    if os.path.isdir(gateway.CONF):
        os.rmdir(gateway.CONF)
    _write(GOOD.encode())


def _half_made():
    names = os.listdir(f"{gateway.RUN}/gen")
    return [name for name in names if not (name.isdigit() and int(name) < 10**9 or name in ("current", "last"))]


def _refused(lab, what, number, word=gateway.CONF, verb="reload"):
    code, said = gateway.culvert(verb)
    lab.check(f"{what}: {verb} says: {said.splitlines()[0]}", code == 1 and word in said, (code, said))
    lab.check(f"{what}: generation {number} stays in force, nothing is half-made",
              gateway.status().get("generation") == number and not _half_made(), (gateway.status(), _half_made()))


@contextlib.contextmanager
def _full(folder):
    """The file system that folder is on has no room left."""
    fill = f"{folder}/fill"
    with open(fill, "wb") as file:
        free = os.statvfs(folder)
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_bsize)
        try:
            yield
        finally:
            os.unlink(fill)


def _full_run(lab, number):
    gateway.configure(operators_file.changed({"udp = [ 5684 ];": "udp = [ 5684, 5685 ];"}), {})
    with _full("/run"):
        _refused(lab, "no room for generations", number, "No space left")
        _refused(lab, "no room for generations", number, "No space left", "plan")
    _restore()


def _full_state(lab):
    """In a file system of one page, which the numbers fill."""
    with open(f"{gateway.STATE}/ids", encoding="ascii") as file:
        ids = file.read()
    netns.run("systemctl", "stop", gateway.CULVERTD)
    netns.run("mount", "-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs", gateway.STATE)
    try:
        with open(f"{gateway.STATE}/ids", "w", encoding="ascii") as file:
            file.write(ids)
        netns.run("systemctl", "start", gateway.CULVERTD)
        number = gateway.status().get("generation")
        lab.check("with no room for numbers culvertd starts, for it needs none", number, gateway.status())
        gateway.configure(operators_file.changed({'name = "meters";': 'name = "other";'}), {})
        _refused(lab, "no room for the numbers of new names", number, "No space left")
        with open(f"{gateway.STATE}/ids", encoding="ascii") as file:
            lab.check("the numbers are as they were", file.read() == ids)
        lab.check("and nothing is beside them", os.listdir(gateway.STATE) == ["ids"], os.listdir(gateway.STATE))
    finally:
        netns.run("systemctl", "stop", gateway.CULVERTD)
        netns.run("umount", gateway.STATE)
        _restore()
        netns.run("systemctl", "start", gateway.CULVERTD)


def _second_culvertd(lab, number):
    done = subprocess.run(("/usr/sbin/culvertd",), capture_output=True, text=True, timeout=300, check=False)
    lab.check("a second culvertd ends and says why", done.returncode != 0 and "another culvertd" in done.stderr,
              done.stderr)
    lab.check("the first one works on", gateway.status().get("generation") == number, gateway.status())


def _says_eth1_is_away(said):
    """Whether a warning has the file, the line and the key of the interface."""
    with open(gateway.CONF, encoding="utf-8") as file:
        line = 1 + next(at for at, text in enumerate(file) if 'interface = "eth1";' in text.partition("#")[0])
    return (f'{gateway.CONF}:{line}: warning: apns[0].cloud.interface: this machine has no interface "eth1", '
            "and nothing passes there until it has; name one that it has, or bring it up\n" in said)


def _vanished_interface(lab):
    """An interface can come later, and other APNs do not wait for it: a warning at once, and no error."""
    gateway.configure(operators_file.changed({"udp = [ 5684 ];": "udp = [ 5684, 5685 ];"}), {})
    code, said = gateway.culvert("plan")
    lab.check("while all interfaces are there a plan does not warn", code == 3 and "warning" not in said, (code, said))
    netns.ip(None, "link set eth1 down\nlink set eth1 name away")
    code, said = gateway.culvert("plan")
    lab.check("with the cloud's interface away a plan warns, with file, line and key",
              code in (3, 4) and _says_eth1_is_away(said), (code, said))
    code, said = gateway.culvert("check")
    lab.check("a check, which needs no gateway, does not", code == 0 and "no interface" not in said, (code, said))
    number = gateway.status().get("generation")
    code, said = gateway.culvert("reload")
    lab.check("a reload goes on, with the same warning", code == 0 and _says_eth1_is_away(said), (code, said))
    lab.check("a new generation is in force", gateway.status().get("generation") == number + 1, gateway.status())
    code, said = gateway.culvert("status")
    lab.check("and status names what is missing", code == 1 and "eth1 is missing" in said, said)
    netns.ip(None, "link set away name eth1")


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    before = lab.require_up()
    number = before["generation"]
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(20))
    for what, make in FILES:
        make()
        _refused(lab, what, number)
        _restore()
    last = gateway.culvert("plan")
    lab.check("with the file restored a plan finds nothing", last[0] == 0, last)
    _full_run(lab, number)
    _second_culvertd(lab, number)
    lab.check("the SAs are the same", gateway.spis(gateway.status()) == gateway.spis(before), gateway.status())
    stream.await_answers(20)
    lost = stream.stop()
    lab.check(f"no datagram of {len(stream.sent)} was lost", not lost, lost)
    _full_state(lab)
    lab.require_up("the tunnel is still up")
    _vanished_interface(lab)
    lab.require_up("with the interface back all carries again")
    # The kernel tells the far end's carrier with a delay.
    lab.check("devices reach the service again", check.poll(lambda: lab.uplink.ask(1), 20))
    walls.check_allowed(lab)
