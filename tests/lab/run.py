#!/usr/bin/env python3
"""Runs scenarios in the lab machine, as root: run.py [--keep] NAME...

Each begins with a clean gateway. --keep leaves the last one running. The exit code is 0 if every check passed.
"""

import importlib.util
import os
import sys
import traceback

import check
import lab
import operators_file

SCENARIOS = f"{operators_file.HOME}/tests/scenario"


def _load(name):
    spec = importlib.util.spec_from_file_location(f"scenario_{name.replace('-', '_')}", f"{SCENARIOS}/{name}/test.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _run(name):
    subject = lab.Lab(name)
    try:
        subject.open()
        _load(name).run(subject)
    except check.Unmet:
        pass
    except Exception:  # a scenario that breaks has failed, and the next one still runs
        subject.check(f"{name} runs to its end", False, "\n" + traceback.format_exc())
    if not subject.checks.good():
        subject.dump()
    subject.checks.close()
    return subject.checks.good()


def main(arguments):
    keep = "--keep" in arguments
    names = [one for one in arguments if not one.startswith("-")]
    unknown = [one for one in names if not os.path.exists(f"{SCENARIOS}/{one}/test.py")]
    if not names or unknown or set(arguments) - set(names) - {"--keep"}:
        print("usage: run.py [--keep] NAME...", *(f"no scenario {one}" for one in unknown), sep="\n", file=sys.stderr)
        return 2
    results = [_run(name) for name in names]
    if not keep:
        lab.clear()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
