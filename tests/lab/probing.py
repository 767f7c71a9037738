"""What the scenarios of probes do: the way through the first carrier takes IKE and no ESP, and the probes find it."""

import failover
import gateway

UDP, TCP = 7, 8  # ports on which nobody listens
KINDS = (("ICMP", ""), ("a closed UDP port", f'protocol = "udp"; port = {UDP};'), ("a closed TCP port", f'protocol = "tcp"; port = {TCP};'))


def settings(kind, family):
    return f'probe = {{ source = "{family.source}"; target = "{family.target}"; {kind} }}; hold_down = 1;'


def _fail(lab, text, family):
    """The way through the first carrier breaks and is mended."""
    failure = failover.Failure(lab, text, family)
    failover.break_way()
    failure.restored()
    link = failover.await_state(failover.FIRST, state="suspect", used=False)
    lab.check(f"{text}: status says why", failover.has(link, state="suspect", used=False) and "probe: the last" in (link.get("reason") or ""), link)
    lab.check("culvert status tells a script that not all is well", gateway.culvert("status")[0] != 0)
    failover.mend_way()
    failover.require_well(lab)


def of_every_kind(lab, family):
    _, first = KINDS[0]
    failover.start(lab, family, settings=settings(first, family))
    link = failover.state(failover.FIRST)
    lab.check("probes are sent and answered on both links",
        all((failover.state(name).get("probe") or {}).get("answered") for name in (failover.FIRST, failover.BACKUP)), link)
    for text, kind in KINDS:
        if kind:
            gateway.configure(failover.conf(settings=settings(kind, family), family=family), {})
            lab.require(f"reload: {text} is asked", gateway.culvert("reload")[0] == 0)
            failover.require_well(lab)
        _fail(lab, text, family)
    gateway.configure(failover.conf(settings="", family=family), {})
    lab.require("reload: no probe", gateway.culvert("reload")[0] == 0)
    failover.require_well(lab)
    lab.check("status says that the link is not probed", "not probed" in gateway.culvert("status")[1])


def nothing_else_tells(lab):
    """Without probes."""
    failure = failover.Failure(lab, "without probes nothing tells")
    failover.break_way()
    failure.not_restored()
    failover.mend_way()
    failure.stream.stop()
