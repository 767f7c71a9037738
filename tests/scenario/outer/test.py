import os
import socket
import sys

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import check  # noqa: E402
import frame  # noqa: E402
import gateway  # noqa: E402
import libreswan  # noqa: E402
import netns  # noqa: E402
import operators_file  # noqa: E402
import strangers  # noqa: E402
import topology as net  # noqa: E402
import walls  # noqa: E402
import wire  # noqa: E402

NAMELESS = "203.0.113.77"  # an address that nobody has, behind the segment's router
SIX, GATEWAY_SIX = "fe80::9", "fe80::1"
ICMP_ERRORS = (3, 11, 12)


def answers(lab, before, target):
    """What the gateway has sent to that address since then."""
    return [one for one in lab.outer.frames(before) if one.src == net.GATEWAY and one.dst == target]


def await_arrival(lab):
    """Until the gateway has seen all that the Internet host has sent."""
    if not walls.fence(lab, "inet"):
        lab.require("what was sent behind it is answered", False)


def send_all(lab, sender, source, packets, **how):
    """Sends them and waits until the gateway has seen them: what it answered."""
    before, count = lab.outer.mark(), 0
    for packet in packets:
        sender.send(source, packet, **how)
        count += 1
        if count % 200 == 0:
            await_arrival(lab)
    await_arrival(lab)
    seen = sum(one.src == source and one.source_mac == net.INET_MAC for one in lab.outer.frames(before))
    if count > 1 or not seen:
        lab.require(f"{count} packets of {source} were sent", seen >= count, seen)
    return before


def check_strangers(lab, sender):
    for source in (net.INTERNET, NAMELESS):
        counted = gateway.refusals()
        before = send_all(lab, sender, source, strangers.everything(source))
        got = answers(lab, before, source)
        lab.check("and got no answer", not got, [str(one) for one in got[:5]])
        grown = {name: number - counted[name] for name, number in gateway.refusals().items() if number > counted[name]}
        lab.check("what was refused is counted", {"outer_stranger", "outer_in"} <= set(grown), grown)
    # The way ends at the gateway: whoever answers "time exceeded", or that there is no way, is there.
    for target in (net.CLOUD, net.DEV1, NAMELESS):
        before = send_all(lab, sender, net.INTERNET, [strangers.udp(40100, 33434, b"who is there?")], target=target, ttl=1)
        got = answers(lab, before, net.INTERNET)
        lab.check(f"a trace to {target} shows no gateway", not got, [str(one) for one in got])


def check_ike(lab, sender, text, source, port, answered):
    """A first message of IKE gets an answer or not. That there is none is known by the counter, and by the answer that the
    peer gets to a message behind it."""
    counted = gateway.refusals()["outer_stranger"]
    before = send_all(lab, sender, source, [strangers.ike(port)])
    if answered:
        lab.check(text, check.poll(lambda: ike_of(lab, before, source), 20, 0.1))
        return
    sender.send(net.CARRIER, strangers.ike(port))
    lab.require("what the peer sends behind it is answered", check.poll(lambda: ike_of(lab, before, net.CARRIER), 20, 0.1))
    lab.check(text, not ike_of(lab, before, source) and gateway.refusals()["outer_stranger"] == counted + 1)


def ike_of(lab, before, target):
    return [one for one in answers(lab, before, target) if one.is_ike()]


def check_peer(lab, sender):
    """In the peer's name IKE and pings are answered, and nothing else."""
    before = send_all(lab, sender, net.CARRIER, strangers.everything(net.CARRIER))
    lab.check("the peer's IKE is answered", check.poll(lambda: ike_of(lab, before, net.CARRIER), 20, 0.1))
    got = answers(lab, before, net.CARRIER)
    pings = [one for one in got if one.proto == frame.ICMP and one.payload[0] == 0]
    lab.check("and its ping", len(pings) == 1, len(pings))
    other = [one for one in got if not one.is_ike() and one.proto != frame.ESP and one not in pings]
    lab.check("and nothing else", not other, [str(one) for one in other[:5]])


def check_list(lab, sender):
    """A first message of a stranger is answered exactly while the list is open."""
    for port in frame.IKE_PORTS:
        check_ike(lab, sender, f"a stranger's IKE_SA_INIT to port {port} is not answered", net.INTERNET, port, False)
    with gateway.unwatched():
        netns.run("nft", "add", "element", *gateway.TABLE, "anyone", "{ ipv4 }")
        # charon knows no tunnel to it, and says so.
        check_ike(lab, sender, "with the list opened by hand it is", net.INTERNET, 500, True)
        netns.run("nft", "delete", "element", *gateway.TABLE, "anyone", "{ ipv4 }")
    # Whom charon has sent IKE to may answer for a while; not one whom it answered while the list was open.
    check_ike(lab, sender, "and closed again it is not", net.INTERNET, 500, False)


def _reload(lab, text, file):
    gateway.configure(file, {})
    code, said = gateway.culvert("reload")
    lab.require(text, code == 0, said)


def _return(lab, file):
    """What is up then is the tunnel of that file: the one before it may end a little later than the reload."""
    before = set(gateway.sas())
    _reload(lab, "the first file comes back", file)
    check.poll(lambda: not before & set(gateway.sas()))
    lab.require_up()


def check_reload(lab, sender):
    """The list follows the operator's file, in place."""
    text = gateway.operators_file()
    for peer, initiator, opened in (('"any"', "carrier", True), (f'[ "{net.CARRIER}", "{NAMELESS}" ]', "gateway", False)):
        _reload(lab, f"a file with peer = {peer} comes into force", operators_file.changed({
            f'peer = "{net.CARRIER}"': f"peer = {peer}", 'initiator = "gateway"': f'initiator = "{initiator}"'}, text))
        check_ike(lab, sender, "with it IKE of the second address is answered", NAMELESS, 500, True)
        check_ike(lab, sender, f"with it IKE of others is {'' if opened else 'not '}answered", net.INTERNET, 500, opened)
    _return(lab, text)


def check_goodbye(lab):
    """A peer that is no peer any more is told so, and its answer comes in."""
    text = gateway.operators_file()
    counted = gateway.refusals()["outer_stranger"]
    _reload(lab, "a file without the peer comes into force",
        operators_file.changed({f'peer = "{net.CARRIER}"': f'peer = "{NAMELESS}"'}, text))
    lab.check("the peer has ended its SAs", check.poll(lambda: "src" not in netns.run("ip", "-n", "carrier", "xfrm", "state"), 20))
    lab.check("and its answer was let in", charon_is_alone() and gateway.refusals()["outer_stranger"] == counted)
    _return(lab, text)


def charon_is_alone():
    """No SA of a peer is left, well before charon gives up to wait for an answer."""
    return check.poll(lambda: not gateway.sas(), 10)


def scan(namespace, *arguments, limit=100):
    """ike-scan, with one packet; what it says. limit: how long it waits, in milliseconds."""
    return netns.run("ip", "netns", "exec", namespace, "ike-scan", "--retry=1", f"--timeout={limit}", *arguments,
        "--sport=0", net.GATEWAY)


def check_scans(lab):
    """A scanner that everybody has: strangers see nothing, and to the peer it does no harm."""
    forms = (("--ikev2",), (), ("--aggressive", "--id=anybody"), ("--ikev2", "--nat-t"), ("--nat-t",), ("--headerver=0x30",),
        ("--exchange=99",), ("--hdrflags=255", "--hdrmsgid=7"), ("--mbz=255",), ("--nextpayload=200",), ("--headerlen=65535",),
        ("--ikev2", "--headerlen=28"), ("--rcookie=0102030405060708",), ("--noncelen=1000", "--aggressive", "--id=x"))
    before = lab.outer.mark()
    for form in forms:
        scan("inet", *form)
    await_arrival(lab)
    seen = lab.outer.frames(before)
    sent = [one for one in seen if one.source_mac == net.INET_MAC and one.is_ike()]
    got = [one for one in seen if one.src == net.GATEWAY and one.dst != net.CARRIER]
    lab.check(f"{len(sent)} packets of ike-scan from the Internet get no answer", len(sent) >= len(forms) and not got, got[:5])
    said = scan("carrier", "--ikev2", limit=20000)
    lab.check("of the peer it sees IKE", "0 returned handshake; 0 returned notify" not in said, said)
    for form in forms:
        scan("carrier", *form)
    lab.check("and does the tunnel no harm", lab.uplink.ask() and lab.downlink.ask())


def check_six(lab):
    """Of the family that no peer has nobody gets an answer, but who asks for the neighbour."""
    netns.set_sysctl("inet", "net.ipv6.conf.eth0.disable_ipv6", 0)
    netns.set_sysctl(None, "net.ipv6.conf.eth0.disable_ipv6", 0)
    netns.ip("inet", f"addr add {SIX}/64 dev eth0 nodad")
    netns.ip(None, f"addr add {GATEWAY_SIX}/64 dev eth0 nodad")
    before = lab.outer.mark()
    with netns.inside("inet"):
        scope = socket.if_nametoindex("eth0")
        udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        raw = {one: socket.socket(socket.AF_INET6, socket.SOCK_RAW, one) for one in (frame.ICMP6, frame.ESP, 47, 132)}
    there = (GATEWAY_SIX, 0, 0, scope)
    for port in strangers.PORTS:
        udp.sendto(strangers.ike(port)[1][8:] if port in frame.IKE_PORTS else b"anybody there?", (GATEWAY_SIX, port, 0, scope))
    raw[frame.ICMP6].sendto(bytes((128, 0, 0, 0, 0, 7, 0, 7)), there)
    raw[frame.ICMP6].sendto(bytes((128, 0, 0, 0, 0, 7, 0, 7)), ("ff02::1", 0, 0, scope))
    for protocol in (frame.ESP, 47, 132):
        raw[protocol].sendto(os.urandom(40), there)
    for one in (udp, *raw.values()):
        one.close()
    await_arrival(lab)
    sent = [one for one in lab.outer.frames(before) if one.dst == GATEWAY_SIX and one.proto in (frame.UDP, frame.ICMP6)]
    lab.require("IPv6 was really sent", len(sent) > len(strangers.PORTS), len(sent))
    got = [one for one in lab.outer.frames(before) if one.src == GATEWAY_SIX and not is_neighbour(one)]
    lab.check("and got no answer by IPv6", not got, [str(one) for one in got[:5]])
    netns.ip(None, f"addr del {GATEWAY_SIX}/64 dev eth0")


def is_neighbour(one):
    """Neighbour discovery, and what goes with having an address."""
    return one.proto == frame.ICMP6 and one.payload[:1] in (b"\x85", b"\x87", b"\x88", b"\x8f")


def check_devices(lab):
    """The gateway's own processes send nothing to devices."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"culv-x1")
        own.bind((net.GATEWAY_CLOUD, 0))

        def send():
            mark = wire.token()
            try:
                own.sendto(mark, (net.DEV1, 5683))
            except PermissionError:
                pass
            if not (lab.downlink.ask() and lab.downlink.ask()):
                lab.require("what was sent behind it is back", False)
            return lab.dev1.find(mark)
        counted = gateway.refusals()["device_out"]
        lab.check("what the gateway itself sends to a device does not arrive", not send())
        lab.check("and is counted", gateway.refusals()["device_out"] > counted)
        with gateway.unwatched():
            netns.run("nft", "insert", "rule", *gateway.TABLE, "to_device", "accept")
            lab.check("with the guard opened by hand it does", send())
        code, said = gateway.culvert("reload")
        lab.check("a reload closes it", code == 0 and not send(), said)


def check_sight(lab, sender):
    """Without wall 2 the tests see answers of each kind."""
    with gateway.unwatched():
        gateway.remove_walls()
        netns.set_sysctl(None, "net.ipv4.conf.eth0.forwarding", 1)  # wall 1 alone hides the way as well
        probes = {"TCP": strangers.syn(net.INTERNET, 40100, 7), "UDP": strangers.udp(40100, 7, b"x"), "a ping": strangers.icmp(8),
            "IKE": strangers.ike(500)}
        probes["a trace"] = strangers.udp(40100, 33434, b"who is there?")
        for name, packet in probes.items():
            way = {"target": net.CLOUD, "ttl": 1} if name == "a trace" else {}
            before = send_all(lab, sender, net.INTERNET, [packet], **way)
            lab.check(f"without wall 2 an answer to {name} is seen",
                check.poll(lambda since=before: answers(lab, since, net.INTERNET), 20, 0.1))


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    lab.require_up()
    sender = strangers.Sender()
    check_strangers(lab, sender)
    check_list(lab, sender)
    check_peer(lab, sender)
    check_scans(lab)
    check_six(lab)
    check_devices(lab)
    check_reload(lab, sender)
    check_goodbye(lab)
    lab.check("devices and cloud are served as ever", lab.uplink.ask() and lab.downlink.ask())
    walls.check_outer(lab)
    check_sight(lab, sender)
    sender.close()
