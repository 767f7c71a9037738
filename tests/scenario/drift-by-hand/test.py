import time

import assault
import check
import drift
import gateway
import libreswan
import netns
import offers
import operators_file
import policy
import systemd
import topology as net
import traffic
import walls

VERIFIED = 120  # seconds; a verification rests twenty times as long as it takes, which is long where the machine is slow
# Somebody's own, behind the VRFs' rule: it is left alone.
MACHINES_RULE = "pref 2000 from 192.0.2.8 lookup 200"
LINK, VRF, TABLE = "culv-x1", "culv-v1001", 1001
RULE_LOST = f"nft delete rule {drift.RULES} from_device handle HAIRPIN"
# What is done, and what culvertd says of it. Wall 2 is open while it lacks a rule: walls 1 and 3 are left.
ON_WALL_2 = (
    (RULE_LOST, "rule of chain from_device deleted"),
    (f"nft insert rule {drift.RULES} forward accept", "rule of chain forward added"),
    (f"nft flush chain {drift.RULES} input", "rule of chain input deleted"),
    (f"nft add chain {drift.RULES} forward '{{ policy accept; }}'", "chain forward added or changed"),
    (f"nft add chain {drift.RULES} aside '{{ type filter hook forward priority -10; policy accept; }}'", "chain aside added"),
    (f"nft add table {drift.RULES} '{{ flags dormant; }}'", "table culvert added or changed"),
    (f"nft delete element {drift.RULES} path '{{ \"{LINK}\" . \"eth1\" }}'", "element of set path deleted"),
    (f"nft add element {drift.RULES} pool4 '{{ \"{LINK}\" . 10.99.0.0/16 }}'", "element of set pool4 added"),
    (f"nft delete element {drift.RULES} way '{{ \"{LINK}\" . \"eth1\" }}'", "element of set way deleted"),
    (f"nft flush map {drift.RULES} arrive", "element of set arrive deleted"),
    (f"nft flush chain {drift.RULES} in_{TABLE}", f"rule of chain in_{TABLE} deleted"),
    (f"nft delete table {drift.RULES}", "table inet culvert"),
    ("nft flush ruleset", "table inet culvert"),
)
# Wall 2 stands: nothing at all may pass that is not configured.
ON_WALL_1 = (
    (f"ip route del {net.POOL} dev {LINK} table {TABLE}", f"route {net.POOL} table {TABLE} dev {LINK} metric 100 is gone"),
    (f"ip route del unreachable default table {TABLE} metric 4278198272", "is gone"),
    (f"ip route add {net.INTERNET} via {net.ROUTER} dev eth0 onlink table {TABLE}", f"{net.INTERNET}/32 table {TABLE}"),
    (f"ip route add {net.POOL} dev {LINK}", f"route {net.POOL} table 254 dev {LINK} metric 0 was added"),
    (f"ip route add {net.POOL} nexthop dev {LINK} nexthop dev eth0", f"route {net.POOL} table 254"),
    ("ip rule del pref 1000", "rule inet pref 1000 l3mdev is gone"),
    (f"ip rule add pref 10 iif {VRF} lookup main", f"rule inet pref 10 iif {VRF} lookup 254 was added"),
    ("ip rule add pref 20 lookup main", "rule inet pref 20 lookup 254 was added; one of your own may have a preference above 1000"),
    (f"ip rule add pref 30 from {net.POOL} goto 32766", f"rule inet pref 30 from {net.POOL} goto 32766 was added"),
    ("ip rule add pref 30 fwmark 0/0xff iif eth1 lookup main", "rule inet pref 30 fwmark 0x0/0xff iif eth1 lookup 254 was added"),
    ("ip rule add pref 999 prohibit", "rule inet pref 999 prohibit was added"),
    ("ip -6 rule add pref 30 goto 32766", "rule inet6 pref 30 goto 32766 was added"),
    (f"ip rule add pref 2000 from 192.0.2.7 lookup {TABLE}", f"from 192.0.2.7/32 lookup {TABLE} was added"),
    ("ip rule del pref 1000; ip rule add pref 1000 l3mdev suppress_prefixlength 0", "suppress_prefixlength 0 l3mdev was added"),
    (f"ip link set {LINK} down", f"link {LINK} up is gone"),
    (f"ip link set {LINK} mtu 1300", f"link {LINK} mtu 1300 instead of"),
    ("ip link set eth1 nomaster", f"link eth1 master {VRF} is gone"),
    (f"ip address del {net.GATEWAY_CLOUD}/20 dev eth1", f"address {net.GATEWAY_CLOUD}/20 dev eth1 is gone"),
    (f"ip link del {LINK}", f"link {LINK} type xfrm"),
    (f"ip link del {VRF}", f"link {VRF} type vrf"),
    ("sysctl -qw net.ipv4.ip_forward=0", "sysctl net/ipv4/ip_forward = 0 instead of 1"),
    ("sysctl -qw net.ipv4.conf.eth0.forwarding=1", "sysctl net/ipv4/conf/eth0/forwarding = 1 instead of 0"),
    (f"sysctl -qw net.ipv4.conf.{LINK}.rp_filter=1", "rp_filter = 1 instead of 0"),
)


def _do(command):
    if "HAIRPIN" in command:
        command = command.replace("HAIRPIN", drift.handle("from_device", "hairpin"))
    netns.run("sh", "-c", command)


def _change(lab, command, words, right):
    before, _ = drift.reported()
    _do(command)
    said = drift.await_report(before, words)
    left = drift.await_picture(right)
    detail = f"{drift.reported()}; {left}"
    lab.check(f"{command.partition(' {')[0]}: noticed, repaired, reported", said and said["repaired"] and not left, detail)
    lab.check("  and traffic flows", lab.uplink.ask(), "no answer")


def _verified_after(lab, command, words, right):
    """A change calls for a verification of what is repaired."""
    before, _ = drift.reported()
    done = time.monotonic()
    _do(command)
    drift.await_report(before, words)

    def fresh():
        last = gateway.status().get("verify") or {"age": 0, "verdict": None}
        # The age is in whole seconds, rounded down.
        return last["verdict"] == "exact" and time.monotonic() - last["age"] - 1 > done

    lab.check("a change is followed by a verification, which says exact", check.poll(fresh, VERIFIED, 0.2), gateway.status().get("verify"))
    left = drift.await_picture(right)
    lab.check("  of what is repaired", not left, left)


def _others_table(lab):
    """Somebody else's table stays; that it may alter what becomes of packets is told, and that it is gone."""
    for what, command, verdict in (
        ("a table of somebody's", "nft add table ip other '{ chain c { type nat hook prerouting priority 0;"
            " ip daddr 192.0.2.99 dnat to 192.0.2.98; }; }'", "unproven"),
        ("its end", "nft delete table ip other", "exact"),
    ):
        _do(command)
        said = check.poll(lambda wanted=verdict: (gateway.status().get("verify") or {}).get("verdict") == wanted, VERIFIED, 0.2)
        lab.check(f"{what} is followed by a verification: {verdict}", said, gateway.status().get("verify"))


def _without_watch(lab, right):
    """With culvertd held, nothing puts anything back: what we see repaired is its doing."""
    for command in (RULE_LOST, f"ip route del {net.POOL} dev {LINK} table {TABLE}", "ip rule del pref 1000"):
        with gateway.unwatched():
            _do(command)
            lab.check(f"without culvertd {command.partition(' {')[0]} stays", drift.difference(right, drift.picture()),
                "it was repaired: our checks are blind")
        left = drift.await_picture(right)
        lab.check("  and is repaired when it goes on", not left, left)
        lab.check("  and traffic flows", lab.uplink.ask(), "no answer")


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    lab.require_up()
    policy.carrier_misbehaves()
    netns.run("sh", "-c", f"ip rule add {MACHINES_RULE}")
    right = drift.picture()
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(20))

    attack = assault.Assault(lab, offers.OUTSIDE + (offers.CLOUD_INTERNET,))
    for command, words in ON_WALL_2:
        _change(lab, command, words, right)
    attack.check("while wall 2 was changed")
    attack = assault.Assault(lab, offers.WITHIN + offers.OUTSIDE + offers.FROM_CLOUD + offers.FROM_INTERNET)
    for command, words in ON_WALL_1:
        _change(lab, command, words, right)
    attack.check("while wall 1 was changed")
    _verified_after(lab, f"ip route del {net.POOL} dev {LINK} table {TABLE}", "is gone", right)
    _others_table(lab)
    _without_watch(lab, right)

    netns.run("sh", "-c", f"ip rule del {MACHINES_RULE}")
    lab.check("traffic still flows", stream.await_answers(20))
    lost = stream.stop()
    lab.check(f"most of it arrived ({len(lost)} of {len(stream.sent)} lost)", len(lost) < len(stream.sent) / 2, len(lost))
    walls.check_outer(lab)
    said = gateway.culvert("status")[1]
    lab.check("culvert status tells the last of it in words", "changes by others noticed" in said, said)
    journal = systemd.journal(gateway.CULVERTD, 400)
    named = [one for one in journal.splitlines() if "drift: table inet culvert: rule of chain from_device deleted" in one]
    lab.check("the log names what was done and by whom", named and "by nft (process " in named[0], named[:1])
