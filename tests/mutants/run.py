"""Runs mutants: each in a copy of the tree, with its tests and a control, in a bounded time.

First all the tests run without any mutant, and must pass.
"""

import argparse
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.mutants.breakages import MUTANTS
from tests.mutants.mutant import Mutant, NotApplicable
from tests.mutants.recorder import RECORD
from tests.mutants.tree import Tree
from tests.mutants.verdict import Found, Line, Verdict, judge, judge_baseline
from tests.support.postgres import PostgresServer

CONTROL = "tests/mutants/test_control.py::test_the_hub_still_works"
_PURE = ("tests/domain/", "tests/wire/", "tests/server/")  # no database
TEST_S = 120  # each test
MUTANT_S = 300  # all tests of a mutant
BASELINE_S = 1800


class Result(NamedTuple):
    """What became of a mutant, in how long."""

    mutant: Mutant
    found: Found
    took_s: float


class TookTooLong(Exception):
    """The tests did not end."""


class Ran(NamedTuple):
    """A run of tests: its record, and what pytest printed."""

    lines: list[Line]
    printed: str


_running: set["subprocess.Popen[bytes]"] = set()


def run_tests(tree: Tree, tests: Sequence[str], within_s: float, *more: str) -> Ran:
    """Run these tests in `tree`; raises `TookTooLong`."""
    record = tree.folder / "record.jsonl"
    record.unlink(missing_ok=True)
    command = [
        sys.executable, "-m", "pytest", "-p", "tests.mutants.recorder", "-p", "no:cacheprovider", "--tb=line",
        "--timeout", str(TEST_S), *more, *tests,
    ]  # fmt: skip
    with tempfile.TemporaryFile("w+") as printed:
        # A group of its own: what the tests have started ends with them.
        process = subprocess.Popen(
            command, cwd=tree.folder, env={**tree.environment, RECORD: str(record)}, stdout=printed,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        _running.add(process)
        try:
            process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise TookTooLong from None
        finally:
            _end(process)
            tree.clean(process.pid)
        printed.seek(0)
        text = printed.read()
    lines = record.read_text().splitlines() if record.exists() else []
    return Ran([Line(**json.loads(line)) for line in lines], text)


def _end(process: "subprocess.Popen[bytes]") -> None:
    _running.discard(process)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def control_of(mutant: Mutant) -> str:
    """The control on the engines that the mutant's tests are about."""
    for engine in ("sqlite", "postgresql"):
        if all(f"[{engine}" in test or test.startswith(_PURE) for test in mutant.tests):
            return f"{CONTROL}[{engine}]"
    return CONTROL


def run_mutant(tree: Tree, mutant: Mutant) -> Found:
    """The verdict on one mutant."""
    try:
        with tree.broken_by(mutant):
            ran = run_tests(tree, (control_of(mutant), *mutant.tests), MUTANT_S)
    except NotApplicable as error:
        return Found(Verdict.NOT_APPLIED, str(error))
    except TookTooLong:
        return Found(Verdict.HUNG, f"its tests did not end within {MUTANT_S} s")
    if not ran.lines:
        return Found(Verdict.INVALID, ran.printed.strip()[-400:])
    return judge(ran.lines, mutant.tests, control_of(mutant))


@contextmanager
def trees(count: int) -> Iterator["queue.Queue[Tree]"]:
    """So many copies of the tree, each with a server: databases that others make would disturb what is counted."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="waypost-mutants-"))
        idle: queue.Queue[Tree] = queue.Queue()
        for place in range(count):
            server = stack.enter_context(PostgresServer())
            tree = Tree(Path(folder) / str(place), server.url("postgres"))
            tree.folder.mkdir()
            tree.fill()
            idle.put(tree)
        try:
            yield idle
        finally:
            for process in list(_running):
                _end(process)


def baseline(tree: Tree, mutants: Sequence[Mutant], jobs: int) -> list[str]:
    """What is wrong without any mutant."""
    named = list(dict.fromkeys(test for mutant in mutants for test in mutant.tests))
    try:
        alone = Tree(tree.folder, None)
        ran = run_tests(alone, (CONTROL, *named), BASELINE_S, "-n", str(jobs), "--dist", "worksteal")
    except TookTooLong:
        return [f"the tests did not end within {BASELINE_S} s"]
    return judge_baseline(ran.lines, (CONTROL, *named)) if ran.lines else [ran.printed.strip()[-2000:]]


def run_all(mutants: Sequence[Mutant], jobs: int, tell: Callable[[Result], None]) -> list[Result]:
    """All of them, `jobs` at once; each is told of as it ends. Ends the process where the baseline is not good."""
    with trees(jobs) as idle:
        tree = idle.get()
        where = subprocess.run(
            [sys.executable, "-c", "import waypost; print(waypost.__file__)"], cwd=tree.folder, env=tree.environment,
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        if not Path(where.strip()).is_relative_to(tree.folder):
            sys.exit(f"The tests would not use the copy, but {where.strip()}.")
        wrong = baseline(tree, mutants, jobs)
        idle.put(tree)
        if wrong:
            sys.exit("Without any mutant:\n" + "\n".join(wrong))
        telling = threading.Lock()

        def one(mutant: Mutant) -> Result:
            mine = idle.get()
            begun_s = time.monotonic()
            try:
                result = Result(mutant, run_mutant(mine, mutant), time.monotonic() - begun_s)
            finally:
                idle.put(mine)
            with telling:
                tell(result)
            return result

        pool = ThreadPoolExecutor(jobs)
        try:
            return list(pool.map(one, mutants))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(result: Result, in_full: bool) -> None:
    tells = in_full or result.found.verdict is not Verdict.CAUGHT
    why = f": {result.found.why}" if tells else ""
    print(f"{result.found.verdict:12} {result.took_s:5.1f} s  {result.mutant.name}{why}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; 0 if all are caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Break the source; tests must see it.")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="how many at once (2)")
    parser.add_argument("--list", action="store_true", help="only list them")
    parser.add_argument("-v", "--verbose", action="store_true", help="say how each is noticed")
    parser.add_argument("names", nargs="*", help="of mutants, or beginnings of names; all, if none is given")
    asked = parser.parse_args(arguments)
    mutants = [one for one in MUTANTS if not asked.names or one.name.startswith(tuple(asked.names))]
    if asked.list:
        for one in mutants:
            print(f"{one.name}\n    {one.harm}\n    {one.path}")
        return 0
    if not mutants:
        parser.error("no mutant has such a name")
    for number in (signal.SIGINT, signal.SIGTERM):  # what was started is ended then
        signal.signal(number, signal.default_int_handler)
    begun_s = time.monotonic()
    results = run_all(mutants, asked.jobs, lambda result: _tell(result, asked.verbose))
    bad = [result for result in results if result.found.verdict is not Verdict.CAUGHT]
    print(f"{len(results) - len(bad)} of {len(results)} mutants are caught, in {time.monotonic() - begun_s:.0f} s.")
    return 1 if bad else 0
