"""One of hundreds of tunnels is changed, one removed, one added, under traffic through all: the others do not notice."""

import check
import gateway
import many
import operators_file

KEPT = range(1, many.COUNT - 2)
REKEYED, RENEWED, REMOVED, ADDED = many.COUNT - 2, many.COUNT - 1, many.COUNT, many.COUNT + 1
BEFORE = [*KEPT, REKEYED, RENEWED, REMOVED]
AFTER = [*KEPT, REKEYED, RENEWED, ADDED]
CHANGES = {REKEYED: "rekey = { child = 1200; };", RENEWED: "rekey = { ike = 1800; };"}


def _spis(state):
    """The SPIs of each tunnel's link, by the tunnel's name."""
    return {one["tunnel"]: (one["child"]["spi_in"], one["child"]["spi_out"]) for one in state.get("links", ())
            if one["child"]}


def _await_carrying(numbers, limit):
    """The status once all links of these tunnels carry, or the last one."""
    wanted, last = {many.name(one) for one in numbers}, {}

    def carry():
        last.update(gateway.status())
        return wanted <= {one["tunnel"] for one in last.get("links", ()) if one["carrying"] and one["child"]}

    check.poll(carry, limit, every=1)
    return last


def _lost_of(lost, numbers):
    return {one: lost[one] for one in numbers if one in lost}


def run(lab):
    many.start_carrier(sorted({*BEFORE, *AFTER}))
    lab.start_gateway(many.text(BEFORE), {"many.psk": operators_file.PSK + "\n"})
    before = _await_carrying(BEFORE, 180)
    spis = _spis(before)
    lab.require(f"{many.COUNT} tunnels are up and carry", len(spis) == many.COUNT, len(spis))
    streams = many.Streams(BEFORE)
    lab.require("traffic flows through each", check.poll(lambda: streams.rounds() >= 1, 60), streams.rounds())

    gateway.configure(many.text(list(reversed(BEFORE)), comment="the same, told otherwise"), {})
    code, said = gateway.culvert("plan")
    lab.check("order and comments change nothing: the plan says so, exit 0", code == 0, f"exit {code}: {said}")
    code, said = gateway.culvert("reload")
    lab.check("and the reload does nothing", code == 0 and "nothing has changed" in said, said)
    lab.check("all SPIs are the same", _spis(gateway.status()) == spis)

    gateway.configure(many.text(AFTER, CHANGES), {})
    code, said = gateway.culvert("plan")
    lab.check("the plan says that traffic would be interrupted, exit 4", code == 4, f"exit {code}: {said}")
    told = [one for one in AFTER + [REMOVED] if many.name(one) in said]
    lab.check("and names the four tunnels, no other", sorted(told) == sorted({REKEYED, RENEWED, REMOVED, ADDED}), said)
    lab.check("it has touched nothing", _spis(gateway.status()) == spis)
    generation = gateway.status().get("generation")
    code, said = gateway.culvert("reload")
    lab.check("the reload is accepted", code == 0, f"exit {code}: {said}")
    after = _await_carrying(AFTER, 60)
    lab.check("it is a new generation", after.get("generation") != generation, generation)
    now = _spis(after)
    names = {one: many.name(one) for one in (REKEYED, RENEWED, REMOVED, ADDED)}
    lab.check("the added tunnel carries", names[ADDED] in now)
    lab.check("the removed one is gone", names[REMOVED] not in now)
    lab.check("the one with another IKE lifetime has new SAs", now.get(names[RENEWED]) != spis[names[RENEWED]])
    moved = [one for one in KEPT if now.get(many.name(one)) != spis[many.name(one)]]
    lab.check(f"the other {len(KEPT)} keep their SPIs", not moved, moved)
    rounds = streams.rounds()
    check.poll(lambda: min(len(streams.answered[one]) for one in KEPT) >= rounds + 2, 60)
    lost = streams.stop()
    sent = sum(len(streams.sent[one]) for one in KEPT)
    lab.check(f"and lost none of {sent} datagrams", not _lost_of(lost, KEPT), _lost_of(lost, KEPT))
    lab.check("nor did the one whose CHILD_SA changed", not _lost_of(lost, [REKEYED]), _lost_of(lost, [REKEYED]))
