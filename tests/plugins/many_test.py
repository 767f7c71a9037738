"""5000 tunnels are up, on a kernel that says yes to everything. The file is told in another order: nothing changes. One
pool changes: the SAs of all others stay.

MANY_SIZE=500 for fewer.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../bench"))
import fleet  # noqa: E402
from charons import Ours, Stock, Wire  # noqa: E402

SIZE = int(os.environ.get("MANY_SIZE", "5000"))


def main():
    started = time.monotonic()
    wire = Wire()
    ours, carrier = Ours(wire, SIZE), Stock(wire, "ours-carrier", SIZE, "carrier")
    sides = (ours, carrier)
    try:
        for charon in sides:
            charon.start()
        ours.load(f"added={SIZE} changed=0 removed=0 kept=0")
        carrier.load()
        carrier.bring_up(range(SIZE))
        before = ours.spis()
        assert len(before) == SIZE, len(before)
        print(f"{SIZE} tunnels up ({time.monotonic() - started:.0f} s)", flush=True)

        fleet.write_operators_file(f"{ours.folder}/etc", SIZE, order=reversed(range(SIZE)))
        ours.load("nothing has changed")
        assert ours.spis() == before, "another order has changed SAs"

        changed = SIZE // 2
        ours.change(changed)
        ours.load(f"added=0 changed=1 removed=0 kept={SIZE - 1}")
        after = ours.spis()
        touched = [name for name in before if name != f"t{changed}" and after.get(name) != before[name]]
        assert not touched, touched
        assert ours.count_up() >= SIZE - 1, ours.count_up()
        print(f"one changed, {len(before) - 1} untouched ({time.monotonic() - started:.0f} s)")
    finally:
        for charon in sides:
            charon.kill()


if __name__ == "__main__":
    main()
