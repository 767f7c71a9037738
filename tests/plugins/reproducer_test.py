"""Two uses after free and two deadlocks in strongSwan 6.1.0 that an authenticated peer can provoke, a CHILD_SA that is forgotten,
and their patches.

rekey-children.patch: while charon's CHILD_REKEY waits for its response, the peer rekeys the same CHILD_SA, and then the
IKE_SA. Unpatched, charon lets it: the CHILD_SAs go to the new IKE_SA and the old one is freed there, but the task on the
old IKE_SA still points to it and reads it when the response comes.

rekey-unlink.patch: the peer rekeys a CHILD_SA and does not delete the old one yet. charon rekeys the new one, the peer does
not know that, and charon drops it. The old one still points to it, and that is read when the peer deletes the old one.

shutdown-destroy.patch: charon is told to stop while it ends an IKE_SA because the peer has deleted it. culvert-rekey waits for
that IKE_SA first; unpatched, charon frees it although flush() waits for it by then.

shutdown-segments.patch: charon is told to stop while the peer rekeys the IKE_SA. Unpatched, flush() waits for the old one
while it holds the place of the new one in the table, for which the thread waits that has the old one.

rekey-move.patch: a CHILD_SA is rekeyed, and then its IKE_SA. Unpatched, charon does not find the old CHILD_SA while it moves to the
new IKE_SA, and never takes it away.

The same steps are taken against a charon with the patches and one without: what neither crashes nor stops the latter, nor
makes it forget, proves nothing. Both run under ASan, without our plugins where none is named; STRONGSWAN and CULVERT_BUILD name that build.
"""

import re
import shutil
import subprocess
import sys
import time
import traceback

import sanitized
from ike_lab import GATEWAY, LIMIT, STRONGSWAN, Lab, run, wait_for

PSK = "correct-horse-battery-staple-0123456789"
PEER = "192.0.2.11"
SUITE = "aes256-sha256-modp2048"
# Behind the marker that tells IKE from ESP on port 4500: exchange type and flags of the header.
IKE = "udp dport 4500 @th,64,32 0"
REQUEST, RESPONSE = "@th,248,8 & 0x20 == 0", "@th,248,8 & 0x20 == 0x20"
CREATE_CHILD_SA, INFORMATIONAL = f"{IKE} @th,240,8 36", f"{IKE} @th,240,8 37"


def settings(folder, plugins, delay):
    # As many locks as places in the table of IKE_SAs: two of them hardly ever share one.
    return f"""charon-systemd {{
    load = random nonce openssl pem pkcs1 kdf drbg kernel-libipsec kernel-netlink socket-default vici {plugins}
    ikesa_table_size = 4096
    ikesa_table_segments = 4096
    retransmit_timeout = 0.5
    retransmit_base = 1.0
    retransmit_tries = 60
    delete_rekeyed_delay = {delay}
    install_routes = no
    plugins {{
        vici {{ socket = unix://{folder}/vici }}
        culvert-conf {{ run = {folder} }}
        culvert-rekey {{ state = {folder}/state }}
    }}
    filelog {{ stderr {{
        default = 1
        flush_line = yes
    }} }}
}}
swanctl {{ load = pem pkcs1 openssl random }}
"""


def connections(local, remote, local_ts, remote_ts):
    return f"""connections {{ c {{
    version = 2
    mobike = no
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {SUITE}
    rekey_time = 0
    local {{ auth = psk }}
    remote {{ auth = psk }}
    children {{ k {{
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {SUITE}
        rekey_time = 0
    }} }}
}} }}
secrets {{ ike-1 {{ secret = {PSK} }} }}
"""


class Side(sanitized.Charon):
    def __init__(self, lab, name, *configuration, unpatched=False, plugins="", preload="", delay=1):
        super().__init__(name, f"{lab.folder}/{name}", settings(f"{lab.folder}/{name}", plugins, delay))
        self.configuration, self.unpatched, self.preload = connections(*configuration), unpatched, preload

    @property
    def wrapper(self):
        return (*super().wrapper, f"LD_PRELOAD={self.preload}")

    def begin(self):
        self.nft("add table inet t; add chain inet t in { type filter hook input priority 0; }")
        self.start()
        with open(f"{self.folder}/swanctl.conf", "w", encoding="ascii") as f:
            f.write(self.configuration)
        self.swanctl("--load-all", "--file", f"{self.folder}/swanctl.conf")

    def nft(self, command):
        return run(*self.command("nft", command))

    def drop(self, packets):
        """From here on these do not arrive."""
        self.nft(f"add rule inet t in {packets} counter drop")

    def dropped(self):
        return any(int(n) for n in re.findall(r"packets (\d+)", self.nft("list chain inet t in")))

    def let_in(self):
        self.nft("flush chain inet t in")

    def clear(self):
        """So that the next one of this name begins with nothing."""
        self.nft("destroy table inet t")
        shutil.rmtree(self.folder)

    def said(self, text):
        return text in self.read_log()

    def sas(self):
        """How many IKE_SAs and CHILD_SAs there are, in whatever state."""
        text = self.swanctl("--list-sas")
        return len(re.findall(r"^\S+: #", text, re.MULTILINE)), len(re.findall(r"^ +\S+: #", text, re.MULTILINE))


class Crash:
    """A gateway without the patches must end, one with them must not, and no sanitizer may say a word then."""

    plugins = preloads = ""
    delay = 1  # seconds that an old CHILD_SA is kept

    def run(self, gateway, carrier):
        gateway.swanctl("--initiate", "--child", "k")
        self.provoke(gateway, carrier)
        if gateway.unpatched:
            self.crash(gateway, carrier)
            code = gateway.process.wait(LIMIT)
            assert code == sanitized.REPORTED, f"exit code {code}"
            assert "ERROR: AddressSanitizer: heap-use-after-free" in gateway.reports()[0], gateway.report_text()
            assert re.search(self.where, gateway.report_text()), gateway.report_text()
        else:
            self.survive(gateway, carrier)
            gateway.end()


class IkeRekeyed(Crash):
    """rekey-children.patch"""

    where = r"child_rekey\.c|child_delete\.c"

    @staticmethod
    def provoke(gateway, carrier):
        """Up to the rekey of the IKE_SA."""
        carrier.drop(f"{CREATE_CHILD_SA} {REQUEST}")
        gateway.swanctl("--rekey", "--child", "k")
        wait_for("the gateway to ask for a rekey in vain", carrier.dropped)
        carrier.swanctl("--rekey", "--child", "k")
        wait_for("the carrier's rekey of the same CHILD_SA", lambda: gateway.said("rekeyed CHILD_SA k{1} until active rekeying"))
        gateway.swanctl("--terminate", "--child-id", "1", "--timeout", "-1")
        gateway.drop(f"{INFORMATIONAL} {REQUEST}")
        carrier.swanctl("--rekey", "--ike", "c")

    @staticmethod
    def crash(gateway, carrier):
        wait_for("the gateway to accept the rekey of the IKE_SA", lambda: gateway.said("IKE_SA c[2] rekeyed between"))
        wait_for("the old CHILD_SA to go there", lambda: gateway.said("CHILD_SA k{1} closed"))
        carrier.let_in()

    @staticmethod
    def survive(gateway, carrier):
        """The carrier is told to try later, and does; one IKE_SA and one CHILD_SA are left."""
        wait_for("TEMPORARY_FAILURE", lambda: gateway.said("generating CREATE_CHILD_SA response 2 [ N(TEMP_FAIL) ]"))
        for side in (carrier, gateway):
            side.let_in()
        for side in (carrier, gateway):
            wait_for(f"the IKE_SA to be rekeyed after all ({side.name})", lambda: side.said("] rekeyed between"), 60)
            wait_for(f"one of each to be left ({side.name})", lambda: side.sas() == (1, 1))


class ReplacementGone(Crash):
    """rekey-unlink.patch"""

    where = r"child_delete\.c"

    @staticmethod
    def provoke(gateway, carrier):
        """Up to the end of the new CHILD_SA, of which the carrier does not know yet."""
        carrier.drop(f"{CREATE_CHILD_SA} {RESPONSE}")
        carrier.swanctl("--rekey", "--child", "k")
        wait_for("the gateway's new CHILD_SA", carrier.dropped)
        gateway.swanctl("--rekey", "--child-id", "2")
        wait_for("the gateway to drop it", lambda: gateway.said("CHILD_SA k{2} closed"))
        carrier.let_in()

    @staticmethod
    def crash(gateway, carrier):
        """Nothing else is needed."""

    @staticmethod
    def survive(gateway, carrier):
        """The gateway has made another one in its place, and the old one is gone."""
        wait_for("the old one to go", lambda: gateway.said("CHILD_SA k{1} closed"))
        wait_for("one of each to be left", lambda: gateway.sas() == (1, 1))
        assert carrier.sas()[0] == 1, carrier.sas()


class Moved:
    """rekey-move.patch: without it an old CHILD_SA must stay, which move_slowly.c makes move when it is looked for."""

    plugins, preloads = "", "move_slowly"
    delay = 5  # time enough to begin with the rekey of the IKE_SA

    @staticmethod
    def run(gateway, _carrier):
        gateway.swanctl("--initiate", "--child", "k")
        gateway.swanctl("--rekey", "--child", "k")
        wait_for("the old CHILD_SA's end", lambda: gateway.said("delay closing of inbound CHILD_SA k{1}"))
        gateway.swanctl("--rekey", "--ike", "c")
        wait_for("the new IKE_SA", lambda: gateway.said("IKE_SA c[2] rekeyed between") and gateway.sas()[0] == 1)
        if gateway.unpatched:
            wait_for("the job", lambda: gateway.said("CHILD_SA {1} not found for delete"))
            assert gateway.sas() == (1, 2), gateway.sas()
        else:
            wait_for("one of each to be left", lambda: gateway.sas() == (1, 1))
            assert not gateway.said("not found for delete")
        gateway.end()


class Hang:
    """A gateway that stop_midway.c tells to stop must not end without the patches, and must with them."""

    plugins, preloads, delay = "", "stop_midway", 1

    def run(self, gateway, carrier):
        carrier.swanctl("--initiate", "--child", "k")
        carrier.swanctl(*self.command, "--ike", "c")
        wait_for("the gateway to be told to stop", lambda: gateway.said("SIGTERM received, shutting down"))
        try:
            code = gateway.process.wait(5 if gateway.unpatched else LIMIT)
        except subprocess.TimeoutExpired:
            code = None
        assert code == (None if gateway.unpatched else 0), f"exit code {code}"
        assert not gateway.reports(), gateway.report_text()


class DeletedAtTheEnd(Hang):
    """shutdown-destroy.patch"""

    plugins, command = "culvert-conf! culvert-rekey!", ("--terminate", "--timeout", "-1")


class RekeyedAtTheEnd(Hang):
    """shutdown-segments.patch"""

    command = ("--rekey",)


def build(lab, name, *sources):
    """A library that uses strongSwan's headers, of the file of its name in this folder unless it has other sources."""
    library, source = f"{lab.folder}/{name}.so", f"{STRONGSWAN}/src/src"
    run("gcc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-include", f"{STRONGSWAN}/build/config.h", f"-I{source}/libstrongswan",
        f"-I{source}/libcharon", "-o", library, *(sources or [f"tests/plugins/{name}.c"]))
    return library


def attempt(lab, case, unpatched):
    """Runs one case with charons of its own; whether it passed."""
    began, name = time.monotonic(), f"{type(case).__name__} {'unpatched' if unpatched else 'patched'}"
    preload = case.preloads and build(lab, case.preloads)
    sides = [Side(lab, "gateway", GATEWAY, PEER, "10.110.1.0/24", "10.1.0.0/16", unpatched=unpatched, plugins=case.plugins,
                  preload=preload, delay=case.delay),
             Side(lab, "carrier", PEER, GATEWAY, "10.1.0.0/16", "10.110.1.0/24")]
    try:
        for side in reversed(sides):
            side.begin()
        case.run(*sides)
        sides[1].end()
        print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Exception:  # pylint: disable=broad-except: whatever it is, the others are tried as well
        print(f"FAIL {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
        for side in sides:
            print(f"--- log of {side.name}\n{side.read_log()[-12000:]}", flush=True)
        return False
    finally:
        for side in sides:
            side.stop()
            side.clear()


if __name__ == "__main__":
    wire = Lab()
    CASES = (IkeRekeyed(), ReplacementGone(), Moved(), DeletedAtTheEnd(), RekeyedAtTheEnd())
    sys.exit(0 if all([attempt(wire, case, unpatched) for case in CASES for unpatched in (True, False)]) else 1)
