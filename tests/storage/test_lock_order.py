"""The one order of locks on PostgreSQL: orders, requests, stock, the account's counter; each by id.

Somebody else holds a row. A batch that waits for it has locked all that comes before, and nothing that comes after.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.support.clock import ManualClock
from tests.support.commands import command, fail
from tests.support.database import rows
from tests.support.goods import stock
from tests.support.locks import held
from tests.support.merchant import Merchant
from waypost.app.changes import timed
from waypost.app.commands import Command, Done, Settled
from waypost.app.ports import Store, Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.storage import postgres

WITHIN_S = 30.0
WAITS = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'waypost writer'
  AND wait_event_type = 'Lock'"""


@pytest.fixture
def engine() -> str:
    """Only this one: on SQLite the file is locked as a whole."""
    return "postgresql"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer waits for a lock for as long as the test looks around."""
    monkeypatch.setitem(postgres._WRITER, "lock_timeout", "9000")


def batch(store: Store, clock: ManualClock, *commands: Command) -> Awaitable[list[Settled]]:
    """Settle these in one transaction."""

    async def run(tx: Tx) -> list[Settled]:
        return await timed(perform, clock)(tx, commands)

    return store.write(run)


@asynccontextmanager
async def waiting(url: str, work: Awaitable[list[Settled]], row: str) -> AsyncIterator[None]:
    """The batch waits for this row meanwhile, which is `table WHERE …`; then it is made."""
    async with held(url, f"SELECT 1 FROM {row} FOR UPDATE") as other, asyncio.timeout(WITHIN_S):
        call = asyncio.ensure_future(work)
        while not await other.fetch(WAITS):
            assert not call.done(), "it does not wait for the row at all"
            await asyncio.sleep(0.01)
        yield
    assert all(isinstance(one, Done) for one in await call)


async def is_locked(url: str, row: str) -> bool:
    """Whether somebody holds this row."""
    other = await asyncpg.connect(url)
    try:
        await other.execute(f"SELECT 1 FROM {row} FOR UPDATE NOWAIT")
    except asyncpg.LockNotAvailableError:
        return True
    finally:
        await other.close()
    return False


async def rows_of(url: str, merchant: Merchant, id_: int) -> list[str]:
    """One row of each kind that an acknowledgement locks, in the one order."""
    variant = await stock(url, merchant.account, merchant.sources[0], f"SKU-{id_}", 10)
    await rows(url, "UPDATE fulfillment_request_line SET inventory_variant_id = $1 WHERE request_id = $2", variant, id_)
    (request,) = await rows(url, "SELECT order_id FROM fulfillment_request WHERE id = $1", id_)
    return [
        f"orders WHERE id = {request['order_id']}", f"fulfillment_request_state WHERE id = {id_}",
        f"inventory_variant WHERE id = {variant}", f"account_counter WHERE account_id = {merchant.account}",
    ]  # fmt: skip


async def test_kinds_of_rows_are_locked_in_the_one_order(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    for place in range(4):
        id_ = await merchant.request(Status.PROCESSING)
        kinds = await rows_of(migrated_url, merchant, id_)
        work = batch(store, clock, command(Action.ACKNOWLEDGE, id_, merchant.actor()))
        async with waiting(migrated_url, work, kinds[place]):
            locked = [await is_locked(migrated_url, row) for row in kinds]
        assert locked == [True] * (place + 1) + [False] * (3 - place), kinds[place]


@pytest.mark.parametrize("place", [0, 1])
async def test_requests_are_locked_by_id(
    place: int, store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    """Whatever order the calls came in."""
    ids = sorted(await merchant.requests(Status.PROCESSING, Status.PROCESSING))
    states = [f"fulfillment_request_state WHERE id = {id_}" for id_ in ids]
    work = batch(store, clock, *(fail(id_, merchant.actor()) for id_ in reversed(ids)))
    async with waiting(migrated_url, work, states[place]):
        locked = [await is_locked(migrated_url, row) for row in states]
    assert locked == [True, place == 1]


async def test_orders_are_locked_by_id(
    store: Store, merchant: Merchant, clock: ManualClock, migrated_url: str
) -> None:
    ids = sorted(await merchant.requests(Status.PROCESSING, Status.PROCESSING))
    found: list[dict[str, Any]] = await rows(migrated_url, "SELECT id FROM orders ORDER BY id")
    orders = [f"orders WHERE id = {row['id']}" for row in found]
    work = batch(store, clock, *(command(Action.ACKNOWLEDGE, id_, merchant.actor()) for id_ in reversed(ids)))
    async with waiting(migrated_url, work, orders[0]):
        locked = [await is_locked(migrated_url, row) for row in orders]
    assert locked == [True, False]
