import errno
import re

import assault
import check
import gateway
import libreswan
import netns
import operators_file
import topology
import traffic
import walls
import wire

NEW_PORT = 8000
NEW_IF_ID = 2
VLAN = 110
TAGGED = {'attach = "dedicated";': f'attach = "vlan"; vlan = {VLAN};'}
# Another APN behind the same tunnel.
MORE = {"apns = (": """apns = ( { name = "more"; pool = [ "10.66.0.0/16" ]; tunnels = [ "vf-praha" ];
    cloud = { attach = "dedicated"; interface = "eth7"; address = "10.112.0.4/20"; prefixes = [ "10.112.0.0/20" ]; }; },"""}


def _tcp_reaches(lab, port):
    """Whether a device's TCP connection to the cloud host comes about and carries a token."""
    mark, before = wire.token(), lab.cloud.mark()
    with wire.tcp("cloud", topology.CLOUD, port) as listener, wire.tcp("dev1", topology.DEV1) as device:
        listener.listen(1)
        device.setblocking(False)
        device.connect_ex((topology.CLOUD, port))
        # The fence: what was sent before it has arrived or never will.
        fenced = lab.uplink.ask() and lab.uplink.ask()
        if fenced and not any(one.dport == port for one in lab.cloud.frames(before)):
            return False
        device.settimeout(wire.LIMIT)
        while device.connect_ex((topology.CLOUD, port)) not in (0, errno.EISCONN):
            pass
        device.sendall(mark)
        with listener.accept()[0] as accepted:
            return accepted.recv(100) == mark


def _line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def _refused(lab, what, changes, why="interface stranger has that already"):
    """What the kernel's side refuses: the plan says so beforehand, and ends as it does for whatever is refused."""
    gateway.configure(operators_file.changed(changes), {})
    code, said = gateway.culvert("plan")
    lab.check(f"{what}: the plan foresees that it is refused, exit 1",
              code == 1 and "the kernel would not take" in said and why in said, f"exit {code}: {said}")
    code, said = gateway.culvert("reload")
    lab.check("and so does the reload", code == 1 and why in said, f"exit {code}: {said}")


def _standing(lab):
    """What somebody else has taken meanwhile closes its APN, and stands in no other change's way."""
    gateway.configure(operators_file.changed(TAGGED), {})
    code, said = gateway.culvert("reload")
    lab.require("a VLAN that is free is taken", code == 0, said)
    own = re.search(r"^culv-[^@\s]+(?=@eth1\s)", netns.run("ip", "-br", "link", "show", "type", "vlan"), re.MULTILINE)[0]
    with gateway.unwatched():
        netns.ip(None, f"link del {own}\nlink add link eth1 name stranger type vlan id {VLAN}")
    told = check.poll(lambda: gateway.status().get("messages"))
    lab.check("somebody else takes it: culvert status says that something is missing", told, gateway.status())
    gateway.configure(operators_file.changed({"udp = [ 5684 ];": f"udp = [ 5684 ]; tcp = [ {NEW_PORT} ];", **TAGGED}), {})
    code, said = gateway.culvert("plan")
    lab.check("a plan for another change is not refused", code in (3, 4), f"exit {code}: {said}")
    code, said = gateway.culvert("reload")
    lab.check("nor is the reload", code == 0, said)
    netns.ip(None, "link del stranger")
    lab.check("with the stranger gone all is put in place", check.poll(lambda: not gateway.status().get("messages", ["no answer"])),
        gateway.status().get("messages"))
    gateway.configure(operators_file.example(), {})
    code, said = gateway.culvert("reload")
    lab.check("the first file comes back, and traffic with it", code == 0 and check.poll(lab.uplink.ask), said)


def run(lab):
    libreswan.start(operators_file.PSK)
    lab.start_gateway()
    before = lab.require_up()
    stream = traffic.Stream()
    lab.require("traffic flows", stream.await_answers(20))
    attack = assault.Assault(lab)

    gateway.configure(operators_file.changed({
        "udp = [ 5684 ];": "udp = [ 5684 ]; upd = [ 1 ];",
        'pool = [ "10.64.0.0/16" ]': 'pool = [ "10.64.0.1/16" ]',
    }), {})
    code, said = gateway.culvert("reload")
    lab.check("a broken file is refused, exit 1", code == 1, f"exit {code}: {said}")
    for part, word in (("upd = ", "upd"), ('pool = [ "10.64.0.1/16"', "10.64.0.0/16")):
        line = _line_of(gateway.operators_file(), part)
        message = re.search(rf"^.*culvert\.conf:{line}: .*{re.escape(word)}.*$", said, re.MULTILINE)
        lab.check(f"its message names file, line and remedy: {message[0].strip() if message else ''}", message, said)
    generation = gateway.status().get("generation")
    lab.check("the old generation stays in force", generation == before["generation"], generation)
    lab.check("culvert check says the same without the daemon", gateway.culvert("check", gateway.CONF)[0] == 1)

    outer = {'interface = "eth0"': 'interface = "eth9"'}
    for what, changes in (("alone", outer), ("beside a new link", outer | MORE)):
        _refused(lab, f"an outer guard at the wrong interface, {what}", changes, "eth0, not on eth9")
    netns.ip(None, f"link add link eth1 name stranger type vlan id {VLAN}")
    _refused(lab, "a VLAN that is somebody else's", TAGGED)
    netns.ip(None, "link del stranger")
    netns.ip(None, f"link add stranger type xfrm if_id {NEW_IF_ID}")
    _refused(lab, "an if_id that is somebody else's", MORE)
    netns.ip(None, "link del stranger")
    generation = gateway.status().get("generation")
    lab.check("and the old generation stays in force", generation == before["generation"], generation)

    lab.check(f"port {NEW_PORT}/tcp is closed before the change", not _tcp_reaches(lab, NEW_PORT))
    gateway.configure(operators_file.changed({"udp = [ 5684 ];": f"udp = [ 5684 ]; tcp = [ {NEW_PORT} ];"}), {})
    code, said = gateway.culvert("reload")
    lab.check("a good file is accepted, exit 0", code == 0, f"exit {code}: {said}")
    after = gateway.status()
    # One number went to the generation that the kernel's side refused.
    lab.check("it is a new generation", after.get("generation", 0) > before["generation"], after.get("generation"))
    lab.check(f"port {NEW_PORT}/tcp is open", _tcp_reaches(lab, NEW_PORT))
    lab.check(f"port {NEW_PORT + 1}/tcp is not", not _tcp_reaches(lab, NEW_PORT + 1))
    lab.check("the SAs are the same", gateway.spis(after) == gateway.spis(before), (before, after))
    stream.await_answers(20)
    lost = stream.stop()
    lab.check(f"no datagram of {len(stream.sent)} was lost", not lost, lost)
    walls.check_allowed(lab)
    attack.check("during both reloads")
    _standing(lab)
    walls.check_outer(lab)
