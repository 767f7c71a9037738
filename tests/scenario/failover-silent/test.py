import failover
import gateway
import walls


def fail(lab, text):
    failure = failover.Failure(lab, text)
    failover.cut()
    failure.restored()
    link = failover.state(failover.FIRST)
    lab.check(f"{text}: status says why", link.get("state") == "suspect" and link.get("reason"), link)
    failover.join()
    failover.require_well(lab, limit=120)


def run(lab):
    failover.start(lab, settings="hold_down = 5;")
    fail(lab, "without probes")
    gateway.configure(failover.conf(settings=f"{failover.PROBE} hold_down = 5;"), {})
    lab.require("reload: probes", gateway.culvert("reload")[0] == 0)
    failover.require_well(lab)
    fail(lab, "with probes")

    failure = failover.Failure(lab, "with culvertd standing still")
    with failover.culvertd_stands_still():
        failover.cut()
        failure.not_restored()
    failure.text = "when it goes on"
    failure.restored(limit=60)
    failover.join()
    walls.check_outer(lab)
