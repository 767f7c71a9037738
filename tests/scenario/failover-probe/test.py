import failover
import probing
import walls


def run(lab):
    probing.of_every_kind(lab, failover.FOUR)
    probing.nothing_else_tells(lab)
    walls.check_outer(lab)
