import assault
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
    state = lab.require_up()
    policy.carrier_misbehaves()

    # Wall 3, selectors: the gateway's policies admit any address. Walls 1 and 2 hold all the same.
    policy.gateway_admits_all(gateway.link(state)["if_id"])
    refused = gateway.no_policy_drops()
    walls.check_refused(lab, offers.WITHIN + offers.OUTSIDE + offers.FROM_CLOUD + (offers.GATEWAY,), show=True)
    lab.check("wall 3 was really down", gateway.no_policy_drops() == refused, gateway.no_policy_drops() - refused)

    # Wall 2, nftables, as well: ports, other devices, spoofed sources are then free; wall 1 still holds the Internet.
    # culvertd would put it back at once.
    with gateway.unwatched():
        gateway.remove_walls()
        walls.check_outer(lab)
        held_by_wall_2 = (offers.DEVICE, offers.SPOOFED, offers.CLOUD_PORT, offers.CLOUD_HOST, offers.GATEWAY)
        for offer in offers.WITHIN + held_by_wall_2:
            arrived, flaw = walls.attempt(lab, offer)
            lab.check(f"without wall 2 {offer} is seen to arrive", arrived and not flaw, flaw or "our checks are blind")
        seen = assault.Assault(lab, offers.WITHIN).end()
        holes = [one for one in seen if one.endswith("seen at cloud")]
        lab.check("an assault sees both holes for devices as well", len(holes) == len(seen) == len(offers.WITHIN), seen)
        walls.check_refused(lab, (offers.INTERNET, offers.CLOUD_INTERNET))

    back = check.poll(lambda: gateway.forward_policies() == ["drop"])
    lab.check("culvertd, when it goes on, puts wall 2 back", back, gateway.forward_policies())
    walls.check_refused(lab, offers.WITHIN + held_by_wall_2)
