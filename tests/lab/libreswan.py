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
CONTROL = f"{FOLDER}/run/pluto.ctl"
NAME = "gw"

# The carrier's end is left. The routes are the topology's, so pluto's own script has nothing to do. Not auto=add: pluto
# would load it a second time by itself, at a moment of its own.
_CONF = f"""
config setup
    dumpdir={FOLDER}
    virtual-private=
conn {NAME}
    keyexchange=ikev2
    authby=secret
    left={topology.CARRIER}
    leftid=@praha.example.net
    leftsubnet={topology.POOL}
    leftupdown=%disabled
    right={topology.GATEWAY}
    rightid={topology.GATEWAY}
    rightsubnet={topology.CLOUD_NET}
    ike=aes256-sha2_256-modp2048
    esp=aes256-sha2_256
    pfs=yes
    rekey=no
    dpddelay=10
    auto=ignore
"""


def whack(*arguments):
    """pluto's control; what it says."""
    return netns.run(f"{LIBEXEC}/whack", "--ctlsocket", CONTROL, *arguments, check=False)


def start(psk):
    """Brings pluto up with the connection loaded: it answers, and initiates when asked."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(f"{FOLDER}/nss", mode=0o700)
    os.makedirs(f"{FOLDER}/run", mode=0o700)
    files.write_private(f"{FOLDER}/ipsec.conf", _CONF)
    files.write_private(f"{FOLDER}/ipsec.secrets", f'@praha.example.net {topology.GATEWAY} : PSK "{psk}"\n')
    netns.run("certutil", "-N", "-d", f"sql:{FOLDER}/nss", "--empty-password")
    systemd.run_in("carrier", UNIT, f"{LIBEXEC}/pluto", "--nofork", "--stderrlog", "--config", f"{FOLDER}/ipsec.conf",
        "--secretsfile", f"{FOLDER}/ipsec.secrets", "--nssdir", f"{FOLDER}/nss", "--rundir", f"{FOLDER}/run")
    if not check.poll(lambda: os.path.exists(CONTROL), every=0.05):
        raise RuntimeError("pluto did not come up")
    whack("--listen")
    whack("--rereadsecrets")
    netns.run(f"{LIBEXEC}/addconn", "--config", f"{FOLDER}/ipsec.conf", "--ctlsocket", CONTROL, NAME)


def initiate():
    """Asks pluto to bring the tunnel up and does not wait."""
    whack("--initiate", "--asynchronous", "--name", NAME)


def rekey_child():
    return whack("--rekey-child", "--name", NAME)


def rekey_ike():
    return whack("--rekey-ike", "--name", NAME)


def clear():
    systemd.stop(UNIT)
    shutil.rmtree(FOLDER, ignore_errors=True)
