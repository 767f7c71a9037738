"""CPU seconds, wall seconds and memory of processes."""

import os
import subprocess
import time


def cpu_of(pid):
    """CPU seconds of a process so far, all its threads, to the microsecond: its clock as clock_getcpuclockid(3) names it."""
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid):
    """KiB of a process in memory."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Rss:"))


def costs(client, daemon, wall):
    """CPU seconds of who loads and of charon, wall seconds."""
    return {"cpu": round(client + daemon, 4), "wall": round(wall, 4), "cpu_client": round(client, 4),
            "cpu_daemon": round(daemon, 4)}


def run_measured(command, charged=(), **options):
    """Runs a command. Its output, and {"cpu", "wall"}: the CPU seconds of the command (its children too) and of the
    processes charged (pids) meanwhile."""
    before = sum(cpu_of(pid) for pid in charged)
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    own = usage.ru_utime + usage.ru_stime
    charged_cpu = sum(cpu_of(pid) for pid in charged) - before
    if process.returncode:
        raise RuntimeError(f"{command}: {output[-2000:]}")
    return output, costs(own, charged_cpu, wall)
