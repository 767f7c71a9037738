"""Gateways and carriers without a kernel's IPsec, in network namespaces, and what benches do with them.

`ours` is charon with culvert-conf, `stock` the same charon configured by swanctl; each has a wire to carriers of its own,
so that both can run at the same time. What is not what is compared is the same on both sides: the build, the sizes of
tables, and the log: a line written at once for each message of the levels that plugins/culvert-conf/strongswan.conf
sets, as a gateway runs. They are at most those of a charon that nobody has told what to log. Carriers log nothing.
"""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

import fleet
import ike_lab
import measure
import vici
from ike_lab import PREFIX, STRONGSWAN, Charon, Gateway, Lab, run, wait_for

BUILD = os.environ.get("BENCH_BUILD", "build/release/tests/bench")
# BENCH_LOG=N: level N for every charon instead, -1 for none. The logs are in /run/ike-lab.
LOG = os.environ.get("BENCH_LOG", "")
SHIPPED = "plugins/culvert-conf/strongswan.conf"
PLUGINS = "random nonce x509 revocation constraints pubkey pkcs1 pem openssl pkcs8 kdf drbg bench-kernel kernel-netlink socket-default vici"
IN_FLIGHT = 32  # tunnels that a carrier brings up at a time


def shipped_levels():
    """What is between the braces of the journal in the file that is installed."""
    with open(SHIPPED, encoding="ascii") as f:
        found = re.search(r"^\tjournal \{\n(.*?)^\t\}", f.read(), re.MULTILINE | re.DOTALL)
    assert found and "default = " in found[1], f"{SHIPPED} sets no levels"
    return found[1]


def settings(folder, plugins="", logs=True):
    """As plugins/culvert-conf/strongswan.conf, but for cookies: a fleet that comes at once is no attack here."""
    levels = f"default = {LOG}" if LOG else shipped_levels() if logs else "default = -1"
    return f"""charon-systemd {{
    load = {PLUGINS} {plugins}
    install_routes = no
    install_virtual_ip = no
    routing_table = 0
    retransmit_timeout = 10.0
    delete_rekeyed_delay = 5
    replay_window = 1024
    ikesa_table_size = 4096
    ikesa_table_segments = 64
    reuse_ikesa = no
    multiple_authentication = no
    follow_redirects = no
    half_open_timeout = 60
    send_vendor_id = no
    dos_protection = no
    plugins {{
        kernel-netlink {{ roam_events = no }}
        openssl {{ load_legacy = no }}
        vici {{ socket = unix://{folder}/vici }}
        culvert-conf {{ run = {folder} }}
        culvert-rekey {{ rehearsal_delay = 3600 }}
        bench-kernel {{ memory = {folder}/memory }}
    }}
    journal {{ default = -1 }}
    filelog {{ stderr {{
        {levels}
        flush_line = yes
    }} }}
}}
swanctl {{ load = pem pkcs1 x509 pkcs8 pubkey openssl random }}
"""


class Wire(Lab):
    """Two wires, each from a gateway to a namespace that has every carrier's address."""

    def _install(self):
        stage = f"{self.folder}/stage/culvert/plugins"
        os.makedirs(stage)
        for plugin in glob.glob(f"{ike_lab.BUILD}/libstrongswan-culvert-*.so"):
            shutil.copy(plugin, stage)
        shutil.copy(f"{BUILD}/libstrongswan-bench-kernel.so", stage)
        self._mount("overlay", "/usr/lib", "overlay", 0,
                    f"lowerdir={self.folder}/stage:{STRONGSWAN}/dest/usr/lib:/usr/lib")

    @staticmethod
    def _wire():
        for side in ("ours", "stock"):
            carrier = f"{side}-carrier"
            run("ip", "netns", "add", side)
            run("ip", "netns", "add", carrier)
            run("ip", "link", "add", "eth0", "netns", side, "type", "veth", "peer", "name", "eth0", "netns", carrier)
            for namespace, address in ((side, fleet.GATEWAY), (carrier, "192.0.2.2")):
                run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
                for name in ("lo", "eth0"):
                    run("ip", "-n", namespace, "link", "set", name, "up")
            run("ip", "-n", side, "route", "add", fleet.CARRIERS, "via", "192.0.2.2")
            run("ip", "-n", carrier, "route", "add", "local", fleet.CARRIERS, "dev", "lo")


class Measured:
    """What a measured charon has besides what it is."""

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """Ends charon without its farewells."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            os.unlink(self.ready)

    def memory(self):
        """KiB resident, and in use by malloc, once free memory was given back."""
        path = f"{self.folder}/memory"
        if os.path.exists(path):
            os.unlink(path)
        self.process.send_signal(signal.SIGHUP)
        wait_for("the octets in use", lambda: os.path.exists(path))
        with open(path, encoding="ascii") as f:
            return measure.resident(self.pid), round(int(f.read()) / 1024)


class Ours(Measured, Gateway):
    """A gateway with culvert-conf and size tunnels in its operator's file."""

    def __init__(self, lab, size, name="ours", plugins="culvert-conf! culvert-policy! culvert-rekey! culvert-apn!"):
        folder = f"{lab.folder}/{name}"
        super().__init__(name, folder, settings(folder, plugins))
        self.size, self.changed, self.culvertd = size, {}, None
        self.conf = fleet.write_operators_file(f"{folder}/etc", size)

    def rewind(self):
        """As before the first generation; charon is to be started after that."""
        self._end_culvertd()
        for part in ("gen", "state"):
            shutil.rmtree(f"{self.folder}/{part}", ignore_errors=True)

    def _end_culvertd(self):
        if self.culvertd:
            self.culvertd.stdin.close()
            assert self.culvertd.wait() == 0
            self.culvertd.stdout.close()
            self.culvertd = None

    def stop(self, signum=signal.SIGTERM):
        self._end_culvertd()
        return super().stop(signum)

    def change(self, n):
        """Another pool for tunnel n in the operator's file."""
        self.changed[n] = 49 - self.changed.get(n, 24)
        fleet.write_operators_file(f"{self.folder}/etc", self.size, self.changed)

    def load(self, expected):
        """The operator's file brought into force, with its costs; expected: charon's answer to prepare. Of the first load
        the start of culvertd's part is counted as well; like culvertd it then goes on."""
        began = time.monotonic()
        charon = measure.cpu_of(self.pid)
        before = measure.cpu_of(self.culvertd.pid) if self.culvertd else 0
        if not self.culvertd:
            command = [f"{BUILD}/handover", self.conf, self.folder, f"{self.folder}/state"]
            self.culvertd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.culvertd.stdin.write("\n")
        self.culvertd.stdin.flush()
        line = self.culvertd.stdout.readline()
        assert line, "handover has ended"
        costs = measure.costs(measure.cpu_of(self.culvertd.pid) - before, measure.cpu_of(self.pid) - charon,
                              time.monotonic() - began)
        steps = json.loads(line)
        answer = steps.pop("answer")
        assert answer == expected, (answer, expected)
        return {**costs, **steps}

    def count_up(self):
        return sum(row["state"] == "up" and bool(row["children"]) for row in self.report().values())

    def spis(self):
        return {name: row["children"] for name, row in self.report().items() if row["children"]}


class Stock(Measured, Charon):
    """A gateway or the carriers: charon configured by swanctl, size tunnels in its swanctl.conf."""

    def __init__(self, lab, name, size, role):
        folder = f"{lab.folder}/{name}"
        super().__init__(name, folder, settings(folder, logs=role == "gateway"))
        self.size, self.role, self.changed = size, role, {}
        self.conf = fleet.write_swanctl(folder, size, role)

    def change(self, n):
        self.changed[n] = 49 - self.changed.get(n, 24)
        fleet.write_swanctl(self.folder, self.size, self.role, self.changed)

    def load(self, what="--load-all"):
        """What swanctl.conf says loaded, with its costs."""
        command = [f"{PREFIX}/sbin/swanctl", what, "--file", self.conf, "--uri", self.vici]
        output, costs = measure.run_measured(command, [self.pid], env=self.environment)
        assert f"successfully loaded {self.size} connections" in output, output[-1000:]
        if what == "--load-all":
            assert output.count("loaded ike secret") == self.size, output[:1000]
        return costs

    def ask(self, command, **values):
        connection = vici.Vici(f"{self.folder}/vici")
        try:
            return connection.ask(command, **values)
        finally:
            connection.close()

    def bring_up(self, tunnels):
        """Initiates these, IN_FLIGHT at a time, and waits until all are up."""
        connection = vici.Vici(f"{self.folder}/vici")
        waiting = list(tunnels)
        started = int(connection.ask("stats")["ikesas.total"])
        goal, end = started + len(waiting), time.monotonic() + 60 + 0.2 * len(waiting)
        up = started
        while up < goal:
            stats = connection.ask("stats")
            up = int(stats["ikesas.total"]) - int(stats["ikesas.half-open"])
            assert time.monotonic() < end, f"{up} of {goal} tunnels up: {stats}"
            while waiting and started - up < IN_FLIGHT:
                n = waiting.pop()
                connection.ask("initiate", ike=f"t{n}", child=f"a{n}", timeout=-1)
                started += 1
            time.sleep(0.01)  # how many are up is no event
        connection.close()

    def pool_of(self, n):
        """Prefix length of tunnel n's pool as charon has it."""
        found = re.search(r"^ +remote: +10\.[\d.]+/(\d+)$", self.swanctl("--list-conns", "--ike", f"t{n}"), re.MULTILINE)
        assert found, f"t{n} is not loaded"
        return int(found[1])

    def count_up(self):
        stats = self.ask("stats")
        return int(stats["ikesas.total"]) - int(stats["ikesas.half-open"])

    def spis(self):
        return sorted(re.findall(r"^ +in +([0-9a-f]{8})", self.swanctl("--list-sas"), re.MULTILINE))
