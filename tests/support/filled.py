"""A database that holds some of everything, made on the real road; and raw SQL on either engine."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from tests.support.database import connected
from tests.support.world import World, merchant
from waypost.app.commands import Adjustment, Command
from waypost.domain.adjust import LineChange
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.main import build_hub
from waypost.storage.location import SqliteLocation, parse_url
from waypost.storage.opening import open_store


async def fill(url: str) -> None:
    """Two merchants; of the first, a request in every status, one adjusted, one failed and sent again."""
    store = await open_store(url)
    hub, writer = build_hub(store)
    world = World(hub, None, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    for status in Status:
        await world.request(status)
    await world.request(merchant=world.theirs)
    adjusted = await world.request()
    change = LineChange(None, "SKU-A", acknowledge=1, secondary_acknowledge=0, cancel=2, kill=True)
    actor = world.ours.actor
    await hub.changes.change(Command(Action.ADJUST, adjusted, actor, details=Adjustment((change,))))
    again = await world.request(Status.PROCESSING_ERROR)
    await hub.changes.change(Command(Action.PROCESS, again, actor, confirm_resend=True))
    await writer.close()
    await store.close()


async def run_sql(url: str, sql: str, *args: Any) -> list[Sequence[Any]]:
    """The rows of one statement on either engine; on SQLite, foreign keys are not minded."""
    location = parse_url(url)
    if isinstance(location, SqliteLocation):
        with closing(sqlite3.connect(location.path, isolation_level=None)) as db:
            return db.execute(sql, args).fetchall()
    async with connected(location.url) as connection:
        return [tuple(row) for row in await connection.fetch(sql, *args)]
