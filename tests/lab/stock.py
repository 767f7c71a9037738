"""A carrier with stock strongSwan of the distribution, in namespace carrier; with certificates if nothing else is said."""

import os
import shutil

import check
import files
import netns
import systemd
import topology

UNIT = "carrier-strongswan.service"
FOLDER = "/run/carrier-strongswan"
SOCKET = f"{FOLDER}/charon.vici"
SUITE = "aes256-sha256-modp2048"
ID, GATEWAY_ID = "praha.example.net", "gw-fra1.example.net"

_STRONGSWAN = f"""
charon-systemd {{
    load = random nonce x509 constraints pubkey pkcs1 pkcs8 pem openssl drbg kernel-netlink socket-default vici
    install_routes = no
    # Many tunnels of one gateway begin at once; by default half-open SAs of one address are few.
    dos_protection = no
    %s
    journal {{ default = 1 }}
    plugins {{ vici {{ socket = unix://{SOCKET} }} }}
}}
swanctl {{ socket = unix://{SOCKET} }}
"""

_SWANCTL = f"""
connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {topology.CARRIER}
    remote_addrs = {topology.GATEWAY}
    proposals = {SUITE}
    local {{ auth = pubkey
        certs = carrier.pem
        id = {ID} }}
    remote {{ auth = pubkey
        cacerts = ca.pem
        id = {GATEWAY_ID} }}
    children {{ gw {{
        local_ts = {topology.POOL}
        remote_ts = {topology.CLOUD_NET}
        esp_proposals = {SUITE} }} }} }} }}
"""


def _read(name):
    with open(f"{FOLDER}/pki/{name}", encoding="ascii") as file:
        return file.read()


def _write(name, text):
    files.write_private(f"{FOLDER}/{name}", text)


def _key(name):
    _write(f"pki/{name}.key", netns.run("pki", "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"))
    return f"{FOLDER}/pki/{name}.key"


def _authority(name):
    _write(f"pki/{name}.pem", netns.run("pki", "--self", "--ca", "--in", _key(name), "--type", "priv",
        "--dn", f"CN=Lab {name}", "--lifetime", "2", "--outform", "pem"))


def _issue(authority, name, identity):
    _write(f"pki/{name}.pem", netns.run("pki", "--issue", "--cacert", f"{FOLDER}/pki/{authority}.pem",
        "--cakey", f"{FOLDER}/pki/{authority}.key", "--in", _key(name), "--type", "priv", "--dn", f"CN={identity}",
        "--san", identity, "--lifetime", "2", "--outform", "pem"))


def make_certificates():
    """A CA, below it the carrier's certificate and the gateway's; the gateway's secrets: file name to text."""
    _authority("ca")
    _issue("ca", "carrier", ID)
    _issue("ca", "gw", GATEWAY_ID)
    return {"gw.pem": _read("gw.pem"), "gw.key": _read("gw.key"), "carrier-ca.pem": _read("ca.pem")}


def become_an_impostor():
    """The carrier's certificate is of another CA from its next start on; it still accepts the gateway's."""
    _authority("other")
    _issue("other", "carrier", ID)


def start_with_certificates(ike=SUITE, esp=SUITE):
    """The connection that certificates were made for, with other proposals if they are given."""
    for folder, name in (("x509ca", "ca.pem"), ("x509", "carrier.pem"), ("private", "carrier.key")):
        _write(f"swanctl/{folder}/{name}", _read(name))
    start(_SWANCTL.replace(f"esp_proposals = {SUITE}", f"esp_proposals = {esp}").replace(
        f" proposals = {SUITE}", f" proposals = {ike}"))


def start(swanctl, settings=""):
    """Brings charon up with these connections, secrets and further settings of its own loaded: it answers."""
    _write("strongswan.conf", _STRONGSWAN % settings)
    _write("swanctl/swanctl.conf", swanctl)
    environment = (f"STRONGSWAN_CONF={FOLDER}/strongswan.conf", f"SWANCTL_DIR={FOLDER}/swanctl")
    systemd.run_in("carrier", UNIT, "/usr/sbin/charon-systemd", properties=("Type=notify",), environment=environment)
    if not check.poll(lambda: os.path.exists(SOCKET), every=0.05):
        raise RuntimeError("the carrier's charon did not come up")
    netns.run("env", *environment, "/usr/sbin/swanctl", "--load-all")


def stop():
    systemd.stop(UNIT)


def clear():
    stop()
    shutil.rmtree(FOLDER, ignore_errors=True)
