"""rekey-cpu-handshake: what culvert-rekey adds to a handshake."""

import counted

NAME = "rekey-cpu-handshake"
WHAT = ("instructions of the gateway's charon under callgrind for one handshake that it answers (IKE_SA_INIT, IKE_AUTH with pre-shared key and one CHILD_SA, aes256-sha256-modp2048). Ours: "
        "with all of our plugins. Peer: the same without culvert-rekey")
UNIT = "instructions"
GOAL = 1.02
SIZE, SMALL = 10, 2
LAB = None


class Bench(counted.Bench):
    def __init__(self, size):
        super().__init__(size, "handshake", "culvert-rekey")
