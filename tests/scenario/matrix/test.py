import time

import check
import covering
import frame
import matrix
import matrix_eye
import matrix_model as model
import matrix_run
import matrix_states
import operators_file
import places

SHOWN = 5  # flaws of a kind that are told one by one


def _none(_probe, _seen):
    return False


def _own_ping(probe, seen):
    """ICMP of the gateway itself to its clouds, where it may speak so: it then knows the way from outside their VRF too."""
    return probe.source is places.GATEWAY and seen.site == "cloud" and seen.packet.proto == frame.ICMP


# What may be seen for a moment, because the wall that is broken is the only one that stops it.
EXCUSED = {
    "flush_walls": lambda probe, seen: not model.held_by_routing(probe.source, seen.site),
    "delete_vrf": _own_ping,
    "inject_routes": _own_ping,
}


class Matrix:
    def __init__(self, lab):
        self.lab, self.machine = lab, matrix_states.Machine(lab)
        self.eye, self.senders = matrix_eye.Eye(), matrix_eye.Senders()
        self.sent = 0

    def verdict(self, name, burst, whole, excused=_none):
        """whole: what is configured must have arrived. excused: what may pass for a moment, counted."""
        self.sent += len(burst.probes) * burst.rounds
        leaks = list(burst.leaks())
        flaws = [f"{matrix_run.told(probe)} seen in {one}" for probe, one in leaks if not excused(probe, one)]
        passed = len({probe.number for probe, one in leaks if excused(probe, one)})
        flaws += [f"{matrix_run.told(one)} was never sent" for one in burst.unsent()]
        if whole:
            flaws += [f"{matrix_run.told(one)} has not arrived" for one in burst.missing()]
        forbidden = sum(one.verdict == model.NEVER for one in burst.probes.values())
        text = f"{name}: {len(burst.probes)} packets, {burst.rounds} times; the {forbidden} forbidden ones pass nowhere"
        text += ", all configured ones arrive" if whole else ""
        text += f"; {passed} that nothing else stops passed until then" if passed else ""
        told = [*flaws[:SHOWN], f"{len(flaws)} in all"]
        self.lab.check(text, not flaws, "".join(f"\n         {one}" for one in told))

    def burst(self, cells, name):
        return matrix_run.Burst(self.eye, self.senders, matrix.Probes(cells).all, name)

    def steady(self, name, cells, whole=True):
        burst = self.burst(cells, name)
        if whole:
            burst.prime()
        burst.send()
        burst.settle(whole)
        self.verdict(name, burst, whole)

    def during(self, event):
        """A state in which packets are sent all the time while something happens."""
        def state(name, cells):
            burst = self.burst(cells, name)
            burst.prime()
            happen = getattr(self.machine, event)()
            with burst.sending():
                happen()
            self.machine.await_whole()
            burst.prime()
            burst.send()
            burst.settle(True)
            self.verdict(name, burst, True)
        return state

    def down(self, name, cells):
        with self.machine.tunnel_down():
            self.steady(name, cells, False)
        self.machine.await_whole()

    def broken(self, how):
        """A state that somebody brings about by hand: from before that until it is whole again."""
        def state(name, cells):
            burst = self.burst(cells, name)
            with burst.sending():
                who = self.machine.mended(*getattr(self.machine, how)())
            burst.settle(False)
            self.verdict(f"{name}, which {who} mends", burst, False, EXCUSED.get(how, _none))
            self.machine.await_whole()
            self.steady(f"after {name}", cells)
        return state

    def close(self):
        self.eye.close()
        self.senders.close()


def states(subject):
    return {
        "normal": subject.steady,
        "starting": subject.during("starting"),
        "tunnel down": subject.down,
        "mid-rekey": subject.during("mid_rekey"),
        "reloading": subject.during("reloading"),
        "charon killed": subject.during("charon_killed"),
        "culvertd killed": subject.during("culvertd_killed"),
        "nft flushed": subject.broken("flush_walls"),
        "a VRF deleted": subject.broken("delete_vrf"),
        "an XFRM interface deleted": subject.broken("delete_xfrm"),
        "routes injected by hand": subject.broken("inject_routes"),
    }


def small(names):
    """State to cells (source, target, kind): every pair of values of any two of the four is there."""
    sizes = (len(names), len(places.PLACES), len(places.PLACES), len(matrix.KINDS))
    own = places.PLACES.index(places.GATEWAY)
    rows = []
    for state, source, target, kind in covering.pairwise(sizes):
        # From the gateway to itself nothing is sent: what else there is in such a row is in two others.
        alone = source == target == own
        rows += [(state, 0, own, kind), (state, own, 0, kind)] if alone else [(state, source, target, kind)]
    assert covering.lacks(rows, sizes) == [(1, 2, own, own)]
    cells = {name: [] for name in names}
    for state, source, target, kind in rows:
        cells[names[state]].append((places.PLACES[source], places.PLACES[target], matrix.KINDS[kind]))
    return cells


def run(lab):
    places.build(lab)
    for one in places.PLUTOS:
        one.start(operators_file.PSK)
    lab.start_gateway(places.conf())
    subject = Matrix(lab)
    every = [(a, b, kind) for a, b in matrix.PAIRS for kind in matrix.KINDS]
    all_states = states(subject)
    complete = lab.count(False, True)
    cells = dict.fromkeys(all_states, every) if complete else {**small(list(all_states)), "normal": every}
    subject.machine.await_whole()
    for name, state in all_states.items():
        began = time.monotonic()
        state(name, cells[name])
        check.explain(f"{time.monotonic() - began:.0f} s")
    subject.close()
    count, whole = sum(map(len, cells.values())), len(every) * len(all_states)
    lab.check(f"{count} of {whole} combinations, {subject.sent} packets", subject.sent)
