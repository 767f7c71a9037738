import json

import gateway
import libreswan
import netns
import operators_file
import systemd
import topology as net

SERVICE = f"element inet culvert service4 {{ \"culv-x1\" . {net.CLOUD_OTHER} . tcp . 22 }}"
POOL = f"{net.POOL}"

# (what is done by hand, how it is undone, the verdict, what verify says among other things)
BREAKS = (
    ("a route to the Internet in the APN's table", "ip route add default via 192.0.2.254 dev eth0 table 1001 onlink",
        "ip route del default via 192.0.2.254 dev eth0 table 1001", "differs",
        "exists but is not configured: wall 1, routing: route in table 1001: 0.0.0.0/0 via 192.0.2.254 dev eth0"),
    ("a route of the main table to the link", f"ip route add {POOL} dev culv-x1", f"ip route del {POOL} dev culv-x1", "differs",
        f"exists but is not configured: wall 1, routing: route in table 254: {POOL} dev culv-x1"),
    ("the same beside another way", f"ip route add {POOL} nexthop dev eth0 nexthop dev culv-x1", f"ip route del {POOL}", "differs",
        f"exists but is not configured: wall 1, routing: route in table 254: {POOL} dev culv-x1 (with a condition)"),
    ("the pool's route deleted", f"ip route del {POOL} dev culv-x1 table 1001", f"ip route add {POOL} dev culv-x1 table 1001 metric 100",
        "differs", f"configured but does not exist: wall 1, routing: route in table 1001: {POOL} dev culv-x1"),
    ("the VRFs' rule deleted", "ip rule del pref 1000", "ip rule add l3mdev pref 1000", "differs",
        "configured but does not exist: wall 1, routing: rule 1000: each VRF to its own table (IPv4)"),
    ("a rule of somebody's", "ip rule add pref 500 from 10.64.0.0/16 lookup 200", "ip rule del pref 500", "differs",
        "exists but is not configured: wall 1, routing: rule 500: with a condition or an action (IPv4)"),
    ("forwarding switched off", "sysctl -qw net.ipv4.ip_forward=0",
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.eth0.forwarding=0", "differs",
        "exists but is not configured: wall 1, routing: net/ipv4/ip_forward is 0"),
    ("packets from outside routed on", "sysctl -qw net.ipv4.conf.eth0.forwarding=1", "sysctl -qw net.ipv4.conf.eth0.forwarding=0",
        "differs", "exists but is not configured: wall 1, routing: IPv4 forwarding of eth0 is 1"),
    ("packets of the cloud not routed on", "sysctl -qw net.ipv4.conf.eth1.forwarding=0", "sysctl -qw net.ipv4.conf.eth1.forwarding=1",
        "differs", f"configured but does not exist: path eth1 {net.CLOUD}"),
    ("a narrower path believed", "sysctl -qw net.ipv4.route.min_pmtu=552", "sysctl -qw net.ipv4.route.min_pmtu=1280", "differs",
        "exists but is not configured: wall 1, routing: net/ipv4/route/min_pmtu is 552"),
    ("an element added", f"nft add {SERVICE}", f"nft delete {SERVICE}", "differs",
        f"exists but is not configured: path culv-x1 {POOL} -> eth1 {net.CLOUD_OTHER} tcp 22"),
    ("a set's element removed", f"nft delete element inet culvert pool4 {{ \"culv-x1\" . {POOL} }}",
        f"nft add element inet culvert pool4 {{ \"culv-x1\" . {POOL} }}", "unproven",
        f"configured but does not exist: wall 2, nftables: element pool4 {{ culv-x1 . {POOL} }}"),
    ("a way in of an APN widened", "nft add rule inet culvert in_1001 ip saddr 10.99.0.0/16 accept",
        "nft -a list chain inet culvert in_1001 | sed -n 's/.*10.99.0.0.*# handle //p' | xargs nft delete rule inet culvert in_1001 handle",
        "unproven", f'chain in_1001 is not as the sets have culv-x1: right is "saddr {POOL} accept"'),
    ("a short way that is no path", "nft add element inet culvert way '{ \"culv-x1\" . \"eth0\" : jump up }'",
        "nft delete element inet culvert way '{ \"culv-x1\" . \"eth0\" }'", "unproven",
        "element way { culv-x1 . eth0 : jump up }: right is none, as it is no path"),
    ("a table that maps addresses", "nft add table ip other { chain c { type nat hook prerouting priority 0\\; dnat to 10.1.1.1\\; }\\; }",
        "nft delete table ip other", "unproven", "chain c of table ip other may alter what becomes of packets"),
    ("a policy widened", "ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd if_id 1 tmpl proto esp mode tunnel",
        "ip xfrm policy del src 0.0.0.0/0 dst 0.0.0.0/0 dir fwd if_id 1", "differs",
        "exists but is not configured: wall 3, SA: policy fwd of if_id 1, 0.0.0.0/0 -> 0.0.0.0/0: wider than the selectors"),
    ("a rule inserted", "nft insert rule inet culvert forward accept", "nft -a list chain inet culvert forward | "
        "sed -n 's/.*accept # handle //p' | xargs nft delete rule inet culvert forward handle", "unproven",
        'chain forward is not Culvert\'s: there is "accept"'),
    ("the link moved to the machine", "ip link set culv-x1 nomaster", f"ip link set culv-x1 master culv-v1001; "
        f"ip route add {POOL} dev culv-x1 table 1001 metric 100", "differs",
        "configured but does not exist: wall 1, routing: interface culv-x1 in culv-v1001"),
    ("a rule deleted", "nft flush chain inet culvert from_device", None, "unproven", "chain from_device is not Culvert's"),
    ("the walls gone", "nft delete table inet culvert", None, "differs",
        "configured but does not exist: wall 2, nftables: the table"),
    ("the VRF deleted", "ip link del culv-v1001", None, "differs",
        "configured but does not exist: wall 1, routing: interface culv-v1001 (VRF of table 1001)"),
)


def shell(command):
    return netns.run("sh", "-c", command, check=False)


def verify(*options):
    code, said = gateway.culvert("verify", *options)
    return code, said


def here():
    code, said = verify("--here", "--json")
    try:
        return code, json.loads(said)
    except ValueError:
        return code, {"verdict": said, "differences": [], "unproven": []}


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    lab.require_up()
    code, said = verify()
    lab.check("verify says that exactly the configured paths exist", code == 0 and "exactly the configured paths exist" in said, said)
    for line in said.splitlines():
        if "->" in line or "stopped" in line:
            print(f"     {line}")
    lab.check("what must not pass is open to nobody", "OPEN" not in said, said)
    code, state = here()
    lab.check("so does a reader without culvertd's help", code == 0, state)
    code, said = gateway.culvert("status")
    lab.check("culvert status says the same", code == 0 and "verify: exactly" in said, said)

    # From here on nobody repairs what is done by hand.
    systemd.stop(gateway.CULVERTD)
    code, said = verify()
    lab.check("without culvertd it cannot be asked", code == 2, (code, said))
    for what, break_it, mend, verdict, words in BREAKS:
        shell(break_it)
        code, state = here()
        said = state["differences"] + state["unproven"]
        named = any(words in line for line in said)
        lab.check(f"{what}: {words}", named and state["verdict"] == verdict and code == {"differs": 1, "unproven": 2}[verdict],
            (code, state["verdict"], said[:12]))
        if mend:
            shell(mend)
            code, state = here()
            lab.check(f"{what}, undone: exact again", code == 0, state["differences"] + state["unproven"])
