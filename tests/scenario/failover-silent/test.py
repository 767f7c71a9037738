import failover
import walls


def run(lab):
    failover.start(lab)
    failure = failover.Failure(lab, "with probes")
    failover.cut()
    failure.restored()
    failover.join()
    failover.require_well(lab, limit=120)

    failure = failover.Failure(lab, "with culvertd standing still")
    with failover.culvertd_stands_still():
        failover.cut()
        failure.not_restored()
    failure.text = "when it goes on"
    failure.restored(limit=60)
    failover.join()
    walls.check_outer(lab)
