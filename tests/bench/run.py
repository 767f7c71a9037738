#!/usr/bin/env python3
"""Runs benches and writes their report: run.py [--small] [--runs N] [--json FILE] [PATTERN]; run.py --names here|lab lists them.

--small: one run of each at its small size, and the report's shape is checked. The exit code is 0 unless a bench could
not run: figures are never asserted. Where LAB names lab.sh, a lab machine is running already and is used.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import one

LAB_SH = "tests/lab/lab.sh"
KEYS = {"name": str, "what": str, "ours": float, "peer": float, "unit": str, "ratio": float, "goal": (float, type(None)),
        "met": (bool, type(None)), "runs": list}
OF_OURS = "The goal is for ours in every run"  # ends what is measured, where the goal is for no ratio


def _run_one(prefix, home, *arguments):
    """What one.py says, run behind prefix (a way into the lab, or nothing)."""
    done = subprocess.run([*prefix, "python3", "-S", "-B", f"{home}/tests/bench/one.py", *map(str, arguments)],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=False)
    lines = done.stdout.decode().splitlines()
    if done.returncode or not lines:
        raise RuntimeError(f"one.py {' '.join(map(str, arguments))}: exit code {done.returncode}")
    return json.loads(lines[-1])


def _run_each_booted(name, size, runs, into=("run", "/share")):
    """Every measurement in a lab of its own; who begins alternates here as well. into: how lab.sh is called, and where
    the checkout is then."""
    command, home = into
    results = []
    for run in range(runs):
        row = {}
        for side in one.SIDES if run % 2 == 0 else reversed(one.SIDES):
            row[side] = _run_one([LAB_SH, command], home, name, size, 1, side)[0][side]
        results.append({side: row[side] for side in one.SIDES})
    return results


def _runs_of(module, size, runs):
    if not module.LAB:
        return _run_one([], ".", module.NAME, size, runs)
    driven = module.LAB.startswith("drive")
    if "LAB" in os.environ and driven:
        return _run_one([], ".", module.NAME, size, runs)
    if "LAB" in os.environ:
        return _run_one([os.environ["LAB"], "ssh"], "/share", module.NAME, size, runs)
    subprocess.run(["make", "-f", "rules.mk", "--no-print-directory", "build/lab/disk.ext4"], check=True)
    if module.LAB == "boot-each":
        return _run_each_booted(module.NAME, size, runs)
    if module.LAB == "drive-each":
        return _run_each_booted(module.NAME, size, runs, ("boot", "."))
    if driven:
        return _run_one([LAB_SH, "boot"], ".", module.NAME, size, runs)
    return _run_one([LAB_SH, "run"], "/share", module.NAME, size, runs)


def _row(module, runs):
    ours, peer = (float(statistics.median(r[side]["value"] for r in runs)) for side in one.SIDES)
    ratio = ours / peer if peer else 0.0
    what, goal = module.WHAT, getattr(module, "GOAL_OURS", None)
    if goal is not None:
        what += f". {OF_OURS}"
        met = all(r["ours"]["value"] <= goal for r in runs)
    else:
        goal = module.GOAL
        met = None if goal is None else ratio <= goal
    return {"name": module.NAME, "what": what, "ours": ours, "peer": peer, "unit": module.UNIT, "ratio": round(ratio, 4),
            "goal": goal, "met": met, "runs": runs}


def check_shape(row, runs, noisy):
    """What every reader of bench.json relies on. noisy: a figure may be lost in noise, and not be positive."""
    assert list(row) == list(KEYS), list(row)
    for key, kind in KEYS.items():
        assert isinstance(row[key], kind), (key, row[key])
    assert len(row["runs"]) == runs and (noisy or (row["peer"] > 0 and row["ours"] >= 0)), row
    assert all(isinstance(r[side]["value"], (int, float)) for r in row["runs"] for side in one.SIDES), row["runs"]


def _figure(value):
    return f"{value:.4g}"


def print_table(rows):
    lines = [("bench", "ours", "peer", "unit", "ratio", "goal", "")]
    for r in rows:
        of = "ours, each" if r["what"].endswith(OF_OURS) else "ratio"
        goal = "-" if r["goal"] is None else f"{of} <= {_figure(r['goal'])}"
        met = {None: "", True: "met", False: "missed"}[r["met"]]
        lines.append((r["name"], _figure(r["ours"]), _figure(r["peer"]), r["unit"], _figure(r["ratio"]), goal, met))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def _save(path, rows):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(f"{path}.new", "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1, ensure_ascii=False)
        f.write("\n")
    os.rename(f"{path}.new", path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", default="build/reports/bench.json")
    parser.add_argument("--names", choices=("here", "lab"))
    parser.add_argument("pattern", nargs="?", default="")
    options = parser.parse_args()
    if options.names:
        print(*(name for name, m in one.load_all().items() if bool(m.LAB) == (options.names == "lab")), sep="\n")
        return 0
    runs = 1 if options.small else options.runs
    rows, failed = [], []
    known = one.load_all()
    modules = [known[options.pattern]] if options.pattern in known else [m for name, m in known.items() if options.pattern in name]
    if not modules:
        sys.exit(f"no bench is called *{options.pattern}*")
    for module in modules:
        size = module.SMALL if options.small else module.SIZE
        print(f"{module.NAME}: size {size}, {runs} runs", file=sys.stderr, flush=True)
        try:
            row = _row(module, _runs_of(module, size, runs))
            check_shape(row, runs, options.small and getattr(module, "DIFFERENCE", False))
        except (RuntimeError, AssertionError, KeyError, subprocess.CalledProcessError) as error:
            print(f"{module.NAME}: could not run: {error}", file=sys.stderr, flush=True)
            failed.append(module.NAME)
            continue
        rows.append(row)
        _save(options.json, rows)  # after each: an interrupt keeps what was measured
    if rows:
        print_table(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
