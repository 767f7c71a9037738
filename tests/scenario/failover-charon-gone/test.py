import failover
import gateway
import walls


def run(lab):
    failover.start(lab)
    with failover.charon_is_gone():
        lab.require("charon is gone", gateway.status().get("charon") == "down")
        failure = failover.Failure(lab, "without charon")
        failover.cut()
        failure.restored()
        link = failover.state(failover.FIRST)
        lab.check("status says why", link.get("state") == "suspect" and "probe: the last" in (link.get("reason") or ""), link)
        failover.join()
    failover.require_well(lab, limit=180)
    walls.check_outer(lab)
