"""What the tests of culvert-conf share: the two charons with their settings, configurations by a few words, the runner."""

import os
import re
import shutil
import signal
import time
import traceback

from ike_lab import GATEWAY, Charon, Gateway, Lab, build_preload, run

SUITE = "aes256-sha256-modp2048"
PSK = "correct-horse-battery-staple-0123456789"
WRONG = "wrong-horse-battery-staple-0123456789ab"
# Times for a test: an exchange without an answer is given up after 2 s.
COMMON = """
    retransmit_timeout = 0.5
    retransmit_base = 1.0
    retransmit_tries = 3
    install_routes = no
    install_virtual_ip = no
    routing_table = 0
    half_open_timeout = 5
    filelog {
        stderr {
            default = 1
            net = 0
            enc = 0
            lib = 0
            flush_line = yes
        }
    }
"""
PLUGINS = ("random nonce x509 revocation constraints pubkey pkcs1 pem openssl pkcs8 kdf drbg kernel-libipsec "
           "kernel-netlink socket-default vici")


def gateway_settings(folder, rehearsal_delay=3600, admission="culvert-apn!", messages=False):
    """Without admission a CHILD_SA of a connection loaded by vici comes up as well. messages: each is in the log, and what the
    carrier does with packets."""
    return f"""charon-systemd {{ {COMMON.replace("enc = 0", "enc = 1") if messages else COMMON}
    load = {PLUGINS} culvert-conf! culvert-policy! culvert-rekey! {admission}
    reuse_ikesa = no
    ikesa_table_size = 64
    ikesa_table_segments = 4
    plugins {{
        culvert-conf {{ run = {folder} }}
        culvert-rekey {{ rehearsal_delay = {rehearsal_delay}
            state = {folder}/state }}
        kernel-netlink {{ roam_events = no }}
        vici {{ socket = unix://{folder}/vici }}
    }}
}}
"""


def carrier_settings(folder, messages=False):
    return f"""charon-systemd {{ {COMMON.replace("net = 0", "net = 1") if messages else COMMON}
    load = {PLUGINS}
    plugins {{ vici {{ socket = unix://{folder}/vici }} }}
}}
swanctl {{ load = pem pkcs1 x509 pkcs8 pubkey openssl random }}
"""


def tunnel(number, **changes):
    """A tunnel t1.. as the tests write it, with its APN a1.. (number: pool); changes are keys of the operator's file.

    A peer that does not answer is given up after 3 s.
    """
    return {"name": f"t{number}", "peer": f"192.0.2.{10 + number}", "remote_id": f"peer{number}.example.net",
            "initiator": "gateway", "ike": 2760, "child": 2400, "apns": {number: f"10.{number}.0.0/16"},
            "retransmission": "{ timeout = 1.0; base = 1.0; tries = 2; }", **changes}


def written(value):
    """As culvert.conf has it: text is quoted, a list bracketed, what begins with a brace is taken as it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[ {', '.join(written(v) for v in value)} ]"
    return value if isinstance(value, str) and value.startswith("{") else f'"{value}"' if isinstance(value, str) else value


def ceiling_of(row):
    return f"ceiling = {row['ceiling']}; " if "ceiling" in row else ""


def text_of(tunnels, carrier="psk_file = \"carrier.psk\"", local_id="gw.example.net", outer=f'address = "{GATEWAY}"',
            apn_keys=""):
    """culvert.conf and ids for these tunnels."""
    rows = ", ".join(
        "{ " + " ".join(f"{k} = {written(v)};" for k, v in t.items() if k not in ("ike", "child", "ceiling", "apns")) +
        f" rekey = {{ ike = {t['ike']}; child = {t['child']}; {ceiling_of(t)}}}; }}" for t in tunnels)
    apns = ",\n".join(
        f"""{{ name = "a{n}"; pool = {written(pool if isinstance(pool, list) else [pool])}; tunnels = [ "{t['name']}" ];
        cloud = {{ attach = "dedicated"; interface = "eth{n}"; address = "10.110.{n}.4/24";
        prefixes = [ "10.110.{n}.0/24" ]; }}; {apn_keys} }}""" for t in tunnels for n, pool in t["apns"].items())
    text = f"""gateway = {{ name = "gw"; outer = {{ interface = "eth0"; {outer}; }}; }};
carriers = ( {{ name = "c"; local_id = "{local_id}"; {carrier}; tunnels = ( {rows} ); }} );
apns = ( {apns} );
"""
    ids = [f"if_id a{n}/{t['name']} {n}\n" for t in tunnels for n in t["apns"]]
    return text, "".join(ids + [f"table a{n} {1000 + n}\n" for t in tunnels for n in t["apns"]])


def connection(number, address=None, proposal=SUITE, auth="psk", apns=None, esp=SUITE, certificate="peer",
               ca="ca"):
    """The carrier's swanctl connection for tunnel number, with a child k1.. for each APN (number: pool)."""
    kids = "".join(f"""k{n} {{
        local_ts = {pool}
        remote_ts = 10.110.{n}.0/24
        esp_proposals = {esp}
    }}
    """ for n, pool in (apns or {number: f"10.{number}.0.0/16"}).items())
    return f"""c{number} {{
    version = 2
    mobike = no
    local_addrs = {address or f'192.0.2.{10 + number}'}
    remote_addrs = {GATEWAY}
    proposals = {proposal}
    local {{
        auth = {auth}
        id = peer{number}.example.net
        {f'certs = {certificate}.pem' if auth == 'pubkey' else ''}
    }}
    remote {{
        auth = {auth}
        id = gw.example.net
        {f'cacerts = {ca}.pem' if auth == 'pubkey' else ''}
    }}
    children {{
    {kids}
    }}
}}
"""


class Bench:
    """The lab with both charons running, and the count of generations."""

    def __init__(self, **settings):
        self.lab = Lab()
        folder = f"{self.lab.folder}/gateway"
        self.gateway = Gateway("gateway", folder, gateway_settings(folder, **settings))
        folder = f"{self.lab.folder}/carrier"
        self.carrier = Charon("carrier", folder, carrier_settings(folder, settings.get("messages", False)))
        self.number = 0

    def load_carrier(self, *connections, psk=PSK):
        with open(f"{self.carrier.folder}/swanctl.conf", "w", encoding="ascii") as f:
            f.write(f"connections {{ {''.join(connections)} }}\nsecrets {{ ike-gw {{ secret = {psk} }} }}\n")
        self.carrier.swanctl("--load-all", "--clear", "--file", f"{self.carrier.folder}/swanctl.conf")

    def freeze(self, *tunnels, psk=PSK, current=False, **options):
        """Writes the next generation and returns its number."""
        self.number += 1
        text, ids = text_of(tunnels, **options)
        secrets = psk if isinstance(psk, dict) else {"carrier.psk": psk + "\n"}
        self.gateway.write(self.number, text, ids, secrets, current)
        return self.number

    def switch(self, *tunnels, **options):
        return self.gateway.switch(self.freeze(*tunnels, **options))

    def start(self, *tunnels):
        self.carrier.start()
        self.load_carrier(connection(1), connection(2), connection(3))
        if tunnels:
            self.freeze(*tunnels, current=True)
        self.gateway.start()


def children(rows):
    return {name: row["children"] for name, row in rows.items()}


def expect(value, pattern):
    assert re.search(pattern, value), f"{value!r} is not like {pattern!r}"


CRL_SETTINGS = """[ca]
default_ca = d
[d]
database = {ca}.index
default_md = sha256
default_crl_days = {days}
crl_extensions = e
[e]
authorityKeyIdentifier = keyid
"""


def make_certificates(folder):
    """Two CAs, and of each a certificate for the peer and one for the gateway."""
    def openssl(*arguments):
        run("openssl", *arguments, cwd=folder)
    for ca in ("ca", "other-ca"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={ca}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-addext", "basicConstraints=critical,CA:TRUE")
        for name, identity in (("peer", "peer1.example.net"), ("gw", "gw.example.net")):
            name = name if ca == "ca" else f"other-{name}"
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={identity}", "-keyout",
                    f"{name}.key", "-out", f"{name}.pem", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-addext",
                    f"subjectAltName=DNS:{identity}", "-addext", "basicConstraints=CA:FALSE",
                    # Places that nobody may ask.
                    "-addext", "crlDistributionPoints=URI:http://192.0.2.200/ca.crl",
                    "-addext", "authorityInfoAccess=OCSP;URI:http://192.0.2.200/")


def restart_with(bench, name=None):
    """Starts our charon again, with that library of this folder preloaded."""
    bench.gateway.stop(signal.SIGKILL)
    bench.gateway.preload = build_preload(bench.lab, name) if name else ""
    bench.gateway.start()


def make_crl(folder, ca, *revoked, days=2):
    """CA's revocation list in PEM form, with these certificates in it."""
    rows = ""
    for name in revoked:
        serial = run("openssl", "x509", "-in", f"{name}.pem", "-noout", "-serial", cwd=folder).strip().split("=")[1]
        rows += f"R\t400101000000Z\t250101000000Z\t{serial}\tunknown\t/CN={name}\n"
    for name, text in (("index", rows), ("cnf", CRL_SETTINGS.format(ca=ca, days=days))):
        with open(f"{folder}/{ca}.{name}", "w", encoding="ascii") as f:
            f.write(text)
    late = () if days > 0 else ("-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20250102000000Z")
    return run("openssl", "ca", "-gencrl", "-config", f"{ca}.cnf", "-keyfile", f"{ca}.key", "-cert", f"{ca}.pem", *late,
               cwd=folder)


def certificate_secrets(folder, ca="ca.pem", key="gw.key"):
    """A carrier with certificates, for freeze(): gw.pem with gw.key and ca.pem; the latter two may come from others."""
    secrets = {}
    for name, file in {"gw.pem": "gw.pem", "gw.key": key, "ca.pem": ca}.items():
        with open(f"{folder}/{file}", encoding="ascii") as f:
            secrets[name] = f.read()
    return {"psk": secrets, "carrier": 'certificate = "gw.pem"; key_file = "gw.key"; ca = "ca.pem"'}


def install_certificates(folder, *files):
    """Gives the carrier's swanctl these files: CAs, certificates and keys by their names."""
    for file in files:
        target = "x509ca" if file.endswith("ca.pem") else "x509" if file.endswith(".pem") else "private"
        os.makedirs(f"{folder}/{target}", exist_ok=True)
        shutil.copy(f"{folder}/{file}", f"{folder}/{target}/{file}")


def main(tests, **settings):
    """Runs the functions named test_... in order, in one lab; returns the exit code. settings: of the gateway."""
    bench, failed = Bench(**settings), 0
    try:
        for test in (value for name, value in list(tests.items()) if name.startswith("test_")):
            name, began = test.__name__.removeprefix("test_"), time.monotonic()
            try:
                test(bench)
                print(f"ok {name} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception:  # pylint: disable=broad-except: whatever it is, the next cases cannot build on it
                failed += 1
                print(f"FAIL {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
                for charon in (bench.gateway, bench.carrier):
                    print(f"--- log of {charon.name}\n{charon.read_log()[-6000:]}", flush=True)
                break
    finally:
        bench.gateway.stop()
        bench.carrier.stop()
    return 1 if failed else 0
