import subprocess

import operators_file

PROGRAM = f"{operators_file.HOME}/build/release/tests/lab/known"
GOLDENS = ("ipv6", "vlan", "shared", "mapped", "machine", "limits")


def run(lab):
    done = subprocess.run([PROGRAM, *GOLDENS], capture_output=True, text=True, timeout=600, check=False)
    lab.check("what is remembered of the kernel is what it holds, from each of six configurations to each other",
        done.returncode == 0, done.stdout + done.stderr)
