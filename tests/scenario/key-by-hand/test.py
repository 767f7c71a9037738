import check
import gateway
import keys
import libreswan
import netns
import operators_file
import systemd
import topology

PEER = "192.0.2.77"  # nobody: no policy leads there


def _make(spi):
    """A pair of SAs of the first link; the second one comes some seconds later, as a responder's does."""
    for source, target, number in ((PEER, topology.GATEWAY, spi), (topology.GATEWAY, PEER, spi + 1)):
        netns.ip(None, f"xfrm state add src {source} dst {target} proto esp spi {number:#x} reqid 99 mode tunnel if_id 1"
            f" auth-trunc hmac(sha256) 0x{'11' * 32} 128 enc cbc(aes) 0x{'22' * 32}")
        check.poll(lambda: False, 3)


def _made(*spis):
    return [one[2] for one in keys.states() if int(one[2], 16) in spis]


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway(keys.operators_file_of())
    lab.require_up()
    before = keys.ended_by_culvertd()
    _make(0x1001)
    eye = keys.Eye()
    lab.require("two SAs without a lifetime are there", len(_made(0x1001, 0x1002)) == 2, keys.states())
    lab.require("they are there beyond the ceiling", not check.poll(lambda: not _made(0x1001, 0x1002), keys.CEILING - 6))
    gone = check.poll(lambda: not _made(0x1001), keys.LIMIT + keys.LOADED, every=0.05)
    lab.check("culvertd ends them", gone, _made(0x1001))
    lab.check("both at once", check.poll(lambda: not _made(0x1002), 1, every=0.05), _made(0x1002))
    eye.stop()
    ages = [age for one, age in eye.ages().items() if one[2] in ("00001001", "00001002")]
    lab.check(f"none was older than {keys.LIMIT} s ({', '.join(f'{one:.0f} s' for one in ages)})",
        max(ages) < keys.LIMIT + keys.LOADED)
    state = gateway.status()
    ended = state.get("keys_ended", {})
    lab.check("culvert status says how many, when, and of which tunnel",
        ended.get("count", 0) - before >= 2 and ended.get("tunnel") == "vf-praha" and ended.get("age", 99) < 60, ended)
    lab.check("so does its text", "keys ended by culvertd past the ceiling" in gateway.culvert("status")[1],
        gateway.culvert("status"))
    journal = systemd.journal(gateway.CULVERTD, "all")
    lab.check("so does the journal", "key 00001001 (inbound) of link meters/vf-praha ended at the age of" in journal
        and "key 00001002 (outbound) of link meters/vf-praha ended at the age of" in journal, journal[-2000:])

    systemd.stop(gateway.CULVERTD)
    _make(0x2001)
    left = not check.poll(lambda: len(_made(0x2001, 0x2002)) < 2, keys.LIMIT + keys.LOADED)
    lab.check("with culvertd stopped they stay", left, keys.states())
    systemd.start(gateway.CULVERTD)
    lab.check("when it starts again it ends them", check.poll(lambda: not _made(0x2001, 0x2002), keys.LOADED + 10),
        keys.states())
    keys.is_well(lab, "the tunnel carries")
