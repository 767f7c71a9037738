"""policy-cpu-rekey: what culvert-policy adds to a rekey."""

import counted

NAME = "policy-cpu-rekey"
WHAT = ("instructions of the gateway's charon under callgrind for one rekey: CHILD_SAs and IKE_SAs (aes256-sha256-modp2048), as many begun by the gateway as by the carrier. Ours: "
        "with all of our plugins. Peer: the same without culvert-policy")
UNIT = "instructions"
GOAL = 1.02
SIZE, SMALL = 10, 2
LAB = None


class Bench(counted.Bench):
    def __init__(self, size):
        super().__init__(size, "rekey", "culvert-policy")
