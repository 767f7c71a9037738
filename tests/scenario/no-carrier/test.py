import check
import gateway
import walls


def run(lab):
    lab.start_gateway()
    state = gateway.await_failure("no answer", limit=120)
    failure = gateway.failure(state)
    lab.check(f"status says why: {failure}", "no answer" in failure.lower(), gateway.tunnel(state))
    lab.check("the link does not carry", gateway.link(state).get("carrying") is False, gateway.link(state))
    lab.check("culvert status exits 1", gateway.culvert("status")[0] == 1)
    walls.check_closed(lab)
    addressed = check.poll(lambda: gateway.has_address("eth1", "10.110.0.4/20"), limit=5)
    lab.check("the cloud interface has the gateway's address all the same", addressed)
