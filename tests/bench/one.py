#!/usr/bin/env python3
"""Runs one bench here: one.py NAME SIZE RUNS [ours|peer]. Its runs go to stdout as one line of JSON, all else to stderr."""

import importlib.util
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIDES = ("ours", "peer")


def load(path):
    name = os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_all():
    """Every bench by name."""
    sys.path[:0] = [HERE, os.path.join(HERE, "../plugins")]
    modules = [load(f"{HERE}/{f}") for f in sorted(os.listdir(HERE)) if f.endswith("_bench.py")]
    return {m.NAME: m for m in modules}


def load_one(name):
    """The bench of that name alone: the others may need what is not there in the lab machine."""
    sys.path[:0] = [HERE, os.path.join(HERE, "../plugins")]
    for f in sorted(os.listdir(HERE)):
        if f.endswith("_bench.py"):
            with open(f"{HERE}/{f}", encoding="utf-8") as text:
                if f'NAME = "{name}"\n' in text:
                    return load(f"{HERE}/{f}")
    sys.exit(f"no bench is called {name}")


def measure(bench, run, sides):
    """One run of the sides, in turn; who begins alternates."""
    results = {}
    for side in sides if run % 2 == 0 else reversed(sides):
        began = time.monotonic()
        results[side] = getattr(bench, side)(run)
        print(f"  run {run + 1} {side}: {results[side]} ({time.monotonic() - began:.1f} s in all)", file=sys.stderr, flush=True)
    return {side: results[side] for side in sides}


def main(name, size, runs, side=None):
    # What helpers print must not get into the JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    kind = load_one(name).Bench
    bench = kind.__new__(kind)  # a set-up that fails half-way is closed as well
    try:
        bench.__init__(int(size))
        results = [measure(bench, run, [side] if side else SIDES) for run in range(int(runs))]
    finally:
        bench.close()
    print(json.dumps(results), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
