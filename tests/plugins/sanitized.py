"""charon under ASan and UBSan: STRONGSWAN must name that build of it, and plugins must have been built the same way."""

import re

import ike_lab
from ike_lab import STRONGSWAN

# What sanitizers write: an ASan report, a leak report, a line of UBSan.
REPORT = re.compile(r"^==\d+==ERROR: .*|^.*: runtime error: .*", re.MULTILINE)
REPORTED = 86  # the exit code of a charon that a sanitizer ended


class Sanitized:
    """Mixed in before a Charon."""

    unpatched = False  # libcharon without what reproducer_test.py is about

    @property
    def environment(self):
        """For swanctl as well, whose leaks nobody minds."""
        return dict(super().environment, ASAN_OPTIONS="check_printf=0:detect_leaks=0")

    @property
    def wrapper(self):
        # What OpenSSL keeps until the end is not ours.
        with open(f"{self.folder}/lsan.supp", "w", encoding="ascii") as f:
            f.write("leak:libcrypto\n")
        libraries = [f"LD_LIBRARY_PATH={STRONGSWAN}/unpatched"] if self.unpatched else []
        return ("env", *libraries, f"ASAN_OPTIONS=check_printf=0:detect_leaks=1:exitcode={REPORTED}", "UBSAN_OPTIONS=print_stacktrace=1",
                f"LSAN_OPTIONS=suppressions={self.folder}/lsan.supp:print_suppressions=0")

    def reports(self):
        """The first lines of all that sanitizers have said."""
        return REPORT.findall(self.read_log())

    def end(self):
        """Stops it. It must have run until now, end by itself, and no sanitizer may have said a word, of leaks neither."""
        self.alive()
        code = self.stop()
        assert not self.reports() and code == 0, f"{self.name} ended with {code}: {self.report_text()}"

    def report_text(self):
        """The first report, with its stacks."""
        log = self.read_log()
        found = REPORT.search(log)
        return log[found.start():found.start() + 6000] if found else log[-2000:]


class Charon(Sanitized, ike_lab.Charon):
    """As the carrier runs."""


class Gateway(Sanitized, ike_lab.Gateway):
    """With our plugins."""
