import gateway
import offers
import operators_file
import stock
import walls


def run(lab):
    text = operators_file.changed({
        'psk_file = "vodafone-cz.psk";': 'certificate = "gw.pem"; key_file = "gw.key"; ca = "carrier-ca.pem";',
        'local_id = "192.0.2.1";': f'local_id = "{stock.GATEWAY_ID}";',
    })
    secrets = stock.make_certificates()
    stock.start_with_certificates()
    lab.start_gateway(text, secrets)
    lab.require_up("the tunnel is up with certificates")
    walls.check_allowed(lab)
    walls.check_refused(lab, offers.WITHIN + offers.FROM_CLOUD)
    walls.check_outer(lab)

    stock.stop()
    stock.become_an_impostor()
    stock.start_with_certificates()
    state = gateway.await_failure("peer authentication failed")
    failure = gateway.failure(state)
    told = "peer authentication failed" in failure
    lab.check(f"a carrier whose certificate is of another CA is refused: {failure}", told, state)
    lab.check("no SA remains", not gateway.sas(), gateway.sas())
    walls.check_closed(lab)
