"""culvertd with a shim of a test preloaded."""

import contextlib
import os

import gateway
import netns
import operators_file

_DROP_IN = "/run/systemd/system/culvertd.service.d/preload.conf"


@contextlib.contextmanager
def into_culvertd(shim, environment):
    """Within this block culvertd runs with build/release/tests/lab/SHIM.so and the environment, words NAME=VALUE."""
    os.makedirs(os.path.dirname(_DROP_IN), exist_ok=True)
    with open(_DROP_IN, "w", encoding="ascii") as file:
        library = f"{operators_file.HOME}/build/release/tests/lab/{shim}.so"
        file.write(f"[Service]\nEnvironment=LD_PRELOAD={library} {environment}\n")
    netns.run("systemctl", "daemon-reload")
    try:
        netns.run("systemctl", "restart", gateway.CULVERTD)
        yield
    finally:
        os.unlink(_DROP_IN)
        netns.run("systemctl", "daemon-reload")
        netns.run("systemctl", "restart", gateway.CULVERTD)
