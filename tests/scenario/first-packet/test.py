import check
import gateway
import libreswan
import offers
import operators_file
import policy
import walls


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    state = lab.require_up("the gateway brings the tunnel vf-praha up and its link carries")
    suite = gateway.tunnel(state)["suite"]
    lab.check(f"its algorithms are {suite}", suite == "aes256-sha256-modp2048")

    walls.check_allowed(lab, show=True)
    walls.check_refused(lab, offers.WITHIN, show=True)
    policy.carrier_misbehaves()
    walls.check_refused(lab, offers.OUTSIDE + offers.FROM_CLOUD + offers.FROM_INTERNET + (offers.GATEWAY,), show=True)
    walls.check_allowed(lab)
    walls.check_outer(lab)

    code, text = gateway.culvert("status")
    lab.check("culvert status says that all is well", code == 0, text)
    for line in text.splitlines():
        check.explain(line)
