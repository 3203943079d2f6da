"""Processes of Waypost that need not import it: each is forked from one that has, which saves half a second each.

From then on it is what `python -m waypost` is: a process of its own with its own arguments, environment and signals,
which ends as an interpreter ends. What is about the start itself (what is imported, what a process list shows, under
which limits it runs) begins a new interpreter: see `ServerProcess.run_by`, `fault/test_start.py`, `cli/test_root.py`.
"""

import asyncio
import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

_MORE = ("waypost.main", "waypost.server.server", "waypost.storage.exclusive", "waypost.storage.migrations.run",
         "waypost.storage.postgres", "waypost.storage.sqlite")  # fmt: skip
_SIZE = 2**20  # of a message, at most
# Variables that the loader and the interpreter read at their start, which is over in what is forked.
_READ_AT_THE_START = ("LD_", "PYTHON")


def may_be_forked(environment: Mapping[str, str]) -> bool:
    """Whether a process with this environment starts as this one did: else it needs a new interpreter."""
    names = [name for name in {*environment, *os.environ} if name.startswith(_READ_AT_THE_START)]
    return all(environment.get(name) == os.environ.get(name) for name in names)


class Forked:
    """One process, as `asyncio.subprocess.Process` shows it; from any event loop."""

    def __init__(
        self, arguments: tuple[str, ...], environment: Mapping[str, str], output: Path, errors: Path | None = None
    ) -> None:
        """Begin it. What it prints is appended to `output`, line by line, with its errors unless `errors` is given."""
        assert may_be_forked(environment), "this environment would not be heeded"
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.connect(_parent())
        mask = os.umask(0o077)
        os.umask(mask)
        asked = {"arguments": arguments, "environment": dict(environment), "folder": os.getcwd(), "mask": mask,
                 "files": ["/dev/null", str(output), str(errors or output)]}  # fmt: skip
        self._link.send(json.dumps(asked).encode())
        self.pid = int(self._link.recv(_SIZE))
        self._link.setblocking(False)
        self._code: int | None = None

    @property
    def returncode(self) -> int | None:
        """Its exit code; minus the signal that ended it; None: it runs."""
        if self._code is None:
            try:
                self._ended(self._link.recv(_SIZE))
            except BlockingIOError:
                return None
        return self._code

    async def wait(self) -> int:
        """The same, once it has ended."""
        if self.returncode is None:
            self._ended(await asyncio.get_running_loop().sock_recv(self._link, _SIZE))
        assert self._code is not None
        return self._code

    def _ended(self, told: bytes) -> None:
        self._code = int(told)
        self._link.close()

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


@cache
def _parent() -> str:
    """Where the process listens that others are forked from; it ends with this one."""
    folder = tempfile.TemporaryDirectory(prefix="waypost-forked-")
    path = f"{folder.name}/s"
    command = [sys.executable, "-m", "tests.support.forked", path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"listening\n"
    return path


def _next(listening: socket.socket) -> dict[str, Any]:
    """In the process that is to become Waypost: what was asked for. The others stay in here, and end."""
    while True:
        # Whoever asks holds the other end of stdin: it can be read at its end only.
        is_over = sys.stdin in select.select([listening, sys.stdin], [], [])[0]
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if is_over:
            sys.exit()
        link, _ = listening.accept()
        if os.fork() == 0:
            break
        link.close()
    listening.close()
    asked: dict[str, Any] = json.loads(link.recv(_SIZE))
    pid = os.fork()
    if pid == 0:
        link.close()
        return asked
    link.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    link.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(asked: dict[str, Any]) -> None:
    """Run Waypost, as in a new interpreter."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    time.tzset()
    os.chdir(asked["folder"])
    os.umask(asked["mask"])
    for number, file in enumerate(asked["files"]):
        opened = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv = ["waypost", *asked["arguments"]]
    runpy.run_module("waypost", run_name="__main__", alter_sys=True)


def _listen(path: str) -> None:
    from waypost.cli import COMMANDS

    for module in (*(entry.module for entry in COMMANDS.values()), *_MORE):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # memory that is not written to is shared
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(64)
        print("listening", flush=True)
        asked = _next(listening)
    _become(asked)


if __name__ == "__main__":
    _listen(sys.argv[1])
