"""A gateway without Culvert: stock strongSwan in the root namespace, with routes of its own and no walls, for comparison."""

import os
import shutil

import check
import files
import netns
import operators_file
import rekeys_carriers
import stock
import systemd
import topology

UNIT, FOLDER = "stock-gateway.service", "/run/stock-gateway"
SOCKET = f"{FOLDER}/charon.vici"

# What Culvert's charon is told as well: no routes, its plugins by name.
_STRONGSWAN = f"""
charon-systemd {{
    load = random nonce x509 constraints pubkey pkcs1 pkcs8 pem openssl drbg kernel-netlink socket-default vici
    install_routes = no
    {rekeys_carriers.SHORT}
    journal {{ default = 1 }}
    plugins {{ vici {{ socket = unix://{SOCKET} }} }}
}}
swanctl {{ socket = unix://{SOCKET} }}
"""

_SWANCTL = f"""
connections {{ gw {{
    version = 2
    mobike = no
    local_addrs = {topology.GATEWAY}
    remote_addrs = {topology.CARRIER}
    proposals = aes256-sha256-modp2048
    local {{ auth = psk
        id = {topology.GATEWAY} }}
    remote {{ auth = psk
        id = {stock.ID} }}
    children {{ gw {{
        local_ts = {topology.CLOUD_NET}
        remote_ts = {topology.POOL}
        replay_window = 1024
        %s
        esp_proposals = aes256-sha256-modp2048 }} }} }} }}
secrets {{ ike-carrier {{ secret = "{operators_file.PSK}" }} }}
"""


def start(alone=False):
    """Brings the tunnel up. alone: charon comes back when it was killed, as with its distribution's unit, and initiates by
    itself."""
    clear()
    netns.ip(None, f"""
        link set eth1 up
        addr replace {topology.GATEWAY_CLOUD}/20 dev eth1
    """)
    netns.set_sysctl(None, "net.ipv4.ip_forward", 1)
    files.write_private(f"{FOLDER}/strongswan.conf", _STRONGSWAN)
    files.write_private(f"{FOLDER}/swanctl/swanctl.conf", _SWANCTL % ("start_action = start" if alone else ""))
    environment = (f"STRONGSWAN_CONF={FOLDER}/strongswan.conf", f"SWANCTL_DIR={FOLDER}/swanctl")
    unit = ("Type=notify", *(("ExecStartPost=/usr/sbin/swanctl --load-all --noprompt", "Restart=on-abnormal") if alone else ()))
    netns.run("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", *(f"--property={one}" for one in unit),
        *(f"--setenv={one}" for one in environment), "--", "/usr/sbin/charon-systemd")
    if not check.poll(lambda: os.path.exists(SOCKET), every=0.05):
        raise RuntimeError("stock charon did not come up")
    if not alone:
        netns.run("env", *environment, "/usr/sbin/swanctl", "--load-all")
        netns.run("env", *environment, "/usr/sbin/swanctl", "--initiate", "--child", "gw")


def clear():
    systemd.stop(UNIT)
    shutil.rmtree(FOLDER, ignore_errors=True)
