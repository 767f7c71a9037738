"""The gateway that the generator works on: tunnels t1 and t3 of culvert.conf, and c2 that somebody has loaded by hand."""

import os

from conf_bench import PSK, SUITE, gateway_settings, text_of, tunnel
from ike_lab import PREFIX, Gateway, Lab, build_preload
from ike_peer import Link, Peer

PLUGIN = f"{PREFIX}/plugins/libstrongswan-culvert-policy.so"
OFF = os.environ.get("CULVERT_OFF", "build/off/libstrongswan-culvert-policy.so")
MS_BIND = 0x1000

# Everything that this charon implements, and the allowed suite among it.
CIPHERS = ("aes128-aes192-aes256-aes128ctr-aes192ctr-aes256ctr-camellia128-camellia192-camellia256-camellia128ctr-"
           "camellia256ctr-3des-des-cast128-blowfish128-blowfish256-null")
SEALED = "-".join(f"aes{bits}{mode}{icv}" for bits in (128, 192, 256) for mode in ("gcm", "ccm") for icv in (8, 12, 16))
CHECKS = "sha256-md5-md5_128-sha1-sha1_160-sha384-sha512-sha256_96-aesxcbc-aescmac"
PRFS = "prfsha256-prfmd5-prfsha1-prfsha384-prfsha512-prfaesxcbc-prfaescmac"
GROUPS = ("modp2048-modp768-modp1024-modp1536-modp3072-modp4096-modp6144-modp8192-modp1024s160-modp2048s224-modp2048s256-"
          "ecp192-ecp224-ecp256-ecp384-ecp521-ecp224bp-ecp256bp-ecp384bp-ecp512bp-curve25519-curve448-mlkem512-mlkem768-"
          "mlkem1024")
IKE_ANY = f"{CIPHERS}-{CHECKS}-{PRFS}-{GROUPS}, {SEALED}-chacha20poly1305-{PRFS}-{GROUPS}"
ESP_ANY = (f"{CIPHERS}-{CHECKS}-{GROUPS}-modpnone-noesn-esn, {SEALED}-chacha20poly1305-{GROUPS}-modpnone-noesn-esn, "
           f"aes128gmac-aes256gmac-{GROUPS}-modpnone-noesn-esn")
AH_ANY = f"{CHECKS}-{GROUPS}-modpnone-noesn-esn"
CHILD_ANY = f"esp_proposals = {ESP_ANY}\nah_proposals = {AH_ANY}"


def link(number):
    """The peer of t1, c2 or t3, with the traffic of its first CHILD_SA."""
    pool = 5 if number == 3 else number
    return Link(f"192.0.2.{10 + number}", f"peer{number}.example.net", "gw.example.net", PSK,
                (bytes((10, pool, 0, 0)), bytes((10, pool, 255, 255))),
                (bytes((10, 110, pool, 0)), bytes((10, 110, pool, 255))))


def by_hand(number=2, ike=IKE_ANY, child=CHILD_ANY):
    """A connection with two CHILD_SAs."""
    children = "".join(f"""k{n} {{
            local_ts = 10.110.{n}.0/24
            remote_ts = 10.{n}.0.0/16
            {child}
        }}
        """ for n in (number, number + 2))
    return f"""c{number} {{
    version = 2
    mobike = no
    local_addrs = 192.0.2.1
    remote_addrs = 192.0.2.{10 + number}
    proposals = {ike}
    local {{
        auth = psk
        id = gw.example.net
    }}
    remote {{
        auth = psk
        id = peer{number}.example.net
    }}
    children {{
        {children}
    }}
}}
"""


class Target(Gateway):
    """Waits for its peers; what it begins itself is begun by vici."""

    def __init__(self, lab):
        folder = f"{lab.folder}/gateway"
        # Half-open IKE_SAs of one address are many here, and a second CHILD_SA is to be made on the IKE_SA that stands.
        # charon does not give up by itself before the generator does, however slow the machine.
        super().__init__("gateway", folder, gateway_settings(folder, admission="").replace(
            "reuse_ikesa = no", "reuse_ikesa = yes\n    dos_protection = no").replace(
            "retransmit_tries = 3", "retransmit_tries = 20"))
        text, ids = text_of([
            tunnel(1, initiator="carrier", apns={1: "10.1.0.0/16", 3: "10.3.0.0/16"},
                   retransmission="{ timeout = 1.0; base = 1.0; tries = 10; }"),
            tunnel(3, initiator="carrier", apns={5: "10.5.0.0/16", 7: "10.7.0.0/16"}, suite=f"{SUITE}-esn")])
        self.write(1, text, ids, {"carrier.psk": PSK + "\n"}, current=True)

    def load(self, connection):
        path = f"{self.folder}/swanctl.conf"
        with open(path, "w", encoding="ascii") as f:
            f.write(f"connections {{ {connection} }}\n"
                    f"secrets {{ ike-c2 {{ id = peer2.example.net\nsecret = {PSK} }} }}\n")
        self.swanctl("--load-all", "--clear", "--file", path)


def start(off):
    """The gateway, and the peers of t1, c2 and t3 by what those are. off: with the check switched off."""
    lab = Lab()
    if off:
        Lab._mount(OFF, PLUGIN, None, MS_BIND, None)
    gateway = Target(lab)
    gateway.preload = build_preload(lab, "esn_taken")
    gateway.start()
    gateway.load(by_hand())
    return gateway, {"culvert.conf": Peer(link(1)), "vici": Peer(link(2)), "culvert.conf with ESN": Peer(link(3))}
