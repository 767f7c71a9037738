import gateway
import netns
import operators_file
import stock
import walls

SUITES = (
    # suite, the carrier's IKE, the carrier's ESP, what the kernel has then
    ("aes256gcm16-prfsha384-ecp384-esn", "aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384-esn", "rfc4106(gcm(aes))"),
    ("aes256-sha256-modp2048-esn", "aes256-sha256-modp2048", "aes256-sha256-modp2048-esn", "cbc(aes)"),
)
# By the number of the suite: what the tunnel says besides, and what the kernel's SAs say of it, one of them or both.
KEYS = ("", 'replay_window = 64; df = "clear"; dscp = "in";')
WINDOWS = ("replay_window 1024,", "replay_window 64,")
FLAGS = (set(), {"nopmtudisc", "decap-dscp", "dont-encap-dscp"})


def conf(suite, keys):
    return operators_file.changed({
        'psk_file = "vodafone-cz.psk";': 'certificate = "gw.pem"; key_file = "gw.key"; ca = "carrier-ca.pem";',
        'local_id = "192.0.2.1";': f'local_id = "{stock.GATEWAY_ID}";',
        'suite = "aes256-sha256-modp2048";': f'suite = "{suite}"; {keys}',
    })


def states():
    """The kernel's SAs of the link, without keys."""
    blocks = netns.run("ip", "xfrm", "state", "list", "nokeys").split("\nsrc ")
    return [block for block in blocks if "if_id 0x1\n" in block + "\n"]


def extended(text):
    """Whether both SAs, and no other, have extended sequence numbers and that algorithm."""
    found = states()
    return len(found) == 2 and all("esn" in one.split("flag", 1)[-1].split("\n")[0] and text in one for one in found)


def flags():
    """Which of those that copy or clear something the kernel's SAs have."""
    text = netns.run("ip", "-s", "xfrm", "state", "list", "nokeys")
    return {word for word in FLAGS[1] if word in text}


def run(lab):
    secrets = stock.make_certificates()
    started = False
    for (suite, ike, esp, text), keys, window, wanted in zip(SUITES, KEYS, WINDOWS, FLAGS):
        stock.stop()
        stock.start_with_certificates(ike, esp)
        if started:
            gateway.configure(conf(suite, keys), secrets)
            code, said = gateway.culvert("reload")
            lab.require(f"reloaded with {suite}", code == 0, said)
        else:
            lab.start_gateway(conf(suite, keys), secrets)
        started = True
        state = lab.require_up(f"the tunnel is up with {suite}", limit=120)
        lab.check(f"status says {suite}", gateway.tunnel(state).get("suite") == suite, gateway.tunnel(state))
        lab.check("both SAs have extended sequence numbers", extended(text), "\n".join(states()))
        found = states()
        lab.check(f"they have {window} and {wanted or 'no flag'} for {keys or 'the defaults'}",
                  any(window in block for block in found) and flags() == wanted, (flags(), found))
        walls.check_allowed(lab)

    stock.stop()
    stock.start_with_certificates("aes256-sha256-modp2048", "aes256-sha256-modp2048")
    gateway.culvert("restart", "vf-praha")
    failure = gateway.failure(gateway.await_failure("no proposal in common"))
    lab.check(f"a carrier without them is refused: {failure}", "no proposal in common" in failure, failure)
    lab.check("no SA remains", not gateway.sas(), gateway.sas())
