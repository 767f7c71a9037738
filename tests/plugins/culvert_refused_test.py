"""Every rekey is refused for ever, of CHILD_SAs and IKE_SAs, with TEMPORARY_FAILURE or with NO_PROPOSAL_CHOSEN.

The peer is hand-built: it does all else as it should. No key grows older than its ceiling, the tunnel comes back each time,
once, and the peer is asked again, but not without end. Runs like culvert_conf_test.py, in culvert_rekey_test.py's fast
motion.
"""

import sys
import threading
import traceback
from types import SimpleNamespace

import ike_responder
import ike_wire as wire
from conf_bench import PSK, gateway_settings, text_of, tunnel
from culvert_rekey_test import FAST, Watch, count
from ike_lab import Gateway, Lab, wait_for
from ike_peer import Offer, Peer
from ike_responder import Responder
from policy_answers import GOOD
from policy_target import link

BEGUN = r"IKE_SA t2\[\d+\] established between"
REFUSALS = {"TEMPORARY_FAILURE": 43, "NO_PROPOSAL_CHOSEN": wire.NO_PROPOSAL_CHOSEN}
MOST = 15  # requests of a kind in the life of one IKE_SA


class Serving(threading.Thread):
    """Answers until it is told to stop."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.stopping = peer, False

    def __enter__(self):
        self.start()

    def __exit__(self, *_):
        self.stopping = True
        self.join()

    def run(self):
        while not self.stopping:
            self.peer.receive(0.1)


def refused(gateway, peer, number):
    peer.responder = Responder(GOOD)
    refusal = Offer("refusal", (), None, (wire.notify(number),))
    peer.responder.script = {ike_responder.CHILD: refusal, ike_responder.IKE_REKEY: refusal}
    mark = len(gateway.read_log())
    with Serving(peer), Watch(SimpleNamespace(gateway=gateway)) as watch:
        wait_for("the tunnel made anew", lambda: count(BEGUN, gateway.read_log()[mark:]) >= 3, 90)
    begun, heard = count(BEGUN, gateway.read_log()[mark:]), [step for step, _ in peer.responder.heard]
    watch.check()
    for step in (ike_responder.CHILD, ike_responder.IKE_REKEY):
        asked = heard.count(step)
        assert begun <= asked <= MOST * (begun + 1), f"{step}: asked {asked} times, begun {begun} times"
    return begun, heard.count(ike_responder.CHILD), heard.count(ike_responder.IKE_REKEY)


def run(lab):
    folder = f"{lab.folder}/gateway"
    gateway = Gateway("gateway", folder, gateway_settings(folder))
    text, ids = text_of([tunnel(2, **FAST)])
    gateway.write(1, text, ids, {"carrier.psk": PSK + "\n"}, current=True)
    peer = Peer(link(2))
    gateway.start()
    try:
        for name, number in REFUSALS.items():
            print("ok {}: begun {} times, asked {} times for CHILD_SAs, {} times for IKE_SAs".format(
                name, *refused(gateway, peer, number)), flush=True)
        code = gateway.stop()
        assert code == 0 and "ERROR: " not in gateway.read_log(), f"charon has ended with {code}"
        return 0
    except Exception:  # pylint: disable=broad-except: whatever it is, the log explains it
        traceback.print_exc(file=sys.stdout)
        print(gateway.read_log()[-6000:])
        return 1
    finally:
        gateway.stop()


if __name__ == "__main__":
    sys.exit(run(Lab()))
