import gateway
import libreswan
import operators_file
import walls


def run(lab):
    libreswan.start("another-key-than-the-gateway-was-given-9876")
    lab.start_gateway()
    state = gateway.await_failure("authentication")
    tunnel, failure = gateway.tunnel(state), gateway.failure(state)
    lab.check(f"status says why: {failure}", "authentication" in failure.lower(), tunnel)
    lab.check("status says for how long", isinstance(tunnel.get("failure_age"), int), tunnel)
    lab.check("the tunnel is not up", tunnel.get("state") in ("down", "connecting"), tunnel)
    code, text = gateway.culvert("status")
    lab.check("culvert status shows the reason and exits 1", code == 1 and failure[:30] in text, f"exit {code}: {text}")
    lab.check("the secret is in no message", operators_file.PSK not in text + gateway.journals())
    lab.check("there is no SA", not gateway.sas(), gateway.sas())
    walls.check_closed(lab)

    # The other way round: the carrier calls, and it is the gateway that refuses.
    gateway.configure(operators_file.changed({'initiator = "gateway";': 'initiator = "carrier";'}), {})
    code, text = gateway.culvert("reload")
    lab.require("the gateway now waits for the carrier", code == 0, text)
    libreswan.initiate()
    failure = gateway.failure(gateway.await_failure("peer authentication failed"))
    lab.check(f"a carrier that calls is refused: {failure}", "peer authentication failed" in failure, failure)
    lab.check("there is no SA", not gateway.sas(), gateway.sas())
    walls.check_outer(lab)
