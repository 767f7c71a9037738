"""The states of the matrix: what happens to the gateway while, or before, packets are sent. Each is given the machine
working, and leaves it so."""

import contextlib
import os
import signal

import check
import gateway
import netns
import operators_file
import places
import policy
import systemd
import topology as net

TUNNELS = ("vf-praha", "vf-brno")
LIMIT = 90  # seconds until what was broken is whole again
NOTICED = 5  # seconds in which culvertd itself may put something back before it is asked to


class Machine:
    """The gateway and its carriers, and what a state does with them."""

    def __init__(self, lab):
        self._lab = lab
        self.status = {}

    # --- as a whole

    def _carries(self):
        self.status = gateway.status()
        return all(gateway.link(self.status, *one).get("carrying") and gateway.link(self.status, *one).get("child")
            for one in places.LINKS)

    def await_whole(self, text="all links carry"):
        """Ends the scenario if it does not come."""
        self._lab.require(text, check.poll(self._carries, LIMIT), self.status.get("links"))
        self.widen()

    @staticmethod
    def widen():
        """Wall 3 is down: carriers put everything into the tunnel, and the gateway's policies admit it."""
        policy.open_all("carrier", "dev wan")
        policy.open_all("carrier2", "dev wan")
        policy.open_all(None)

    def spis(self):
        state = gateway.status()
        return {one: (gateway.link(state, *one).get("child") or {}).get("spi_in") for one in places.LINKS}

    def mended(self, whole, undo):
        """Waits for what was broken to be put back; who did."""
        if check.poll(whole, NOTICED, 0.05):
            return "culvertd"
        if undo:
            undo()
            return "the test"
        code, said = gateway.culvert("reload")
        self._lab.require("a reload puts back what was broken", code == 0 and check.poll(whole, LIMIT), said)
        return "a reload"

    # --- what happens while packets are sent; each gets ready, and gives what does it

    def starting(self):
        """As a boot goes: culvertd before the outer network, then charon; the carriers are there, packets come all along."""
        netns.set_sysctl(None, "net.ipv4.ip_forward", 0)
        netns.set_sysctl(None, "net.ipv6.conf.all.forwarding", 0)
        gateway.clear()
        netns.ip(None, "link set eth0 down\n" + "\n".join(
            f"addr flush dev {one}\nlink set {one} down" for one in ("eth1", "eth2", "eth3")))

        def start():
            gateway.configure(places.conf(), {"vodafone-cz.psk": operators_file.PSK + "\n"})
            systemd.start(gateway.CULVERTD)
            netns.ip(None, f"link set eth0 up\nroute replace default via {net.ROUTER}")
            systemd.start(gateway.CHARON)
            check.poll(self._carries, LIMIT)
        return start

    @contextlib.contextmanager
    def tunnel_down(self):
        for one in places.PLUTOS:
            systemd.stop(one.unit)
        check.poll(lambda: not any(one.get("carrying") for one in gateway.status().get("links", ())), LIMIT)
        yield
        for one in places.PLUTOS:
            one.start(operators_file.PSK)

    def mid_rekey(self):
        before = self.spis()

        def rekey():
            for name in TUNNELS:
                gateway.culvert("rekey", name)

            def replaced():
                spis = self.spis().values()
                return all(spis) and not set(spis) & set(before.values())
            renewed = check.poll(replaced, LIMIT)
            self._lab.check("all links have new keys", renewed, before)
        return rekey

    def reloading(self):
        def reload():
            for conf in (places.conf(6000, 6001), places.conf()):
                gateway.configure(conf, {})
                code, said = gateway.culvert("reload")
                self._lab.check("a reload goes well", code == 0, said)
        return reload

    def charon_killed(self):
        before, pid = self.spis(), systemd.main_pid(gateway.CHARON)

        def kill():
            os.kill(pid, signal.SIGKILL)
            check.poll(lambda: self._carries() and not set(self.spis().values()) & set(before.values()), LIMIT)
        return kill

    def culvertd_killed(self):
        pid = systemd.main_pid(gateway.CULVERTD)

        def kill():
            os.kill(pid, signal.SIGKILL)
            check.poll(lambda: systemd.main_pid(gateway.CULVERTD) not in (0, pid) and self._carries(), LIMIT)
        return kill


    # --- what somebody breaks by hand; each gives how one sees that it is whole again, and how to undo it where culvertd
    # may leave it

    def flush_walls(self):
        gateway.remove_walls()
        return lambda: gateway.forward_policies() == ["drop"], None

    def delete_vrf(self):
        name = gateway.link(self.status, *places.LINKS[0])["vrf"]
        netns.run("ip", "link", "del", name)
        return lambda: os.path.exists(f"/sys/class/net/{name}") and self._carries(), None

    def delete_xfrm(self):
        name = gateway.link(self.status, *places.LINKS[0])["interface"]
        netns.run("ip", "link", "del", name)
        return lambda: os.path.exists(f"/sys/class/net/{name}") and self._carries(), None

    def inject_routes(self):
        """Ways out of an APN's VRF, into it, and around all VRFs, that nobody has configured."""
        meters, buses = (gateway.link(self.status, *one) for one in places.LINKS[:2])
        table = meters["vrf"].removeprefix("culv-v")
        routes = (
            f"198.51.100.0/24 via {net.ROUTER} dev eth0 table {table} onlink",
            f"{places.NET2} dev eth3 table {table}",
            f"{places.SHOWN} dev {buses['interface']} table {table}",
            f"10.9.0.0/24 dev eth2 table {table}",
            f"{net.POOL} dev {meters['interface']}",
            f"{net.CLOUD_NET} dev culv-c{table}",
        )
        netns.ip(None, "\n".join(f"route add {one}" for one in routes))

        def gone():
            inside = netns.run("ip", "route", "show", "table", table)
            return not any(word in inside for word in ("198.51.100.", "10.112.", "10.81.", "10.9.0.")) and \
                "culv-" not in netns.run("ip", "route", "show", "table", "main")
        return gone, lambda: netns.ip(None, "\n".join(f"route del {one}" for one in routes), force=True)
