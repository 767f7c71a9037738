"""What must pass the gateway and what must not, as claims that a scenario makes about its lab."""

import contextlib

import check
import gateway
import offers
import topology as net
import traffic
import wire

FENCES = 2  # as the machine has two CPUs


def fence(lab, namespace, tunnel=True):
    """Goes the same way as what was sent before from there and comes back."""
    # Without a tunnel a device's way ends at its carrier, a cloud host's at the gateway's own address.
    # To the Internet the gateway answers nothing but who has its address.
    end = {"dev1": net.CARRIER_LAN, "cloud": net.GATEWAY_CLOUD}.get(namespace)
    exchange = {"dev1": lab.uplink, "cloud": lab.downlink}.get(namespace) if tunnel else None
    for _ in range(FENCES):
        if not (exchange.ask() if exchange else wire.ping(namespace, end) if end else wire.arping("inet", "eth0", net.GATEWAY)):
            return False
    return True


def attempt(lab, offer, tunnel=True):
    """Offers the datagram. Returns where it arrived though it must not, and "" or why the attempt proves nothing."""
    mark, before = wire.token(), lab.outer.mark()
    if offer.namespace == "inet":
        lab.sent_in_clear.add(mark)
    with contextlib.suppress(PermissionError):  # what the gateway itself sends is refused on the spot
        wire.send_as(offer.namespace, *offer.ends(), mark)
    fenced = fence(lab, offer.namespace, tunnel)
    arrived = [(name, frame) for name in offer.never_at if (frame := lab.captures[name].find(mark))]
    if not fenced:
        return arrived, "the fence did not come back"
    if offer.seen_at and not lab.captures[offer.seen_at].find(mark):
        return arrived, "it was never sent"
    encrypted = [one for one in lab.outer.frames(before) if one.spi is not None and one.src == net.CARRIER]
    if offer.esp and tunnel and len(encrypted) <= FENCES:
        return arrived, "the carrier did not put it into the tunnel"
    return arrived, ""


def check_refused(lab, these, tunnel=True, show=False):
    """None of these offers arrives anywhere beyond."""
    for offer in these:
        before = _counted() if show else None
        arrived, flaw = attempt(lab, offer, tunnel)
        detail = flaw or "; ".join(f"seen at {name}: {frame}" for name, frame in arrived)
        lab.check(f"{offer} is not seen beyond the gateway", not detail, detail)
        if show and not detail:
            way = f"{offer.namespace or 'the gateway'}{', in ESP to the gateway' if offer.esp else ''}"
            check.explain(f"sent by {way}; refused by {_who(before)}")


def _counted():
    return {**gateway.refusals(), "the kernel's policy check": gateway.no_policy_drops()}


def _who(before):
    after = _counted()
    grown = [name for name in after if after[name] > before.get(name, 0)]
    return ", ".join(grown) or "routing (no counter grew)"


def check_allowed(lab, show=False):
    """Device to service and cloud to device, each with its answer, inside ESP on the outer wire."""
    for text, exchange, there in (
        (f"device {net.DEV1} reaches the service {net.CLOUD}:{traffic.SERVICE}/udp", lab.uplink, lab.cloud),
        (f"cloud host {net.CLOUD} reaches the device {net.DEV1}:{traffic.DOWNLINK}/udp", lab.downlink, lab.dev1),
    ):
        before = lab.outer.mark()
        mark = exchange.ask()
        seen = there.find(mark) if mark else None
        outside = [one for one in lab.outer.frames(before) if one.spi is not None]
        detail = f"answer {bool(mark)}, {len(outside)} ESP packets outside"
        lab.check(f"{text} and gets its answer", seen and len(outside) >= 2, detail)
        if show and seen:
            for one in outside[:2]:
                check.explain(f"outer wire  {one}")
            check.explain(f"{there}  {seen}")


def check_outer(lab, dhcp=False):
    """Neither gateway nor carrier has put anything but ESP, IKE, ICMP and ARP on the outer wire, and no token. dhcp: nor
    anything but DHCP."""
    ours = [one for one in lab.outer.frames() if one.source_mac != net.INET_MAC]
    strange = [str(one) for one in ours if _is_strange(lab, one) and not (dhcp and one.is_dhcp())]
    kinds = f"ESP, IKE, {'DHCP, ' if dhcp else ''}ICMP and ARP"
    text = f"the outer wire shows only {kinds}, no test datagram in clear ({len(ours)} packets)"
    lab.check(text, not strange, strange[:5])


def _is_strange(lab, one):
    # An ICMP error may quote what the Internet itself has sent in clear.
    return not one.belongs_outside() or set(wire.tokens_in(one)) - lab.sent_in_clear


def check_closed(lab):
    """Without a tunnel: the walls stand, and nothing passes in either direction, not even what a tunnel would allow."""
    policies = gateway.forward_policies()
    lab.check("the walls stand: forward policy drop", policies == ["drop"], policies)
    inside = offers.ALLOWED + offers.FROM_CLOUD
    check_refused(lab, inside + offers.FROM_INTERNET + (offers.GATEWAY,), tunnel=False)
    check_outer(lab)
