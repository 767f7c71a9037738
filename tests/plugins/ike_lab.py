"""Two charons in network namespaces: the gateway with culvert-conf, the carrier without it, configured by swanctl.

This kernel may have no ESP: both use kernel-libipsec (a TUN device) in its place. Runs as root in a private mount and
network namespace, which Lab makes and which vanish with the process.
"""

import ctypes
import glob
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import NamedTuple

STRONGSWAN = os.environ["STRONGSWAN"]
BUILD = os.environ.get("CULVERT_BUILD", "build/release")
PRELOAD = os.environ.get("CULVERT_PRELOAD", "")
PREFIX = "/usr/lib/culvert"
GATEWAY = "192.0.2.1"
LIMIT = 30.0  # seconds until a wait is given up
CLONE_NEWNS, CLONE_NEWNET, MS_REC, MS_PRIVATE = 0x20000, 0x40000000, 0x4000, 0x40000

libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **options):
    """Runs a command, raises with its output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def count(small, large):
    """How often a test does what it does: small in `make test`, large in `make torture`."""
    return large if os.environ.get("TORTURE") else small


def wait_for(what, probe, limit=LIMIT):
    """The first true value of probe(), asked ten times a second."""
    end = time.monotonic() + limit
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {limit:.0f} s")
        time.sleep(0.1)


class Charon:
    """One charon-systemd in a network namespace, everything of it below one folder."""

    wrapper = ()
    socket_name = "vici"  # there when charon is ready

    def __init__(self, name, folder, settings):
        self.name, self.folder, self.process = name, folder, None
        self.vici = f"unix://{folder}/vici"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/strongswan.conf", "w", encoding="ascii") as f:
            f.write(settings)

    @property
    def ready(self):
        return f"{self.folder}/{self.socket_name}"

    @property
    def environment(self):
        return dict(os.environ, STRONGSWAN_CONF=f"{self.folder}/strongswan.conf", SWANCTL_DIR=self.folder)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *command]

    def start(self):
        self.log = open(f"{self.folder}/log", "ab")
        self.process = subprocess.Popen(
            self.command(*self.wrapper, f"{PREFIX}/sbin/charon-systemd"),
            env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True)
        wait_for(f"{self.name}: charon's socket", lambda: self.alive() and os.path.exists(self.ready))

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name}: charon ended with {self.process.returncode}")
        return True

    def stop(self, signum=signal.SIGTERM):
        """Returns the exit code; a charon that hangs is killed and told by -9."""
        if not self.process:
            return 0
        self.process.send_signal(signum)
        try:
            code = self.process.wait(4 * LIMIT)  # a sanitizer looks for leaks at the end
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.process = None
        if os.path.exists(self.ready):
            os.unlink(self.ready)
        return code

    def read_log(self):
        if not os.path.exists(f"{self.folder}/log"):
            return ""
        with open(f"{self.folder}/log", encoding="utf-8", errors="replace") as f:
            return f.read()

    def swanctl(self, *arguments, check=True):
        done = subprocess.run(self.command(f"{PREFIX}/sbin/swanctl", *arguments, "--uri", self.vici),
                              env=self.environment, capture_output=True, text=True, timeout=LIMIT)
        if check and done.returncode:
            raise RuntimeError(f"swanctl {arguments}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr


def build_preload(lab, name, *sources):
    """A library that uses strongSwan's headers, of the file of its name in this folder unless it has other sources."""
    library, source = f"{lab.folder}/{name}.so", f"{STRONGSWAN}/src/src"
    run("gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-include", f"{STRONGSWAN}/build/config.h", f"-I{source}/libstrongswan",
        f"-I{source}/libcharon", "-o", library, *(sources or [f"tests/plugins/{name}.c"]))
    return library


class Client:
    """A connection to charon.sock; an empty line means that it was closed."""

    def __init__(self, path):
        self.socket, self.rest = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), b""
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    close = __exit__

    def read_line(self):
        while b"\n" not in self.rest:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                piece = b""
            if not piece:
                return ""
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode()

    def ask(self, request):
        """The first line of the answer."""
        try:
            self.socket.sendall(request.encode() + b"\n")
        except BrokenPipeError:
            return ""
        return self.read_line()


class Refusal(NamedTuple):
    """What the policy refused last of a tunnel or a peer: who sent it in which exchange, and both sides' proposals."""
    tunnel: str
    peer: str
    exchange: str
    sender: str
    count: int
    age: int
    offered: str
    allowed: str
    reason: str


class Gateway(Charon):
    """A charon with culvert-conf, and generations frozen by hand."""

    socket_name = "charon.sock"
    preload = ""  # one more library to preload

    @property
    def wrapper(self):
        """For a plugin that is built with sanitizers: their runtime must come first. What OpenSSL keeps is not ours."""
        if not PRELOAD:
            return ("env", f"LD_PRELOAD={self.preload}") if self.preload else ()
        with open(f"{self.folder}/lsan.supp", "w", encoding="ascii") as f:
            f.write("leak:libcrypto\n")
        return ("env", f"LD_PRELOAD={PRELOAD}:{self.preload}", "ASAN_OPTIONS=check_printf=0",
                f"LSAN_OPTIONS=suppressions={self.folder}/lsan.supp:print_suppressions=0")

    def write(self, number, text, ids, secrets, current=False):
        """Freezes generation number: text of culvert.conf, lines of ids, secrets by file name."""
        folder = f"{self.folder}/gen/{number}"
        os.makedirs(folder, mode=0o700)
        ids += "end %d\n" % ids.count("\n")
        vault = f"secrets {len(secrets)}\n" + "".join(f"{n} {len(c)}\n{c}\n" for n, c in sorted(secrets.items()))
        for name, content in (("culvert.conf", text), ("ids", ids), ("secrets", vault)):
            with open(f"{folder}/{name}", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(content)
        if current:
            os.symlink(str(number), f"{self.folder}/gen/current.new")
            os.rename(f"{self.folder}/gen/current.new", f"{self.folder}/gen/current")

    def connect(self):
        return Client(f"{self.folder}/charon.sock")

    def ask(self, request):
        """The first line of the answer on a connection of its own."""
        with self.connect() as client:
            return client.ask(request)

    def switch(self, number):
        """Prepares and commits; returns the answer to prepare."""
        with self.connect() as client:
            answer = client.ask(f"prepare {number}")
            assert answer.startswith("ok "), answer
            committed = client.ask("commit")
            assert committed == "ok", committed
        return answer

    def report_lines(self):
        """What the report tells, line by line."""
        with self.connect() as client:
            line = client.ask("report")
            while line != "end":
                assert line, "the report breaks off"
                yield line
                line = client.read_line()

    def refusals(self):
        """What the policy refused, of tunnels and of peers ("-" in the place of the tunnel), as told."""
        found = []
        for line in self.report_lines():
            if line.startswith("refusal "):
                words = line.split(" ", 7)
                assert len(words) == 8 and words[7].count("\t") == 2, line
                found.append(Refusal(*words[1:5], int(words[5]), int(words[6]), *words[7].split("\t")))
        return found

    def report(self):
        """Tunnels by name: state, seconds, suite, failure, result of the rehearsal; and their CHILD_SAs by APN."""
        tunnels = {}
        for line in self.report_lines():
            words = line.split(" ", 6)
            if words[0] == "tunnel":
                tunnels[words[1]] = {"state": words[2], "seconds": int(words[3]), "suite": words[4],
                                     "failure": words[6], "children": {}, "rehearsal": "-"}
            elif words[0] == "rehearsal":
                if words[1] in tunnels:
                    tunnels[words[1]]["rehearsal"] = words[2]
            elif words[0] == "child":
                tunnels[words[1]]["children"].setdefault(words[2], []).append(words[3:6])
        return tunnels

    def wait_tunnel(self, name, what, test, limit=LIMIT):
        """The tunnel's row, once test(row) is true."""
        def probe():
            self.alive()
            row = self.report().get(name)
            return row if row and test(row) else None
        try:
            return wait_for(f"{name} {what}", probe, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.report().get(name)}") from None

    def wait_down(self, name):
        """Its IKE_SA has ended at the peer as well: until that has answered, a row that is down has its CHILD_SAs."""
        return self.wait_tunnel(name, "down", lambda r: r["state"] == "down" and not r["children"])

    def wait_up(self, *names, limit=LIMIT):
        return {n: self.wait_tunnel(n, "up", lambda r: r["state"] == "up" and r["children"], limit) for n in names}


class Lab:
    """The private namespaces, the installed tree, and the wire between gateway and carrier."""

    def __init__(self):
        if libc.unshare(CLONE_NEWNS | CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "unshare")
        self.folder = "/run/ike-lab"
        self._mount("none", "/", None, MS_REC | MS_PRIVATE, None)
        self._mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
        self._install()
        self._wire()

    @staticmethod
    def _mount(source, target, kind, flags, data):
        arguments = [s.encode() if s else None for s in (source, target, kind)]
        if libc.mount(*arguments, flags, data.encode() if data else None):
            raise OSError(ctypes.get_errno(), f"mount {target}")

    def _install(self):
        """strongSwan finds its plugins in one place only: /usr/lib/culvert, laid over /usr/lib here."""
        stage = f"{self.folder}/stage"
        os.makedirs(f"{stage}/culvert/plugins")
        for plugin in glob.glob(f"{BUILD}/libstrongswan-culvert-*.so"):
            shutil.copy(plugin, f"{stage}/culvert/plugins")
        lower = f"lowerdir={stage}:{STRONGSWAN}/dest/usr/lib:/usr/lib"
        self._mount("overlay", "/usr/lib", "overlay", 0, lower)

    @staticmethod
    def _wire():
        run("ip", "netns", "add", "gateway")
        run("ip", "netns", "add", "carrier")
        run("ip", "link", "add", "eth0", "netns", "gateway", "type", "veth", "peer", "name", "wan", "netns", "carrier")
        for namespace, interface, addresses in (
                ("gateway", "eth0", [GATEWAY]),
                ("carrier", "wan", ["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.99"])):
            for address in addresses:
                run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", interface)
            for name in ("lo", interface):
                run("ip", "-n", namespace, "link", "set", name, "up")
