"""A storm of rekeys: gateway and carrier both renew every key after 4 s and end what is 8 s old, both rekey and end SAs out of
turn, and each CREATE_CHILD_SA response is 40 ms late, so that their exchanges collide in every way. charon runs under ASan and UBSan on both sides, that of
the gateway with our plugins; STRONGSWAN names that build. No sanitizer may say a word, and when the wire is quick again
each tunnel must have exactly one IKE_SA and one CHILD_SA.

One storm in `make test`. In `make torture` 20, each with tunnels, delays and losses of its own, from a seed that is told;
storm_test.py SEED repeats one. storm_test.py --stock SEED takes a gateway without our plugins and
without the patches against crashes.
"""

import contextlib
import os
import random
import re
import shutil
import sys
import time
import traceback

import relay
import sanitized
import vici
from conf_bench import PSK, SUITE, carrier_settings, gateway_settings, text_of, tunnel
from ike_lab import GATEWAY, Lab, count, run, wait_for

SECONDS = 60  # of one storm
# Seconds until each tunnel must be single again: stock ends what a collision has left of an IKE_SA after 30.
CALM = 90.0
REKEY, CEILING, RANDOM = 4, 8, int(os.environ.get("RAND", "0"))
# What happens to a tunnel besides, at both ends within moments; the rekeys more often than the end.
REKEY_IKE, REKEY_CHILD, END_CHILD = ("rekey", {}), ("rekey", {"child": "a{}"}), ("terminate", {"child": "a{}", "timeout": "-1"})
DISTURBANCES = 4 * (REKEY_IKE,) + 4 * (REKEY_CHILD,) + (END_CHILD,)
# What charon's log says when a storm is one.
SIGNS = {
    "CHILD_SAs rekeyed": r"\] rekeyed CHILD_SA ",
    "IKE_SAs rekeyed": r"IKE_SA \S+ rekeyed between",
    "collisions": r"rekey collision",
    "TEMPORARY_FAILUREs": r"generating CREATE_CHILD_SA response \d+ \[ N\(TEMP_FAIL\)",
}


class Weather:
    """What a storm is like; the one that the first test has is the one that found the crash."""

    def __init__(self, seed):
        chance = random.Random(seed)
        self.seed, self.tunnels, self.delay, self.loss = seed, 6, 0.04, 0.0
        if seed:
            self.tunnels = chance.choice((1, 3, 6, 10))
            self.delay = chance.choice((0.04, 0.04, 0.01, 0.15, 0.4))
            self.loss = chance.choice((0.0, 0.0, 0.05))

    def __str__(self):
        return f"seed {self.seed}: {self.tunnels} tunnels, {1000 * self.delay:.0f} ms late, {100 * self.loss:.0f} % lost"


class StormLab(Lab):
    """Any frame between the two goes through the namespace "sky"."""

    def _wire(self):
        addresses = {"gateway": [GATEWAY], "carrier": [f"192.0.2.{10 + n}" for n in range(1, 11)]}
        for namespace in addresses:
            run("ip", "netns", "add", namespace)
        relay.lay("sky", ("gateway", "eth0"), ("carrier", "wan"))
        for namespace, interface in (("gateway", "eth0"), ("carrier", "wan")):
            for address in addresses[namespace]:
                run("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", interface)
            for name in ("lo", interface):
                run("ip", "-n", namespace, "link", "set", name, "up")


def connection(number, gateway=False):
    """Tunnel number in swanctl.conf, of the carrier or of a stock gateway."""
    ends = ((f"192.0.2.{10 + number}", f"peer{number}.example.net", f"10.{number}.0.0/16"),
            (GATEWAY, "gw.example.net", f"10.110.{number}.0/24"))
    local, remote = reversed(ends) if gateway else ends
    return f"""t{number} {{
    version = 2
    mobike = no
    local_addrs = {local[0]}
    remote_addrs = {remote[0]}
    proposals = {SUITE}
    rekey_time = {REKEY}s
    over_time = {CEILING - REKEY}s
    rand_time = {RANDOM}s
    local {{
        auth = psk
        id = {local[1]}
    }}
    remote {{
        auth = psk
        id = {remote[1]}
    }}
    children {{ a{number} {{
        local_ts = {local[2]}
        remote_ts = {remote[2]}
        esp_proposals = {SUITE}
        rekey_time = {REKEY}s
        life_time = {CEILING}s
        rand_time = {RANDOM}s
        {"start_action = start" if gateway else ""}
        {"close_action = start" if gateway else ""}
    }} }}
}}
"""


class Side:
    """Mixed in before a charon: settings with a log that shows exchanges, and what there is of a tunnel."""

    def __init__(self, name, lab, settings):
        folder = f"{lab.folder}/{name}"
        super().__init__(name, folder, settings(folder).replace("enc = 0", "enc = 1"))

    def sas(self, number):
        """The states of a tunnel's IKE_SAs, and those of its CHILD_SAs, but for old inbound ones that wait for stragglers."""
        text = self.swanctl("--list-sas", "--ike", f"t{number}")
        children = re.findall(r"^  \S+: #.*, (\w+), TUNNEL", text, re.MULTILINE)
        return re.findall(r"^\S+: #\d+, (\w+)", text, re.MULTILINE), [c for c in children if c != "DELETED"]

    def disturb(self, number, chance):
        """Rekeys something of a tunnel, or ends its CHILD_SA, whether there is anything or not."""
        command, values = chance.choice(DISTURBANCES)
        with contextlib.suppress(RuntimeError, OSError), contextlib.closing(vici.Vici(f"{self.folder}/vici")) as charon:
            charon.ask(command, ike=f"t{number}", **{k: v.format(number) for k, v in values.items()})

    def is_single(self, number):
        return self.sas(number) == (["ESTABLISHED"], ["INSTALLED"])


class Stock(Side, sanitized.Charon):
    """The carrier, or a gateway without our plugins."""

    def begin(self, numbers):
        self.start()
        rows = "".join(connection(n, self.name == "gateway") for n in numbers)
        with open(f"{self.folder}/swanctl.conf", "w", encoding="ascii") as f:
            f.write(f"connections {{ {rows} }}\nsecrets {{ ike-1 {{ secret = {PSK} }} }}\n")
        self.swanctl("--load-all", "--file", f"{self.folder}/swanctl.conf")


class Ours(Side, sanitized.Gateway):
    def begin(self, numbers):
        text, ids = text_of([tunnel(n, ike=REKEY, child=REKEY, ceiling=CEILING,
                                    retransmission="{ timeout = 0.5; base = 1.0; tries = 3; }") for n in numbers])
        self.write(1, text, ids, {"carrier.psk": PSK + "\n"}, current=True)
        self.start()


class Storm:
    def __init__(self, lab, weather, stock):
        self.weather, self.numbers = weather, range(1, weather.tunnels + 1)
        self.carrier = Stock("carrier", lab, carrier_settings)
        self.gateway = Stock("gateway", lab, carrier_settings) if stock else Ours("gateway", lab, gateway_settings)
        self.gateway.unpatched = stock
        self.sides = (self.carrier, self.gateway)
        self.relay = relay.Relay("sky", "west", "east", weather.seed)

    def await_single(self):
        for number in self.numbers:
            try:
                wait_for(f"one IKE_SA and one CHILD_SA of tunnel {number} on both sides",
                         lambda: all(side.alive() and side.is_single(number) for side in self.sides), CALM)
            except AssertionError as error:
                raise AssertionError(f"{error}; they have {[side.sas(number) for side in self.sides]}") from None

    def rage(self):
        """Until the time is over or a charon has ended."""
        self.relay.delay, self.relay.loss = self.weather.delay, self.weather.loss
        chance, end = random.Random(self.weather.seed), time.monotonic() + SECONDS
        while time.monotonic() < end and all(side.alive() for side in self.sides):
            number = chance.choice(self.numbers)
            for side in chance.sample(self.sides, 2):
                side.disturb(number, chance)
                time.sleep(chance.uniform(0, 2 * self.weather.delay))
            time.sleep(chance.uniform(0, 0.3))
        self.relay.delay = self.relay.loss = 0.0

    def signs(self):
        """How often each thing happened, on both sides."""
        logs = "".join(side.read_log() for side in self.sides)
        return {**{what: len(re.findall(pattern, logs)) for what, pattern in SIGNS.items()},
                "late responses": self.relay.late}

    def run(self):
        for side in self.sides:
            side.begin(self.numbers)
        self.await_single()
        self.rage()
        self.await_single()
        signs = self.signs()
        print(", ".join(f"{n} {what}" for what, n in signs.items()), f"({self.relay.lost} packets lost)", flush=True)
        assert all(signs.values()), "this was no storm"
        for side in self.sides:
            side.end()

    def close(self):
        for side in self.sides:
            side.stop()
        self.relay.close()


def attempt(lab, weather, stock=False):
    """One storm; whether all was well."""
    began = time.monotonic()
    storm = Storm(lab, weather, stock)
    try:
        storm.run()
        print(f"ok {weather} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Exception:  # pylint: disable=broad-except: whatever it is, the next storm is another one
        print(f"FAIL {weather} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
        for side in storm.sides:
            print(f"--- log of {side.name}\n{side.read_log()[-int(os.environ.get('LOG', '8000')):]}", flush=True)
            if side.reports():
                print(f"--- {side.name}\n{side.report_text()}", flush=True)
        return False
    finally:
        storm.close()
        for side in storm.sides:
            shutil.rmtree(side.folder)


def main(arguments):
    seeds = [int(a) for a in arguments if a.isdigit()] or [0, *(random.randrange(1, 10**6) for _ in range(1, count(1, 20)))]
    lab = StormLab()
    return 0 if all([attempt(lab, Weather(seed), "--stock" in arguments) for seed in seeds]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
