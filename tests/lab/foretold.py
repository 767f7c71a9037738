"""What the kernel holds, in the words in which `culvert plan` lists what a reload would change there."""

import json
import os
import re

import gateway
import netns

OURS = "culv-"
# Rules and sets that say once more what others say; sets that packets and observations fill.
_REPEATED = re.compile(r"(chain (in|down|shared)_\d|(arrive|way|segment|pinging|asked\d|refused_\w+) \{)")
_SETTINGS = ("ipv4/ip_forward", "ipv4/fwmark_reflect", "ipv4/route/min_pmtu", "ipv6/conf/all/forwarding")
_OF_INTERFACES = {"ipv4": ("forwarding", "rp_filter"), "ipv6": ("disable_ipv6", "addr_gen_mode", "keep_addr_on_down")}
_FAMILIES = {"-4": ("inet", "0.0.0.0/0", 32), "-6": ("inet6", "::/0", 128)}


def _ip(*arguments):
    return json.loads(netns.run("ip", "-N", "-j", *arguments) or "[]")


def _read(path):
    try:
        with open(f"/proc/sys/net/{path}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:  # an interface that goes, or a protocol that is not there
        return None


def _links():
    for link in _ip("-d", "link"):
        name, info = link["ifname"], link.get("linkinfo", {})
        data, kind = info.get("info_data", {}), info.get("info_kind")
        if name.startswith(OURS):
            yield f"link {name} " + {"vrf": lambda: f"type vrf table {data['table']}",
                "xfrm": lambda: f"type xfrm dev lo if_id {int(str(data['if_id']), 0)}",
                "vlan": lambda: f"type vlan link {link['link']} id {data['id']}"}[kind]()
        if kind == "xfrm":
            yield f"link {name} mtu {link['mtu']}"
        if "master" in link:
            yield f"link {name} master {link['master']}"
        if "UP" in link["flags"]:
            yield f"link {name} up"


def _addresses():
    for link in _ip("address"):
        for one in link["addr_info"]:
            if one.get("scope") not in ("link", "253"):
                yield f"address {one['local']}/{one['prefixlen']} dev {link['ifname']}"


def _routes():
    for family, (_, every, bits) in _FAMILIES.items():
        for one in _ip(family, "route", "show", "table", "all"):
            if one.get("protocol") in ("kernel", "2"):
                continue
            to = every if one["dst"] == "default" else one["dst"] if "/" in one["dst"] else f"{one['dst']}/{bits}"
            refusal = one.get("type") in ("unreachable", "7")
            yield (f"route {'unreachable ' if refusal else ''}{to} table {one.get('table', 254)}" +
                   (f" via {one['gateway']}" if "gateway" in one else "") +
                   ("" if refusal else f" dev {one['dev']}") + f" metric {one.get('metric', 0)}")


def _rules():
    for family, (name, *_) in _FAMILIES.items():
        for one in _ip(family, "rule"):
            if "fwmark" in one:
                yield f"rule {name} fwmark {one['fwmark']} lookup {one['table']}"
            elif "l3mdev" in one:
                yield f"rule {name} pref {one['priority']} l3mdev"
            else:
                yield f"rule {name} pref {one['priority']} lookup {'local' if one['table'] == '255' else one['table']}"


def _sysctls():
    paths = list(_SETTINGS)
    for version, names in _OF_INTERFACES.items():
        paths += [f"{version}/conf/{link}/{name}" for link in os.listdir(f"/proc/sys/net/{version}/conf")
                  for name in names if link not in ("all", "default", "lo")]
    return (f"sysctl net/{path} = {value}" for path in paths if (value := _read(path)) is not None)


def kernel():
    """Interfaces, addresses, routes, rules and settings, one line each."""
    return {line for part in (_links, _addresses, _routes, _rules, _sysctls) for line in part()}


def _word(value):
    if isinstance(value, dict) and "prefix" in value:
        return f"{value['prefix']['addr']}/{value['prefix']['len']}"
    if isinstance(value, dict) and "range" in value:
        return "-".join(str(one) for one in value["range"])
    if isinstance(value, dict) and "jump" in value:
        return f"jump {value['jump']['target']}"
    if isinstance(value, dict) and "concat" in value:
        return " . ".join(_word(one) for one in value["concat"])
    return str(value)


def _element(item):
    key, value = item if isinstance(item, list) else (item, None)
    key = key["elem"]["val"] if isinstance(key, dict) and "elem" in key else key
    return _word(key) + ("" if value is None else f" : {_word(value)}")


def _named(text):
    """A line of the walls without what two programs write in two ways: hosts, marks, quotes, what a named object holds."""
    text = re.sub(r"^(?:add )?(limit|ct timeout) inet culvert (\S+) .*|^table inet culvert \{ (chain) (\S+) .*",
                  lambda m: f"{m[1] or m[3]} {m[2] or m[4]}", text.replace('"', ""))
    text = re.sub(r"^(\w+)_range \{", r"\1 {", text)
    return re.sub(r"0x[0-9a-f]+", lambda m: str(int(m[0], 16)), re.sub(r"(\.\d+)/32\b|(:[0-9a-f]*)/128\b", r"\1\2", text))


def walls():
    """Elements of sets and maps, and what has a name in our table."""
    found = set()
    for item in json.loads(netns.run("nft", "-j", "list", "table", *gateway.TABLE))["nftables"]:
        (kind, what), = item.items()
        if kind in ("set", "map"):
            found |= {_named(f"{what['name']} {{ {_element(one)} }}") for one in what.get("elem", ())}
        elif kind in ("chain", "limit", "ct timeout"):
            found.add(f"{kind} {what['name']}")
    return {line for line in found if not _REPEATED.match(line)}


def listed(lines, named=_named):
    """What comes and what goes, of a plan's list."""
    coming, going = ({named(one[2:]) for one in lines if one[0] == sign} for sign in "+-")
    return coming - going, going - coming


def unlisted(before, after, lines):
    """What of the plan's list did not happen, and what happened without being listed."""
    coming, going = listed(lines, str)
    came, went = after - before, before - after
    made = {one.split()[1] for one in coming if " type " in one}
    gone = {one.split()[1] for one in going if " type " in one}

    def is_of(line, names):
        return any(re.search(rf"(?<=[ /]){re.escape(name)}(?=[ /]|$)", line) for name in names)

    def replaced(line):
        key = re.match(r"sysctl \S+ =|link \S+ (mtu|master) ", line)
        return key and any(one.startswith(key[0]) for one in coming)

    missing = {f"+ {one}" for one in coming - after} | {f"- {one}" for one in going & after}
    # A new interface has the settings that the kernel gives to any.
    extra = {f"+ {one}" for one in came - coming if not (one.startswith("sysctl ") and is_of(one, made))}
    extra |= {f"- {one}" for one in went - going if not is_of(one, gone) and not replaced(one)}
    return sorted(missing), sorted(extra)
