import failover
import gateway
import walls

UDP, TCP = 7, 8


def probe(kind):
    return f'probe = {{ source = "{failover.SOURCE}"; target = "{failover.TARGET}"; {kind} }}; hold_down = 1;'


def fail(lab, text):
    """The way through the first carrier breaks and is mended."""
    failure = failover.Failure(lab, text)
    failover.break_way()
    failure.restored()
    link = failover.await_state(failover.FIRST, state="suspect", used=False)
    lab.check(f"{text}: status says why", failover.has(link, state="suspect", used=False) and "probe: the last" in (link.get("reason") or ""), link)
    lab.check("culvert status tells a script that not all is well", gateway.culvert("status")[0] != 0)
    failover.mend_way()
    failover.require_well(lab)


def run(lab):
    failover.start(lab, settings=probe(""))
    link = failover.state(failover.FIRST)
    lab.check("probes are sent and answered on both links",
        all((failover.state(name).get("probe") or {}).get("answered") for name in (failover.FIRST, failover.BACKUP)), link)
    fail(lab, "ICMP")
    for text, kind in (("a closed UDP port", f'protocol = "udp"; port = {UDP};'), ("a closed TCP port", f'protocol = "tcp"; port = {TCP};')):
        gateway.configure(failover.conf(settings=probe(kind)), {})
        lab.require(f"reload: {text} is asked", gateway.culvert("reload")[0] == 0)
        failover.require_well(lab)
        fail(lab, text)
    gateway.configure(failover.conf(settings=""), {})
    lab.require("reload: no probe", gateway.culvert("reload")[0] == 0)
    failover.require_well(lab)
    lab.check("status says that the link is not probed", "not probed" in gateway.culvert("status")[1])
    failure = failover.Failure(lab, "without probes nothing tells")
    failover.break_way()
    failure.not_restored()
    failover.mend_way()
    failure.stream.stop()
    walls.check_outer(lab)
