"""A process that has been asked to end does so, even when one of its threads hangs."""

import subprocess
import sys

PROGRAM = """
import threading, time
from waypost import last_resort
last_resort.LAST_RESORT_S = 0.2
threading.Thread(target=time.sleep, args=(3600,)).start()  # as a name server that does not answer
resort = last_resort.LastResort()
resort.set()
resort.set()
"""


def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, b"something hangs: the process ends without waiting for it\n")


def test_one_that_ends_by_itself_is_left_alone() -> None:
    program = PROGRAM.replace("3600", "1").replace("resort.set()\n", "resort.set()\nresort.cancel()\n")
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def test_a_log_that_hangs_does_not_keep_the_process() -> None:
    """As a pipe that nobody reads any more: both lines of the end would wait for ever."""
    hanging = """
import logging, time
class Hanging(logging.Handler):
    def emit(self, record): time.sleep(3600)
logging.basicConfig(handlers=[Hanging()], level="INFO")
"""
    assert subprocess.run([sys.executable, "-c", hanging + PROGRAM], timeout=60, check=False).returncode == 1
