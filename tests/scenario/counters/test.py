import json

import gateway
import libreswan
import offers
import operators_file
import policy
import walls

# The Internet is refused by routing, which counts nothing.
REASONS = {offers.PORT: "no_service", offers.HOST: "no_service", offers.DEVICE: "hairpin", offers.SPOOFED: "spoofed",
    offers.CLOUD_PORT: "from_cloud", offers.CLOUD_HOST: "from_cloud"}


def counters(*arguments):
    code, text = gateway.culvert("counters", *arguments, "--json")
    return json.loads(text)["apns"][0] if code == 0 else {}


def refused(apn, reason):
    return apn["refused"].get(reason, {"packets": 0})["packets"]


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    state = lab.require_up()
    policy.carrier_misbehaves()
    policy.gateway_admits_all(gateway.link(state)["if_id"])

    before = counters()
    lab.require("culvert counters lists the APN, its service and its downlink", before.get("name") == "meters" and
        before["services"][0]["names"] == ["ingest"] and before["downlink"][0]["names"] == ["firmware"], before)
    walls.check_allowed(lab)
    after = counters("meters")
    for kind in ("services", "downlink"):
        grown = after[kind][0]["packets"] - before[kind][0]["packets"]
        lab.check(f"a request and its answer are counted in {kind}", grown == 2, grown)
    for kind in ("from_devices", "to_devices"):
        grown = after[kind]["packets"] - before[kind]["packets"]
        lab.check(f"both exchanges are counted {kind}", grown == 2, grown)

    for offer, reason in REASONS.items():
        before = counters()
        walls.check_refused(lab, (offer,))
        after = counters()
        grown = {one: refused(after, one) - refused(before, one) for one in set(REASONS.values())}
        lab.check(f"{offer} is counted as {reason} of its APN, and as nothing else",
            all((count > 0) == (one == reason) for one, count in grown.items()), grown)

    code, said = gateway.culvert("reload")
    again = counters()
    lab.check("a reload keeps the counts", code == 0 and refused(again, "spoofed") == refused(after, "spoofed") and
        again["services"][0]["packets"] >= after["services"][0]["packets"], said)
    code, said = gateway.culvert("counters", "nobody")
    lab.check("an APN that is not there is named", code == 1 and "nobody" in said, said)
