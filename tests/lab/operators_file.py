"""The operator's file of the scenarios: the shipped example, with small changes."""

import os

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = f"{HOME}/conf/culvert.conf.example"
PSK = "an-example-key-of-the-lab-0123456789-only"


def example():
    with open(EXAMPLE, encoding="utf-8") as file:
        return file.read()


def changed(changes, text=None):
    """The example with some settings replaced, old to new; each old one must be there once, outside of comments."""
    lines = (example() if text is None else text).splitlines(keepends=True)
    for old, new in changes.items():
        places = [at for at, line in enumerate(lines) if old in line.partition("#")[0]]
        if len(places) != 1:
            raise RuntimeError(f"the operator's file has {len(places)} lines with: {old}")
        lines[places[0]] = lines[places[0]].replace(old, new, 1)
    return "".join(lines)
