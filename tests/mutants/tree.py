"""A copy of the working tree, in which one mutant at a time is applied. The tree itself is never changed."""

import asyncio
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from tests.mutants.mutant import ROOT, Mutant

_LEFT_OUT = ("bench/",)
_MOMENTS = itertools.count(1_000_000_000)  # seconds: no two versions of a file are taken for the same by their time


class Tree:
    """A copy in `folder`, whose tests use the PostgreSQL at `server_url`; None: each process starts one of its own."""

    def __init__(self, folder: Path, server_url: str | None) -> None:
        self.folder = folder
        self._server_url = server_url

    def clean(self, pid: int) -> None:
        """Throw away the databases that a process of tests has left."""
        if self._server_url is None:
            return

        async def drop() -> None:
            db = await asyncpg.connect(self._server_url)
            for row in await db.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"waypost_{pid}_"):
                await db.execute(f'DROP DATABASE "{row["datname"]}" WITH (FORCE)')
            await db.close()

        asyncio.run(drop())

    def fill(self) -> None:
        """Copy what git knows of, or would: changes that are not committed are tested, too."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        )  # fmt: skip
        for name in listed.stdout.split("\0"):
            source = ROOT / name
            if name and not name.startswith(_LEFT_OUT) and source.is_file():
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
                target.chmod(source.stat().st_mode)

    @property
    def environment(self) -> dict[str, str]:
        """For processes that are to use this copy, and nothing of the installed package."""
        paths = (self.folder / "src", self.folder / "client" / "src", self.folder)
        server = {} if self._server_url is None else {"WAYPOST_TEST_POSTGRES_URL": self._server_url}
        return {**os.environ, **server, "PYTHONPATH": os.pathsep.join(map(str, paths))}

    @contextmanager
    def broken_by(self, mutant: Mutant) -> Iterator[None]:
        """The copy with a mutant; raises `NotApplicable`."""
        path = self.folder / mutant.path
        text = path.read_text()
        _write(path, mutant.applied_to(text))
        try:
            yield
        finally:
            _write(path, text)


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    moment = next(_MOMENTS)
    os.utime(path, (moment, moment))
