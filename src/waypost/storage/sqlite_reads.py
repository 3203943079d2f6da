"""Reading from SQLite: look-ups by key in the event loop, what may take its time on reader threads.

No connection here is ever in a transaction, so none has anything to roll back. A connection that failed is closed,
and opened again by the next read.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from waypost.app.actor import Scope
from waypost.app.large_work import LargeWork
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.refusals import Unavailable
from waypost.storage.dialect import SQLITE
from waypost.storage.queries import requests
from waypost.storage.read_queue import ReadQueue
from waypost.storage.reading import CommonReads, request_of
from waypost.storage.sealing import SecretBox
from waypost.storage.sqlite_file import (
    FAULTS,
    ReadingConnection,
    connect,
    is_busy,
    is_interrupted,
    translated,
    unavailable,
)

Rows = list[Sequence[Any]]

READ_TIMEOUT_S = 5.0
READERS = 3
BUSY_MS = 5_000  # a reader thread waits so long for a lock; the event loop never waits for one
READER_CACHE_KIB = 4_000  # a slow query walks far more than a cache holds; the system's own cache serves it
# A list or count is tried in the loop first, where a page costs less than a change of threads. One that takes more
# than these steps (about a millisecond) is given up there, and a reader thread does it.
STEPS_PER_LOOK = 4_000
LOOKS_IN_LOOP = 8
STRAIGHT_RUNS = 50  # how often a statement that was given up goes straight to a thread
LONG_STATEMENTS = 500  # that are remembered so
_STEPS_PER_CLOCK = 20_000  # steps between two looks at the clock: well under a millisecond
_REQUEST = requests.with_lines(SQLITE)
_CANNOT_READ = "The database cannot be read now."


class SqliteReads(CommonReads):
    """Look-ups by key on one connection in the loop's thread, short lists on another, the rest on reader threads."""

    dialect = SQLITE

    def __init__(self, path: Path, box: SecretBox) -> None:
        self.secrets = box
        self._by_key = ReadingConnection(lambda: connect(path, read_only=True))
        self._in_loop = ReadingConnection(lambda: connect(path, read_only=True))
        self._straight_runs: OrderedDict[str, int] = OrderedDict()  # left, by statement
        self.large = LargeWork()
        self.queue = ReadQueue(READERS, self.large)
        self._threads = _ReaderThreads(path, self.queue)

    async def quick(self, sql: str, *args: Any) -> Rows:
        """See `CommonReads`."""
        text = translated(sql)
        try:
            return self._by_key.fetch(text, args)
        except FAULTS as error:
            if not is_busy(error):
                raise unavailable(_CANNOT_READ, error) from error
        return await self._threads.read(text, args)

    async def slow(self, sql: str, *args: Any) -> Rows:
        """See `CommonReads`."""
        text = translated(sql)
        if not self.large.is_crowded and not self._goes_straight(text):
            try:
                return self._in_loop.fetch(text, args, _Looks().are_over, STEPS_PER_LOOK)
            except FAULTS as error:
                if not (is_interrupted(error) or is_busy(error)):
                    raise unavailable(_CANNOT_READ, error) from error
            self._straight_runs[text] = STRAIGHT_RUNS
            if len(self._straight_runs) > LONG_STATEMENTS:
                self._straight_runs.popitem(last=False)
        return await self._threads.read(text, args)

    def _goes_straight(self, text: str) -> bool:
        """Whether this statement was given up in the loop lately; counts the run."""
        left = self._straight_runs.get(text)
        if left is None:
            return False
        if left > 1:
            self._straight_runs[text] = left - 1
        else:
            del self._straight_runs[text]
        return True

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None:
        """One request with its lines, in one statement: as it was at one moment."""
        rows = await self.quick(_REQUEST, request_id, *scope)
        return request_of(rows[0]) if rows else None

    @property
    def read_paths(self) -> tuple[Callable[[str], Awaitable[Rows]], ...]:
        """One read through each kind of connection that no read waits for."""
        return self.quick, self._in_the_loop

    @property
    def queued_path(self) -> Callable[[str], Awaitable[Rows]]:
        """A read on a thread, for who holds a slot of the queue."""
        return self._threads.run

    async def _in_the_loop(self, sql: str) -> Rows:
        try:
            return self._in_loop.fetch(translated(sql), (), lambda: False, STEPS_PER_LOOK)  # it is short
        except FAULTS as error:
            raise unavailable(_CANNOT_READ, error) from error

    async def on_thread(self, sql: str) -> Rows:
        """A read that goes to a thread at once."""
        return await self._threads.read(translated(sql), ())

    def close(self) -> None:
        """Wait for the readers, then close every connection."""
        self._threads.close()
        self._in_loop.drop()
        self._by_key.drop()


class _Looks:
    """Counts the looks at a read in the loop."""

    def __init__(self) -> None:
        self._left = LOOKS_IN_LOOP

    def are_over(self) -> bool:
        """Whether the read has had its share of the loop's time."""
        self._left -= 1
        return self._left < 0


class _Read:
    """One read on a thread; it ends early once its caller has gone, or its time is over."""

    def __init__(self, sql: str, args: Sequence[Any]) -> None:
        self.sql = sql
        self.args = args
        self.abandoned = False
        self._until = time.monotonic() + READ_TIMEOUT_S

    def is_over(self) -> bool:
        """Whether to give up."""
        return self.abandoned or time.monotonic() > self._until


class _ReaderThreads:
    """Threads with a connection each; as many reads as threads at once, the others wait their turn in the loop."""

    def __init__(self, path: Path, queue: ReadQueue) -> None:
        self._queue = queue
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._idle: SimpleQueue[ReadingConnection] = SimpleQueue()
        for _ in range(READERS):
            self._idle.put(
                ReadingConnection(lambda: connect(path, read_only=True, cache_kib=READER_CACHE_KIB, busy_ms=BUSY_MS))
            )

    async def read(self, sql: str, args: Sequence[Any]) -> Rows:
        """All rows; raises `Unavailable`. Interrupted when the caller is cancelled."""
        async with self._queue.slot():
            return await self.run(sql, args)

    async def run(self, sql: str, args: Sequence[Any] = ()) -> Rows:
        """The same, for who holds a slot of the queue."""
        read = _Read(sql, args)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, read)
        except FAULTS as error:
            if is_interrupted(error):
                raise Unavailable("The query took too long: narrow its filters.", retry_after_s=1) from error
            raise unavailable(_CANNOT_READ, error) from error
        finally:
            read.abandoned = True

    def _run(self, read: _Read) -> Rows:
        connection = self._idle.get()
        try:
            return connection.fetch(read.sql, read.args, read.is_over, _STEPS_PER_CLOCK)
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Wait for the threads, then close their connections."""
        self._pool.shutdown(wait=True)
        while not self._idle.empty():
            self._idle.get().drop()
