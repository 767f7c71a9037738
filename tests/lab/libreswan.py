"""A carrier that is not ours: libreswan in namespace carrier, with a PSK. It keeps whole subnets in its policies."""

import os
import shutil

import check
import files
import netns
import systemd
import topology

UNIT = "carrier-libreswan.service"
FOLDER = "/run/carrier-libreswan"
LIBEXEC = "/usr/libexec/ipsec"
NAME = "gw"

# The carrier's end is left. The routes are the topology's, so pluto's own script has nothing to do. Not auto=add: pluto
# would load it a second time by itself, at a moment of its own.
_CONF = """
config setup
    dumpdir={folder}
    virtual-private=
"""
_CONN = """conn {name}
    keyexchange=ikev2
    authby=secret
    left={address}
    leftid=@{identity}
    leftsubnet={pool}
    leftupdown=%disabled
    right={gateway}
    rightid={gateway_id}
    rightsubnet={cloud}
    ike=aes256-sha2_256-modp2048
    esp=aes256-sha2_256
    pfs={pfs}
    rekey=no
    dpddelay=10
    auto=ignore
"""


class Pluto:
    def __init__(self, namespace, unit, folder, **ends):
        self.namespace, self.unit, self.folder, self.ends = namespace, unit, folder, ends
        self.more = {}  # further connections by the same ends: name to what differs
        self.control = f"{folder}/run/pluto.ctl"

    def whack(self, *arguments):
        """pluto's control; what it says."""
        return netns.run(f"{LIBEXEC}/whack", "--ctlsocket", self.control, *arguments, check=False)

    def start(self, psk, pfs="yes"):
        """Brings pluto up with the connection loaded: it answers, and initiates when asked."""
        folder, ends = self.folder, {"gateway": topology.GATEWAY, "gateway_id": topology.GATEWAY,
                        "cloud": topology.CLOUD_NET, "pfs": pfs, **self.ends}
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(f"{folder}/nss", mode=0o700)
        os.makedirs(f"{folder}/run", mode=0o700)
        text = "".join(_CONN.format(name=name, **{**ends, **differs}) for name, differs in {NAME: {}, **self.more}.items())
        files.write_private(f"{folder}/ipsec.conf", _CONF.format(folder=folder) + text)
        files.write_private(f"{folder}/ipsec.secrets", f'@{ends["identity"]} {topology.GATEWAY} : PSK "{psk}"\n')
        netns.run("certutil", "-N", "-d", f"sql:{folder}/nss", "--empty-password")
        systemd.run_in(self.namespace, self.unit, f"{LIBEXEC}/pluto", "--nofork", "--stderrlog", "--config",
            f"{folder}/ipsec.conf", "--secretsfile", f"{folder}/ipsec.secrets", "--nssdir", f"{folder}/nss",
            "--rundir", f"{folder}/run")
        if not check.poll(lambda: os.path.exists(self.control), every=0.05):
            raise RuntimeError("pluto did not come up")
        self.whack("--listen")
        self.whack("--rereadsecrets")
        self.add(NAME, *self.more)

    def add(self, *names):
        """Loads connections of the file."""
        netns.run(f"{LIBEXEC}/addconn", "--config", f"{self.folder}/ipsec.conf", "--ctlsocket", self.control, *names)

    def end(self, name):
        """Ends the SA of one of several connections; what asks for it anew gets it."""
        return self.whack("--terminate", "--name", name)

    def forget(self, name):
        """Does not know it any more, and tells nobody."""
        return self.whack("--delete", "--name", name)

    def initiate(self):
        """Asks pluto to bring the tunnel up and does not wait."""
        self.whack("--initiate", "--asynchronous", "--name", NAME)

    def rekey_child(self):
        return self.whack("--rekey-child", "--name", NAME)

    def rekey_ike(self):
        return self.whack("--rekey-ike", "--name", NAME)

    def clear(self):
        systemd.stop(self.unit)
        shutil.rmtree(self.folder, ignore_errors=True)


FIRST = Pluto("carrier", UNIT, FOLDER, address=topology.CARRIER, identity="praha.example.net", pool=topology.POOL)
whack, start, initiate = FIRST.whack, FIRST.start, FIRST.initiate
rekey_child, rekey_ike, clear = FIRST.rekey_child, FIRST.rekey_ike, FIRST.clear
