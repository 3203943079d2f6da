"""Reading from PostgreSQL: a pool of read-only connections; look-ups by id that arrive together are one query."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from waypost.app.actor import Scope
from waypost.app.large_work import LargeWork
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.refusals import Unavailable
from waypost.storage.dialect import POSTGRES
from waypost.storage.gathering import Gathering
from waypost.storage.postgres_faults import CONNECT_TIMEOUT_S, FAULTS, WAITED, is_bad_value, unavailable
from waypost.storage.queries import postgres
from waypost.storage.read_queue import ReadQueue
from waypost.storage.reading import CommonReads, request_of
from waypost.storage.sealing import SecretBox
from waypost.storage.waiting import Limits

T = TypeVar("T")

READERS = 6
CLOSE_S = 1.0
RELEASE_S = 0.5  # for the end of a query whose caller has left
_CANNOT_READ = "The database cannot be read now."
LOOK_UPS = 2  # readers that no list or count takes
# A plan is kept until the tables are analysed again: one that was made while a table held ten rows would read all of it
# for each of the rows that it holds a minute later. Every statement here has an index to go by, and compiling plans
# takes longer than any of them runs. Merging two tables walks one of them from its first row to the first that is
# wanted: a page at the end of a long table, or of an account that came late, would cost what all before it costs.
# Hashing walks the whole of one: all items of all shipments, while nobody had analysed them yet, to ship one request.
# Sorting what an index has in parts hopes for small parts; an account is one part.
# Nothing here is worth the start of another process.
# No plan depends on values: planning took longer than most calls run, and to look up 500 keys in a table without
# statistics seemed to take longer than to walk through all of an account.
BY_INDEX = {
    "enable_seqscan": "off", "enable_mergejoin": "off", "enable_hashjoin": "off", "enable_incremental_sort": "off",
    "jit": "off", "max_parallel_workers_per_gather": "0", "plan_cache_mode": "force_generic_plan",
}  # fmt: skip
# A page that is asked for in the order of an index is walked in it: a planner that expects few rows would rather find
# and sort them all. What is to be sorted (`ORDER BY +id`) has no index that gives its order.
_READER = {
    **BY_INDEX,
    "enable_sort": "off",
    "application_name": "waypost reader",
    "default_transaction_read_only": "on",
    "statement_timeout": "5000",
}


class _Reader(asyncpg.Connection):
    """A reading connection: it never holds anything that would have to be reset."""

    def get_reset_query(self) -> str:
        """Nothing to reset: saves a round trip per read."""
        return ""


_Seen = tuple[int, int, int | None, int | None]  # a request's id, and the scope that asks for it


def _version_of(row: Sequence[Any]) -> int:
    version: int = row[1]
    return version


def _request_of(row: Sequence[Any]) -> FulfillmentRequest:
    return request_of(row[1:])


class PostgresReads(CommonReads):
    """Reads from a pool of read-only connections."""

    dialect = POSTGRES

    def __init__(self, url: str, box: SecretBox) -> None:
        self._url = url
        self.secrets = box
        self._pool: asyncpg.Pool[Any] | None = None
        self._opening = asyncio.Lock()
        self._given_up = False
        self._limits = Limits()  # of the waits for connections
        self.large = LargeWork()
        self.queue = ReadQueue(READERS - LOOK_UPS, self.large)
        self._versions = Gathering(self._look_up_versions)
        self._requests = Gathering(self._look_up_requests)

    async def _acquired(self) -> "tuple[asyncpg.Pool[Any], PoolConnectionProxy[Any]]":
        """The pool and one of its connections, within the time that connecting may take; `give_up` ends the wait."""
        if self._given_up:
            raise Unavailable("The server is stopping.", retry_after_s=1)
        async with self._limits.within(CONNECT_TIMEOUT_S):
            pool = self._pool or await self._open()
            return pool, await pool.acquire()

    async def _open(self) -> "asyncpg.Pool[Any]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(  # noqa: TID251 - they write nothing
                    self._url, min_size=1, max_size=READERS, server_settings=_READER, connection_class=_Reader,
                    timeout=CONNECT_TIMEOUT_S, command_timeout=10,
                )  # fmt: skip
            return self._pool

    async def quick(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """See `CommonReads`."""
        try:
            return await self._fetched(sql, args)
        except asyncpg.QueryCanceledError as error:
            message = "The database did not answer in time: another process may hold a lock."
            raise unavailable(message, error) from error
        except FAULTS as error:
            if is_bad_value(error):
                raise
            raise unavailable(_CANNOT_READ, error) from error

    async def _fetched(self, sql: str, args: Sequence[Any]) -> list[Sequence[Any]]:
        """All rows. A connection on which anything went wrong but the time is closed: the pool opens another one."""
        pool, db = await self._acquired()
        try:
            rows: list[Sequence[Any]] = await db.fetch(sql, *args)
            return rows
        except FAULTS as error:
            if not isinstance(error, WAITED):
                with suppress(asyncpg.InterfaceError):  # it was lost, and the pool has noticed already
                    db.terminate()
            raise
        finally:
            # A query whose caller has left is ended first. The pool closes a connection that does not end it in time.
            with suppress(Exception):
                await pool.release(db, timeout=RELEASE_S)

    async def slow(self, sql: str, *args: Any) -> list[Sequence[Any]]:
        """See `CommonReads`. Some connections are always left to look-ups by key."""
        async with self.queue.slot():
            try:
                return await self._fetched(sql, args)
            except asyncpg.QueryCanceledError as error:
                raise Unavailable("The query took too long: narrow its filters.", retry_after_s=1) from error
            except FAULTS as error:
                if is_bad_value(error):
                    raise
                raise unavailable(_CANNOT_READ, error) from error

    @property
    def read_paths(self) -> tuple[Callable[[str], Awaitable[Sequence[Sequence[Any]]]], ...]:
        """One read through each kind of connection that no read waits for."""
        return (self.quick,)

    @property
    def queued_path(self) -> Callable[[str], Awaitable[Sequence[Sequence[Any]]]]:
        """A read for who holds a slot of the queue."""
        return self.quick

    async def version(self, scope: Scope, request_id: int) -> int | None:
        """The version of one request, looked up together with what others ask for now."""
        return await self._versions.ask((request_id, *scope))

    async def request(self, scope: Scope, request_id: int) -> FulfillmentRequest | None:
        """One request with its lines, in one trip, together with what others ask for now."""
        return await self._requests.ask((request_id, *scope))

    async def _look_up(self, sql: str, seen: Sequence[_Seen], read: Callable[[Sequence[Any]], T]) -> list[T | None]:
        found: list[T | None] = [None] * len(seen)
        for row in await self.quick(sql, *map(list, zip(*seen, strict=True))):
            found[row[0] - 1] = read(row)
        return found

    async def _look_up_versions(self, seen: Sequence[_Seen]) -> list[int | None]:
        return await self._look_up(postgres.VERSIONS, seen, _version_of)

    async def _look_up_requests(self, seen: Sequence[_Seen]) -> list[FulfillmentRequest | None]:
        return await self._look_up(postgres.REQUESTS_WITH_LINES, seen, _request_of)

    async def server_time(self) -> int:
        """The server's clock, in microseconds since 1970."""
        sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
        told: int = (await self.quick(sql))[0][0]
        return told

    def give_up(self) -> None:
        """End every read that is under way, and refuse further ones: the process stops."""
        self._given_up = True
        self._limits.end()
        if self._pool is not None:
            self._pool.terminate()

    async def close(self) -> None:
        """Close the pool; what does not end in time is cut off."""
        if self._pool is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), CLOSE_S)
            self._pool.terminate()
