import failover
import probing
import walls


def run(lab):
    probing.of_every_kind(lab, failover.SIX)
    walls.check_outer(lab)
