"""Test support: one line for each thing checked, and a closing line for the scenario."""

import time


class Unmet(Exception):
    """What the rest of a scenario stands on did not happen; the scenario ends here."""


class Checks:
    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, []
        self._start = time.monotonic()

    def check(self, text, condition, detail=""):
        """One claim; its line; whether it holds. detail says what was seen instead."""
        if condition:
            self.passed += 1
            print(f"  ok   {text}", flush=True)
        else:
            self.failed.append(f"  FAIL {text}{': ' if detail != '' else ''}{detail}")
            print(self.failed[-1], flush=True)
        return bool(condition)

    def require(self, text, condition, detail=""):
        if not self.check(text, condition, detail):
            raise Unmet(text)

    def good(self):
        """Whether every check passed, and there was one."""
        return self.passed > 0 and not self.failed

    def close(self):
        """Prints the scenario's line, after what failed once more: the end of a log tells all."""
        seconds = time.monotonic() - self._start
        for line in self.failed:
            print(line)
        verdict = "ok  " if self.good() else "FAIL"
        print(f"{verdict} {self.name} ({seconds:.1f} s, {self.passed} passed, {len(self.failed)} failed)", flush=True)



def poll(predicate, limit=60, every=0.4):
    """Asks until the answer is true or limit seconds have passed; the last answer."""
    end = time.monotonic() + limit
    while True:
        answer = predicate()
        left = end - time.monotonic()
        if answer or left <= 0:
            return answer
        time.sleep(min(every, left))


def explain(text):
    """A line below a check: what was seen."""
    print(f"         {text}", flush=True)
