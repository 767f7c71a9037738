import drift
import gateway
import libreswan
import netns
import offers
import operators_file
import topology as net
import traffic
import walls

LONG_WAY = ("from_device", "from_cloud", "device_source", "cloud_source")
SHORT_WAY = ("map arrive", "map way", "chain up", "chain down", "chain in_1001", "chain down_1001")
SERVICE = f"{drift.RULES} service4 '{{ \"culv-x1\" . {net.CLOUD} . udp . {traffic.SERVICE} }}'"


def nft(command):
    netns.run("sh", "-c", f"nft {command}")


def check_repaired(lab, right):
    left = drift.await_picture(right)
    lab.check("  and it is repaired", not left, left)


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    lab.require_up()
    right = drift.picture()
    with gateway.unwatched():
        for chain in LONG_WAY:
            nft(f"flush chain {drift.RULES} {chain}")
        check = lab.uplink.ask() and lab.downlink.ask()
        lab.check(f"what is listed needs none of {', '.join(LONG_WAY)}", check, "no answer")
    check_repaired(lab, right)

    for part in SHORT_WAY:
        kind, name = part.split()
        with gateway.unwatched():
            nft(f"flush {kind} {drift.RULES} {name}")
            lab.check(f"{part} emptied by hand:", drift.difference(right, drift.picture()), "it was repaired: we see nothing")
            walls.check_allowed(lab)
            walls.check_refused(lab, offers.WITHIN)
        check_repaired(lab, right)

    lab.require("a flow to the service has its answers", lab.uplink.ask())
    with gateway.unwatched():
        nft(f"delete element {SERVICE}")
        lab.check("it ends when the service is no longer listed", not lab.uplink.ask(2), "there was an answer")
        lab.check("  and the downlink goes on", lab.downlink.ask(), "no answer")
    check_repaired(lab, right)
    lab.check("  and the flow goes on", lab.uplink.ask(), "no answer")
    walls.check_outer(lab)
