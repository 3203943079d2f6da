"""The most memory that a command has at any time."""

import subprocess
from pathlib import Path

import psutil

LOOK_EVERY_S = 0.01


def run_watched(command: list[str], log: Path) -> float:
    """Run it to its end, its output to `log`; its peak memory in MiB. An exit code other than 0 is an error.

    What the system counts for a process that has ended begins with the memory of the one that started it, so it is
    looked at while it runs.
    """
    peak = 0
    with log.open("ab") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        seen = psutil.Process(process.pid)
        while True:
            try:
                peak = max(peak, seen.memory_info().rss)
                code = process.wait(LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                continue
            except psutil.NoSuchProcess:
                code = process.wait()
                break
    if code:
        raise RuntimeError(f"{command} ended with {code}:\n{log.read_text()[-2000:]}")
    return float(peak) / 2**20
