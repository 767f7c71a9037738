"""The same APN without Culvert: stock strongSwan with a connection to each carrier, for comparison."""

import os
import shutil

import check
import files
import netns
import operators_file
import second
import systemd
import topology

UNIT, FOLDER = "stock-gateway.service", "/run/stock-failover"
SOCKET = f"{FOLDER}/charon.vici"
DPD = 10  # seconds, as Culvert's

_STRONGSWAN = """
charon-systemd {
    load = random nonce x509 constraints pubkey pkcs1 pkcs8 pem openssl drbg kernel-netlink socket-default vici
    install_routes = no
    retransmit_tries = %d
    journal { default = 1 }
    plugins { vici { socket = unix://%s } }
}
swanctl { socket = unix://%s }
"""

_CONNECTION = """
    %s {
        version = 2
        mobike = no
        local_addrs = %s
        remote_addrs = %s
        proposals = aes256-sha256-modp2048
        dpd_delay = %ds
        local { auth = psk
            id = %s }
        remote { auth = psk
            id = %s }
        children { %s {
            local_ts = %s
            remote_ts = %s
            dpd_action = restart
            esp_proposals = aes256-sha256-modp2048 } } }
"""

CARRIERS = (("brno", second.CARRIER, "brno.example.net"), ("praha", topology.CARRIER, "praha.example.net"))


def start(tries, dpd):
    """Brings both tunnels up. tries: retransmissions, of which strongSwan has 5."""
    clear()
    netns.ip(None, f"""
        link set eth1 up
        addr replace {topology.GATEWAY_CLOUD}/20 dev eth1
    """)
    netns.set_sysctl(None, "net.ipv4.ip_forward", 1)
    connections = "".join(_CONNECTION % (name, topology.GATEWAY, peer, dpd, topology.GATEWAY, identity, name,
        topology.CLOUD_NET, topology.POOL) for name, peer, identity in CARRIERS)
    files.write_private(f"{FOLDER}/strongswan.conf", _STRONGSWAN % (tries, SOCKET, SOCKET))
    files.write_private(f"{FOLDER}/swanctl/swanctl.conf",
        f'connections {{ {connections} }}\nsecrets {{ ike-carriers {{ secret = "{operators_file.PSK}" }} }}\n')
    environment = (f"STRONGSWAN_CONF={FOLDER}/strongswan.conf", f"SWANCTL_DIR={FOLDER}/swanctl")
    netns.run("systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--property=Type=notify",
        *(f"--setenv={one}" for one in environment), "--", "/usr/sbin/charon-systemd")
    if not check.poll(lambda: os.path.exists(SOCKET), every=0.05):
        raise RuntimeError("stock charon did not come up")
    netns.run("env", *environment, "/usr/sbin/swanctl", "--load-all")
    for name, _, _ in CARRIERS:
        netns.run("env", *environment, "/usr/sbin/swanctl", "--initiate", "--child", name)


def clear():
    systemd.stop(UNIT)
    shutil.rmtree(FOLDER, ignore_errors=True)
    netns.run("ip", "xfrm", "policy", "flush", check=False)
    netns.run("ip", "xfrm", "state", "flush", check=False)
