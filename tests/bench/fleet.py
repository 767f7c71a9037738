"""N tunnels, one APN and one pre-shared key each, as three texts of the same thing: the operator's file, swanctl.conf of
a gateway without Culvert, and swanctl.conf of the carriers."""

import os

SUITE = "aes256-sha256-modp2048"
GATEWAY = "192.0.2.1"
CARRIERS = "172.16.0.0/12"  # every peer's address is in it


def peer(n):
    return f"172.{16 + n // 50000}.{n // 200 % 250}.{n % 200 + 1}"


def pool(n, length=24):
    return f"10.{n // 256}.{n % 256}.0/{length}"


def cloud(n, host=0, length=24):
    return f"10.{128 + n // 256}.{n % 256}.{host}/{length}"


def psk(n):
    return f"correct-horse-battery-staple-{n:08}"


def _write(path, text):
    with open(f"{path}.new", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(text)
    os.rename(f"{path}.new", path)


def write_operators_file(folder, size, pool_length=None, order=None, tunnel_keys=""):
    """folder/culvert.conf and folder/secrets/. pool_length: prefix length by tunnel, where it is not 24; tunnel_keys: more
    of each tunnel."""
    lengths, order = pool_length or {}, list(order or range(size))
    carriers = ",\n".join(
        f"""{{ name = "c{n}"; local_id = "gw.example.net"; psk_file = "c{n}.psk"; tunnels = (
	{{ name = "t{n}"; peer = "{peer(n)}"; remote_id = "peer{n}.example.net"; initiator = "carrier"; {tunnel_keys} }} ); }}"""
        for n in order)
    apns = ",\n".join(
        f"""{{ name = "a{n}"; pool = [ "{pool(n, lengths.get(n, 24))}" ]; tunnels = [ "t{n}" ];
	cloud = {{ attach = "dedicated"; interface = "eth{n + 1}"; address = "{cloud(n, 4)}"; prefixes = [ "{cloud(n)}" ]; }}; }}"""
        for n in order)
    os.makedirs(f"{folder}/secrets", mode=0o700, exist_ok=True)
    for n in range(size):
        if not os.path.exists(f"{folder}/secrets/c{n}.psk"):
            _write(f"{folder}/secrets/c{n}.psk", f"{psk(n)}\n")
    _write(f"{folder}/culvert.conf", f"""gateway = {{ name = "gw"; outer = {{ interface = "eth0"; address = "{GATEWAY}"; }}; }};
carriers = ( {carriers} );
apns = ( {apns} );
""")
    return f"{folder}/culvert.conf"


def _connection(n, role, pool_length):
    """The values are those that culvert-conf gives charon, so that both sides keep the same things in memory."""
    ends = {"gateway": (GATEWAY, peer(n), "gw.example.net", f"peer{n}.example.net", cloud(n), pool(n, pool_length)),
            "carrier": (peer(n), GATEWAY, f"peer{n}.example.net", "gw.example.net", pool(n, pool_length), cloud(n))}
    local, remote, local_id, remote_id, local_ts, remote_ts = ends[role]
    watch = "dpd_delay = 10s" if role == "gateway" else ""
    return f"""t{n} {{
	version = 2
	mobike = no
	unique = replace
	local_addrs = {local}
	remote_addrs = {remote}
	proposals = {SUITE}
	rekey_time = 2760s
	over_time = 780s
	rand_time = 276s
	{watch}
	local {{
		auth = psk
		id = {local_id}
	}}
	remote {{
		auth = psk
		id = {remote_id}
	}}
	children {{
		a{n} {{
			local_ts = {local_ts}
			remote_ts = {remote_ts}
			esp_proposals = {SUITE}
			rekey_time = 2400s
			life_time = 3540s
			rand_time = 240s
			if_id_in = {n + 1}
			if_id_out = {n + 1}
			replay_window = 1024
		}}
	}}
}}
"""


def write_swanctl(folder, size, role, pool_length=None):
    """folder/swanctl.conf for role "gateway" or "carrier"."""
    lengths = pool_length or {}
    connections = "".join(_connection(n, role, lengths.get(n, 24)) for n in range(size))
    secrets = "".join(f"ike-{n} {{\n\tid = peer{n}.example.net\n\tsecret = {psk(n)}\n}}\n" for n in range(size))
    _write(f"{folder}/swanctl.conf", f"connections {{\n{connections}}}\nsecrets {{\n{secrets}}}\n")
    return f"{folder}/swanctl.conf"
