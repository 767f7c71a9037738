import re

import netns
import operators_file
import sizes
import wire

FIGURES = f"{operators_file.HOME}/tests/unit/esp_size_test.c"
ROW = re.compile(r'\{ "(.*)", (\d+), (true|false), (true|false), (\d+), (\d+) \}')
LEAST = 1280  # octets; narrower paths carry no IPv6
HERE, THERE = "dev1", "dev2"
ENDS = {False: ("198.18.0.1", "198.18.0.2"), True: ("fd00:18::1", "fd00:18::2")}
INSIDE, TARGET = "10.1.0.1", "10.2.0.1"
MAC = "02:00:00:00:18:02"

# What stands for a cipher and for an ICV in the words of ip(8); keys are the test's own.
KEYS = {"cbc(aes)": 32, "rfc4106(gcm(aes))": 36, "ecb(cipher_null)": 0, "cbc(des3_ede)": 24}
INTEGRITY = {12: ("hmac(sha1)", 20), 16: ("hmac(sha256)", 32), 24: ("hmac(sha384)", 48), 32: ("hmac(sha512)", 64)}


def rows():
    with open(FIGURES, encoding="utf-8") as file:
        for cipher, icv, udp, ipv6, outer, inner in ROW.findall(file.read()):
            if cipher in KEYS and int(outer) >= LEAST:
                yield cipher, int(icv), udp == "true", ipv6 == "true", int(outer), int(inner)


def key(octets):
    return "0x" + "".join(f"{at:02x}" for at in range(1, octets + 1)) if octets else '""'


def algorithms(cipher, icv):
    if cipher.startswith("rfc"):
        return f"aead {cipher} {key(KEYS[cipher])} {icv * 8}"
    name, octets = INTEGRITY[icv]
    return f"auth-trunc {name} {key(octets)} {icv * 8} enc {cipher} {key(KEYS[cipher])}"


def build():
    netns.ip(HERE, f"link add t0 mtu 9000 type veth peer name t0 mtu 9000 address {MAC} netns {THERE}")
    for name in ("all", "default", "t0"):
        netns.set_sysctl(HERE, f"net.ipv6.conf.{name}.disable_ipv6", 0)
    netns.ip(HERE, f"""
        addr add {ENDS[False][0]}/24 dev t0
        addr add {ENDS[True][0]}/64 dev t0 nodad
        link set t0 up
        neigh add {ENDS[False][1]} lladdr {MAC} dev t0
        neigh add {ENDS[True][1]} lladdr {MAC} dev t0
        link add x0 mtu 9000 type xfrm dev lo if_id 9
        addr add {INSIDE}/32 dev x0
        link set x0 up
        route add {TARGET}/32 dev x0
    """)
    netns.ip(THERE, "link set t0 up")


def tunnel(cipher, icv, udp, ipv6):
    here, there = ENDS[ipv6]
    netns.ip(HERE, f"""
        xfrm state flush
        xfrm policy flush
        xfrm state add src {here} dst {there} proto esp spi 0x100 mode tunnel if_id 9 flag af-unspec {algorithms(cipher, icv)} {
            f"encap espinudp 4500 4500 {here}" if udp else ""}
        xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 9 tmpl src {here} dst {there} proto esp mode tunnel
    """)


def sent(capture, octets):
    """The sizes of the packets outside for one of that size inside, with DF; what came behind it is seen as well."""
    netns.run("ip", "-n", HERE, "route", "flush", "cache")  # what was learned of the way inside
    mark = capture.mark()
    with sizes.udp_df(HERE, INSIDE, (TARGET, 9)) as sock:
        sock.send(b"x" * (octets - 28))
    with wire.udp(HERE, INSIDE) as fence:
        fence.sendto(b"x", (TARGET, 9))
    seen = [one for one in capture.frames(mark) if one.spi is not None or (one.sport, one.dport) == (4500, 4500)]
    return [len(sizes.packet(one)) for one in seen]


def run(lab):
    build()
    capture = wire.Capture(HERE, "t0")
    count = 0
    for cipher, icv, udp, ipv6, outer, inner in rows():
        sizes.set_mtu(HERE, "t0", outer)
        tunnel(cipher, icv, udp, ipv6)
        most, more = sent(capture, inner), sent(capture, inner + 1)
        text = f"{cipher}, ICV {icv}{', UDP' if udp else ''}{', IPv6 outside' if ipv6 else ''}, {outer} outside"
        good = len(most) == 2 and most[0] <= outer and len(more) == 1
        lab.check(f"{text}: {inner} octets pass, one more does not", good, (most, more))
        count += 1
    lab.check("every suite's cipher was tried", count >= 12, count)
    netns.ip(HERE, "link del t0", force=True)
