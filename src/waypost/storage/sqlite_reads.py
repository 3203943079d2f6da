"""Reading from SQLite: look-ups by key in the event loop, what may take its time on reader threads."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from waypost.domain.refusals import Unavailable
from waypost.storage.dialect import SQLITE
from waypost.storage.reading import CommonReads
from waypost.storage.sqlite_file import connect, translated

READ_TIMEOUT_S = 5.0
READERS = 3
READER_CACHE_KIB = 4_000  # a slow query walks far more than a cache holds; the system's own cache serves it
# A list or count is tried in the loop first, where a page costs less than a change of threads; what takes more than
# this many steps (about a millisecond) is given up there and done by a reader thread.
_STEPS_PER_LOOK = 4_000
LOOKS_IN_LOOP = 8
_FAR = 10**12  # looks that never run out: look-ups by key are not given up
_PROGRESS_STEPS = 20_000  # virtual machine steps between two looks at the clock: well under a millisecond


class SqliteReads(CommonReads):
    """Look-ups on one connection in the loop's thread; slow queries on reader threads, interrupted in time.

    Locking the file for every look-up costs more than the look-up. So one snapshot serves all look-ups of one
    round of the loop, unless this process commits meanwhile. What was asked in a round had arrived before its
    snapshot was taken, so that whoever knows of a commit, of whatever process, sees it.
    """

    dialect = SQLITE

    def __init__(self, path: Path) -> None:
        self._quick = connect(path, read_only=True)
        self._snapshot: asyncio.Handle | None = None
        self._looks = -_FAR
        self._quick.set_progress_handler(self._look, _STEPS_PER_LOOK)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for _ in range(READERS):
            self._idle.put(connect(path, read_only=True, cache_kib=READER_CACHE_KIB))

    async def quick(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonReads`."""
        try:
            if self._snapshot is None:
                self._quick.execute("BEGIN")
                self._snapshot = asyncio.get_running_loop().call_soon(self.refresh)
            return self._quick.execute(translated(sql), args).fetchall()
        except sqlite3.OperationalError as error:
            self.refresh()
            raise Unavailable("The database cannot be read now.") from error

    def refresh(self) -> None:
        """Let the snapshot go: the next look-up sees what has been committed since."""
        if self._snapshot is not None:
            self._snapshot.cancel()
            self._snapshot = None
            self._quick.execute("ROLLBACK")

    async def slow(self, sql: str, *args: Any) -> Sequence[Sequence[Any]]:
        """See `CommonReads`."""
        self._looks = 0
        try:
            return await self.quick(sql, *args)
        except Unavailable:
            if self._looks <= LOOKS_IN_LOOP:
                raise
        finally:
            self._looks = -_FAR
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, translated(sql), args)

    def _look(self) -> bool:
        """Called every so many steps of the look-up connection: whether the query is to be given up here."""
        self._looks += 1
        return self._looks > LOOKS_IN_LOOP

    def _read(self, sql: str, args: Sequence[Any]) -> Sequence[Sequence[Any]]:
        db = self._idle.get()
        deadline = time.monotonic() + READ_TIMEOUT_S
        db.set_progress_handler(lambda: time.monotonic() > deadline, _PROGRESS_STEPS)
        try:
            return db.execute(sql, args).fetchall()
        except sqlite3.OperationalError as error:
            raise Unavailable("The query took too long: narrow its filters.", retry_after_s=1) from error
        finally:
            db.set_progress_handler(None, 0)
            self._idle.put(db)

    def close(self) -> None:
        """Wait for the readers, then close every connection."""
        self.refresh()
        self._readers.shutdown(wait=True)
        while not self._idle.empty():
            self._idle.get().close()
        self._quick.close()
