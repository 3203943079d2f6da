"""A plugin for pytest that writes what became of each test as lines of JSON, for `tests.mutants.verdict`."""

import json
import os
from pathlib import Path

import pytest

RECORD = "WAYPOST_MUTANTS_RECORD"  # names the file


class Recorder:
    """Appends a line for each phase of a test, and for each file that cannot be collected."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _write(self, **line: str) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What could not be collected."""
        if report.failed:
            self._write(test=report.nodeid, phase="collect", outcome="failed", message=_message(report), log="")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Setup, call and teardown of each test."""
        # What the hub logs of its own defects is part of why a test has failed.
        log = report.caplog + report.capstderr if report.failed else ""
        self._write(
            test=report.nodeid, phase=report.when or "", outcome=report.outcome, message=_message(report), log=log
        )  # fmt: skip


def _message(report: pytest.CollectReport | pytest.TestReport) -> str:
    """The first line of the error: its type and its words."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr or "")
    return text.strip().partition("\n")[0]


def pytest_configure(config: pytest.Config) -> None:
    """Record, where a file is named for that; of the processes of xdist, only the one that hears of all tests."""
    path = os.environ.get(RECORD)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)), "waypost-mutants-recorder")
