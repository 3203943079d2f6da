"""A golden database in place, and today's program on it, under a clock that goes on where the old release stopped."""

import asyncio
import io
import ipaddress
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from click.testing import CliRunner, Result

from tests.golden.files import DATABASE, DUMP, KEYS, Golden, Story
from tests.support.asgi import Client, Reply
from tests.support.database import is_sqlite, plain, rows, several
from waypost.cli import waypost
from waypost.delivery.lanes import Limits
from waypost.delivery.worker import Worker
from waypost.events.webhooks import Webhooks
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub, close_hub
from waypost.outgoing.calling import Caller
from waypost.outgoing.targets import Targets
from waypost.storage.key_file import KeyFile
from waypost.storage.opening import open_store

LOOPBACK = Targets((ipaddress.ip_network("127.0.0.0/8"),))
LIVELY = Limits(idle_s=0.05, quiet_s=0.1, settings_s=0.1, retries_s=0.1)
AFTER_US = 60_000_000  # the new release starts a minute after the old one stopped
_TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'",
    False: "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}
Contents = dict[str, list[Any]]


class Place(NamedTuple):
    """Where a golden database lies. `key_file`: what to give to the program; None: it has its own."""

    golden: Golden
    story: Story
    url: str
    key_file: Path | None
    folder: Path  # what was unpacked, and room for more


def command(place: Place, *arguments: object, url: str | None = None) -> Result:
    """Run a command of today's program on it, as a person would; `url`: on another database, with the same key."""
    key_file = [] if place.key_file is None else ["--secret-key-file", str(place.key_file)]
    return CliRunner().invoke(waypost, [*key_file, *map(str, arguments), "--database", url or place.url])


def ok(place: Place, *arguments: object, url: str | None = None) -> str:
    """The same, which must succeed; what it printed."""
    done = command(place, *arguments, url=url)
    assert done.exit_code == 0, done.output
    return done.stdout


def found_by_check(place: Place) -> set[str]:
    """The kinds of findings of `waypost check`."""
    done = command(place, "check", "--json")
    assert done.exit_code in (0, 1), done.output
    return {one["check"] for one in json.loads(done.stdout)["findings"]}


def on_sqlite(golden: Golden, folder: Path) -> Place:
    """Unpack a golden file of SQLite."""
    return Place(golden, golden.unpack(folder), f"sqlite:///{folder / DATABASE}", None, folder)


def on_postgres(golden: Golden, folder: Path, url: str) -> Place:
    """Unpack a dump and load it into the empty database `url`. Who upgrades from a release without a key file makes one."""
    story, keys = golden.unpack(folder), folder / KEYS
    asyncio.run(_load(url, (folder / DUMP).read_text()))
    if not keys.exists():
        KeyFile(keys).make()
    return Place(golden, story, url, keys, folder)


async def _load(url: str, dump: str) -> None:
    db = await asyncpg.connect(url)
    try:
        await db.execute(dump)
    finally:
        await db.close()


async def everything(url: str) -> Contents:
    """Every row of every table, in an order that does not depend on the engine."""
    names = sorted(row["name"] for row in await rows(url, _TABLES[is_sqlite(url)]))
    found = await several(url, [f'SELECT * FROM "{name}"' for name in names])
    return {name: sorted((as_pairs(row) for row in table), key=repr) for name, table in zip(names, found, strict=True)}


def as_pairs(row: dict[str, Any]) -> list[tuple[str, Any]]:
    """A row's columns by name: the order of columns is not the same in a table that was widened."""
    return sorted((name, plain(value)) for name, value in row.items())


class Program:
    """Today's program on a database that was migrated: its API, and its work in the background."""

    def __init__(self, story: Story, hub: Any, writer: Any, app: Any) -> None:
        self.story = story
        self.hub = hub
        self._writer = writer
        self._app = app

    def client(self, token: str = "account") -> Client:
        """A client with one of the old tokens."""
        return Client(self._app, self.story.tokens[token])

    async def ask(
        self, method: str, target: str, token: str = "account", body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """One call; the body byte for byte."""
        given = dict(headers or {})
        if body is not None:
            given["Content-Type"] = "application/json"
        return await self.client(token).call(method, target, given, None if body is None else body.encode())

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Requests are handed over and events are sent meanwhile."""
        stop = asyncio.Event()
        worker = Worker(self.hub.reads, self._writer, self.hub.clock, self.hub.kinds, LIVELY)
        sender = Webhooks(self.hub, self._writer, Caller(LOOPBACK), look_every_s=0.02)
        tasks = [asyncio.create_task(job.run(stop)) for job in (worker, sender)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)


@asynccontextmanager
async def running(place: Place) -> AsyncIterator[Program]:
    """The program on a database that stands at today's schema."""
    store = await open_store(place.url, migrate=False, create=False, key_file=place.key_file)
    (last,) = await rows(place.url, "SELECT max(last_at) AS at FROM account_counter")
    ahead = last["at"] + AFTER_US - time.monotonic_ns() // 1000
    hub, writer = build_hub(store, LOOPBACK, lambda: time.monotonic_ns() // 1000 + ahead)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    try:
        yield Program(place.story, hub, writer, app)
    finally:
        await close_hub(hub, writer)
