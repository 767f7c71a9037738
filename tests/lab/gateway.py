"""The gateway under test: Culvert as its package installed it, in the root namespace."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import check
import files
import netns
import systemd

CULVERTD, CHARON = "culvertd.service", "culvert-charon.service"
ETC, RUN, STATE = "/etc/culvert", "/run/culvert", "/var/lib/culvert"
CONF = f"{ETC}/culvert.conf"
SECRETS = f"{ETC}/secrets"
TABLE = ("inet", "culvert")
REHEARSALS = f"{STATE}/charon/rehearsals"
NEVER = 86400
FIRST_TABLE = 1001  # routing tables from this number on are VRFs of ours


def _empty(folder):
    if not os.path.isdir(folder):
        return
    for entry in os.scandir(folder):
        shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


def _our_links():
    # VRFs last: a slave goes before its master.
    names = [name for name in os.listdir("/sys/class/net") if name.startswith("culv-")]
    return sorted(names, key=lambda name: name.startswith("culv-v"))


def _our_tables():
    """(family, table) of the routes that stay when a VRF goes, as they name no interface."""
    for family in ("-4", "-6"):
        listing = netns.run("ip", family, "route", "show", "table", "all", "type", "unreachable")
        for table in set(re.findall(r" table (\d+) ", listing)):
            if int(table) >= FIRST_TABLE:
                yield family, table


def clear():
    """Back to a machine on which the package was just installed: nothing configured, nothing in the kernel."""
    systemd.stop(CHARON, CULVERTD)
    rehearse_after(NEVER)
    for folder in (RUN, STATE, SECRETS):
        _empty(folder)
    if os.path.exists(CONF):
        os.unlink(CONF)
    script = ["xfrm state flush", "xfrm policy flush"] + [f"link del {name}" for name in _our_links()]
    netns.ip(None, "\n".join(script), force=True)
    for family, table in list(_our_tables()):
        netns.run("ip", family, "route", "flush", "table", table, "type", "unreachable")
    netns.run("nft", "destroy", "table", *TABLE)
    netns.run("conntrack", "-F", check=False)
    if not netns.run("ip", "rule").startswith("0:"):
        netns.ip(None, "rule add pref 0 lookup local\nrule del pref 32765", force=True)
    netns.set_sysctl(None, "net.ipv4.ip_forward", 0)


def rehearse_after(seconds):
    """When charon tries the rekeys of a tunnel that came up. Not in a scenario that does not ask for it: they compare
    SAs over minutes."""
    path = f"{ETC}/strongswan.conf"
    with open(path, encoding="ascii") as file:
        text, count = re.subn(r"(?<=rehearsal_delay = )\d+", str(seconds), file.read())
    if count != 1:
        raise RuntimeError(f"{path} has {count} lines with rehearsal_delay")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def configure(text, secrets):
    """Writes the operator's file and his secrets: file name to text."""
    for name, secret in secrets.items():
        files.write_private(f"{SECRETS}/{name}", secret)
    with open(CONF, "w", encoding="utf-8") as file:
        file.write(text)


def operators_file():
    with open(CONF, encoding="utf-8") as file:
        return file.read()


def start():
    systemd.start(CULVERTD, CHARON)
    if not status().get("generation"):
        raise RuntimeError("the operator's file is not in force:\n" + culvert("check", CONF)[1])


def culvert(*arguments):
    """The operator's command: its exit code and all it said."""
    done = subprocess.run(("culvert", *arguments), capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def status():
    """The status object, or {} while culvertd does not answer."""
    text = culvert("status", "--json")[1]
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return {}


def tunnel(state, name="vf-praha"):
    return next((one for one in state.get("tunnels", ()) if one["name"] == name), {})


def link(state, apn="meters", name="vf-praha"):
    return next((one for one in state.get("links", ()) if (one["apn"], one["tunnel"]) == (apn, name)), {})


def await_carrying(limit=60, **which):
    """The status once the link carries and charon tells its SAs, or the last one after limit seconds."""
    last = {}

    def carries():
        last.update(status())
        one = link(last, **which)
        return one.get("carrying") and one.get("child")

    check.poll(carries, limit)
    return last


def await_tunnel(state, limit=60, name="vf-praha"):
    """Waits until the tunnel is in that state; the last status."""
    last = {}

    def reached():
        last.update(status())
        return tunnel(last, name).get("state") == state

    check.poll(reached, limit)
    return last


def await_end():
    """Waits until the tunnel is down, and the carrier's end of it as well: charon calls it down when it begins to say so."""
    await_tunnel("down")
    check.poll(lambda: "src" not in netns.run("ip", "-n", "carrier", "xfrm", "state"))


def await_failure(word, limit=90):
    """Waits until the tunnel's last failure has that word; the last status."""
    last = {}

    def said():
        last.update(status())
        return word in failure(last).lower()

    check.poll(said, limit)
    return last


def ask_charon(request):
    """One line to the hand-over socket of charon, which culvertd uses as well; the first line of its answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(20)
        sock.connect(f"{RUN}/charon.sock")
        sock.sendall(f"{request}\n".encode())
        with sock.makefile(encoding="utf-8") as answer:
            return answer.readline().strip()


def failure(state):
    """The sentence that says why the tunnel is not up, or ""."""
    return tunnel(state).get("failure") or ""


def spis(state):
    """What identifies the SAs of the first link, or None."""
    child = link(state).get("child")
    return child and (child["spi_in"], child["spi_out"])


def sas(if_id=1):
    """The SPIs of the kernel's SAs with that if_id (1: the first link's), as 8 hex digits. Keys are never read."""
    found = []
    for block in netns.run("ip", "xfrm", "state", "list", "nokeys").split("\nsrc "):
        if f"if_id {if_id:#x}\n" in block + "\n":
            found.append(block.split(" spi 0x", 1)[1][:8])
    return found


def journals():
    """All that the gateway's two units have said since the machine started."""
    return systemd.journal(CULVERTD, "all") + systemd.journal(CHARON, "all")


def has_address(interface, address):
    return f"inet {address} " in netns.run("ip", "address", "show", "dev", interface)


def refusals():
    """Packets counted by each named counter of the walls."""
    listing = json.loads(netns.run("nft", "-j", "list", "counters", "table", *TABLE))
    return {one["counter"]["name"]: one["counter"]["packets"] for one in listing["nftables"] if "counter" in one}


def no_policy_drops():
    """Packets that the kernel refused because no policy of their SA covers them: wall 3."""
    with open("/proc/net/xfrm_stat", encoding="ascii") as lines:
        return sum(int(line.split()[1]) for line in lines if line.split()[0] in ("XfrmInNoPols", "XfrmInTmplMismatch"))


def forward_policies():
    """The default verdicts of the chains of our table that hook forward."""
    listing = json.loads(netns.run("nft", "-j", "list", "table", *TABLE, check=False) or '{"nftables": []}')
    chains = [one["chain"] for one in listing["nftables"] if "chain" in one]
    return [one["policy"] for one in chains if one.get("hook") == "forward"]


@contextlib.contextmanager
def unwatched():
    """Within this block culvertd stands still: what is changed by hand stays changed. It does not answer either."""
    pid = systemd.main_pid(CULVERTD)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def remove_walls():
    """What no operator does: wall 2 is gone while all else goes on."""
    netns.run("nft", "delete", "table", *TABLE)
