"""The other role: the gateway begins, and the peer answers with a suite that was not offered or is weak, step by step."""

import contextlib
import time

import ike_responder
import ike_wire as wire
from ike_responder import Responder
from ike_vici import Live, children
from policy_offers import ALLOWED_ESP, ALLOWED_FIRST, ALLOWED_IKE, alive
from policy_verdict import ACCEPTED, CHOSEN, IGNORED, OFFERED, REFUSED, is_allowed, tell



def allowed_with(esn):
    """By the step of the responder what a tunnel's suite allows, with extended sequence numbers (1) or without (0)."""
    return {ike_responder.INIT: ALLOWED_IKE, ike_responder.AUTH: ALLOWED_FIRST._replace(esn=esn),
            ike_responder.CHILD: ALLOWED_ESP._replace(esn=esn), ike_responder.IKE_REKEY: ALLOWED_IKE}


def good_with(esn):
    return {step: alive(allowed) for step, allowed in allowed_with(esn).items()}


GOOD = good_with(0)
IKE_WORDS = {"encr-alg": "AES_CBC", "encr-keysize": "256", "integ-alg": "HMAC_SHA2_256_128",
             "prf-alg": "PRF_HMAC_SHA2_256", "dh-group": "MODP_2048"}
ESP_WORDS = {"encr-alg": "AES_CBC", "encr-keysize": "256", "integ-alg": "HMAC_SHA2_256_128", "mode": "TUNNEL",
             "protocol": "ESP"}
LIMIT = 20.0  # seconds until the gateway must be through with an answer


def weak_words(row, esn=0):
    """What an IKE_SA of list-sas uses besides the allowed suite, for itself or a CHILD_SA; empty if nothing."""
    found = []
    if row.get("encr-alg"):
        found += [f"IKE_SA {k} {row.get(k)}" for k, wanted in IKE_WORDS.items() if row.get(k) != wanted]
        found += [f"IKE_SA {k}" for k in row if k.startswith("ake")]
    for name, child in children(row).items():
        if "encr-alg" not in child and "integ-alg" not in child:
            continue  # it has no keys
        found += [f"{name} {k} {child.get(k)}" for k, wanted in ESP_WORDS.items() if child.get(k) != wanted]
        found += [f"{name} ESN {child.get('esn')}"] * (child.get("esn", "0") != str(esn))
        found += [f"{name} dh-group {child.get('dh-group')}"] * (child.get("dh-group", "MODP_2048") != "MODP_2048")
    return found


def installed(row):
    return {name: child for name, child in children(row).items() if child.get("state") == "INSTALLED"}


def states(row):
    return row and {name: child.get("state") for name, child in children(row).items()}


class Answering:
    """Lets the gateway begin one step again and again. ike, child and second: names of its configuration; esn: its suite's."""

    step = None  # of the responder: what is scripted

    def __init__(self, peer, path, ike, child, second, esn=0):
        self.peer, self.vici, self.control = peer, Live(path), Live(path)
        self.ike, self.child, self.second, self.esn = ike, child, second, esn
        self.why = None  # what the gateway says when it cannot
        self.patient = False  # whether a request that comes again may have been answered too late by this peer
        peer.responder = Responder(self.good())

    def good(self):
        """What a well-behaved peer answers."""
        return good_with(self.esn)

    def weak(self, row):
        """What an IKE_SA uses besides the allowed suite."""
        return weak_words(row, self.esn)

    def row(self):
        """The gateway's only IKE_SA of this connection in list-sas, or None."""
        rows = [row for name, row in self.vici.sas()
                if name == self.ike and row.get("state") not in ("DELETING", "REKEYED")]
        return rows[0] if rows else None

    def serve_until(self, done):
        """Answers the gateway until done() is true."""
        end = time.monotonic() + LIMIT
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"the gateway is still busy: {self.row()}")
            self.peer.receive(0.005)

    def initiate(self, child=None):
        """None if the gateway says that the CHILD_SA is up, or why it is not."""
        self.vici.begin("initiate", ike=self.ike, child=child or self.child, timeout=int(LIMIT * 1000))
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            self.peer.receive(0.2, (self.vici.socket,))
            if self.vici.has_answer():
                return self.vici.result()
            self.end_waiting()
        raise AssertionError("initiate: no answer")

    def end_waiting(self):
        """What asks again has not taken the answer that it got: it is not worth waiting until charon gives up."""
        if self.peer.repeated and not self.patient:
            self.terminate()

    def terminate(self):
        """At once, whatever it waits for, unless it is gone by now."""
        with contextlib.suppress(RuntimeError):
            self.control.ask("terminate", ike=self.ike, force="yes", timeout=-1)
        self.peer.repeated = 0

    def rekey(self, **what):
        """Begins a rekey, and waits until it is over."""
        self.control.ask("rekey", **what)
        self.serve_until(lambda: any(step == self.step for step, _ in self.peer.responder.heard))
        self.serve_until(lambda: not self.busy())

    def busy(self):
        self.end_waiting()
        row = self.row()
        return row is not None and (row["state"] != "ESTABLISHED" or any(
            child.get("state") not in ("INSTALLED", "DELETED") for child in children(row).values()))

    def begin(self):
        """That a slow machine asks again is no reason to give up here."""
        patient, self.patient, self.peer.repeated = self.patient, True, 0
        failed = self.initiate()
        self.patient, self.peer.repeated = patient, 0
        assert failed is None, f"the allowed suite does not come up: {failed}"

    def end(self):
        """Until nothing is left: with work still queued, charon makes another IKE_SA of one that was deleted."""
        row = self.row()
        while row:
            sa = self.peer.sas.get((bytes.fromhex(row["initiator-spi"]), bytes.fromhex(row["responder-spi"])))
            if row["state"] == "ESTABLISHED" and sa and not self.weak(row):
                self.peer.delete_ike(sa)
            else:
                self.terminate()
            self.serve_until(lambda gone=row["uniqueid"]: (self.row() or {}).get("uniqueid") != gone)
            row = self.row()
        self.peer.sas.clear()

    def answer(self, offer):
        """Verdict and what was seen of the gateway after this answer."""
        heard = self.peer.responder.heard
        heard.clear()
        self.peer.repeated, self.peer.responder.script = 0, {self.step: offer}
        self.make()
        self.peer.responder.script = {}
        row = self.row()
        weak = self.weak(row) if row else []
        unreadable = [step for step, payloads in heard if payloads is None and step != wire.INFORMATIONAL]
        if weak or unreadable:
            verdict, said = ACCEPTED, f"{weak}, exchanges with other keys {unreadable}"
        elif not any(step == self.step for step, _ in heard):
            verdict, said = IGNORED, f"the gateway did not begin: {self.why}"
        else:
            verdict, said = (CHOSEN, "it came up") if self.is_up(row) else (REFUSED, f"not up: {states(row)}")
        offered = self.weak_offers(heard)
        self.clear()
        return (OFFERED if offered and verdict != ACCEPTED else verdict), said + offered

    def weak_offers(self, heard, values=True):
        """What the gateway itself offered and may not: suites, and a public value of another group."""
        weak = []
        for step, payloads in heard:
            group = wire.find(payloads or [], wire.KE)
            if values and group and wire.decode_ke(group)[0] != 14:
                weak.append(f"group {wire.decode_ke(group)[0]}")
            body = wire.find(payloads or [], wire.SA)
            if body:
                weak += [tell(p) for p in wire.decode_sa(body) if not is_allowed(p, allowed_with(self.esn)[step])]
        return f"; it offers {'; '.join(weak)[:200]}" if weak else ""

    def show_alive(self):
        self.patient = True
        verdict, said = self.answer(self.peer.responder.good[self.step])
        self.patient = False
        assert verdict in (CHOSEN, OFFERED), f"the allowed suite does not come up: {said}"


class AnswerInit(Answering):
    step = ike_responder.INIT

    def begin(self):
        self.show_alive()

    def make(self):
        self.why = self.initiate()

    def is_up(self, row):
        return row is not None and installed(row)

    def clear(self):
        self.end()


class AnswerAuth(AnswerInit):
    step = ike_responder.AUTH


class AnswerLater(Answering):
    """A step on an IKE_SA that stands. Every answer gets one of its own: after a failure charon tries this and that."""

    def begin(self):
        super().begin()
        self.show_alive()

    def clear(self):
        self.end()
        Answering.begin(self)


class AnswerChild(AnswerLater):
    step = ike_responder.CHILD

    def make(self):
        self.why = self.initiate(self.second)

    def is_up(self, row):
        return row is not None and len(installed(row)) > 1


class AnswerChildRekey(AnswerLater):
    step = ike_responder.CHILD
    before = None

    def make(self):
        self.before = set(installed(self.row()))
        self.rekey(child=self.child)

    def is_up(self, row):
        return row is not None and set(installed(row)) - self.before


class AnswerIkeRekey(AnswerLater):
    step = ike_responder.IKE_REKEY
    before = None

    def make(self):
        self.before = self.row()["uniqueid"]
        self.rekey(ike=self.ike)

    def is_up(self, row):
        return row is not None and row["uniqueid"] != self.before


STEPS = {"IKE_SA_INIT": (AnswerInit, ALLOWED_IKE), "IKE_AUTH": (AnswerAuth, ALLOWED_FIRST),
         "new CHILD_SA": (AnswerChild, ALLOWED_ESP), "CHILD_SA rekey": (AnswerChildRekey, ALLOWED_ESP),
         "IKE_SA rekey": (AnswerIkeRekey, ALLOWED_IKE)}


def answer_all(tally, place, answering, offers, batch=100, enough=None):
    """Answers with each offer in batches, each between two proofs of life; stops after `enough` wrong acceptances."""
    accepted = 0
    for first in range(0, len(offers), batch):
        answering.begin()
        for offer in offers[first:first + batch]:
            # An answer has one suite. Of several, the gateway may find its own or refuse them all.
            offer = offer._replace(may="either") if offer.may == "choose" else offer
            verdict, said = answering.answer(offer)
            tally.add(place, offer, verdict, said)
            accepted += verdict == ACCEPTED
            if accepted == enough:
                answering.end()
                return
        answering.show_alive()
        answering.end()
