"""A wire to PostgreSQL that carries nothing any more and does not say so: every wait ends, everybody is answered."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import pytest

from tests.support.commands import fail, key
from tests.support.database import rows
from tests.support.merchant import Merchant, open_merchant
from tests.support.proxy import Cut, Proxy
from waypost.app.changes import Changer
from waypost.app.ports import RequestQuery
from waypost.domain.refusals import Unavailable
from waypost.domain.statuses import Status
from waypost.storage import group_commit, postgres, postgres_reads, waiting
from waypost.storage.group_commit import GroupWriter
from waypost.storage.opening import open_store
from waypost.storage.postgres import PostgresStore

LIMIT_S = 0.4
ANSWERED_WITHIN_S = 20.0  # in all: without a limit somewhere it would be for ever

# Which of its messages the hub sends at that moment, whether the call has a key (else it goes in one statement), what its caller hears.
MOMENTS = [
    pytest.param(1, True, "no", id="begin"),
    pytest.param(2, True, "no", id="claim the key"),
    pytest.param(3, True, "no", id="lock"),
    pytest.param(4, True, "no", id="write"),
    pytest.param(5, True, "no", id="keep the outcome"),
    pytest.param(6, True, "unknown", id="commit"),
    pytest.param(1, False, "unknown", id="the one statement"),
]


@pytest.fixture
def engine() -> str:
    """Only this one."""
    return "postgresql"


@pytest.fixture
async def store(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PostgresStore]:
    """A store at the end of that wire, with short limits."""
    for name in ("COMMAND_TIMEOUT_S", "COMMIT_S", "LEARN_S", "ROLL_BACK_S", "CONNECT_TIMEOUT_S", "CLOSE_S"):
        monkeypatch.setattr(postgres, name, LIMIT_S)
    monkeypatch.setattr(postgres_reads, "CLOSE_S", LIMIT_S)
    monkeypatch.setattr(waiting, "TURN_S", 2 * LIMIT_S)
    opened = await open_store(proxy.url, migrate=False)
    assert isinstance(opened, PostgresStore)
    yield opened
    proxy.thaw()
    await opened.close()


def nth(wanted: int) -> Cut:
    """A chooser of the moment: the client's message of this number, from now on."""
    numbers = iter(range(1, wanted + 1))
    return lambda data: next(numbers) == wanted


async def frozen(proxy: Proxy) -> None:
    """Return once nothing is forwarded any more."""
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while not proxy.is_frozen:
            await asyncio.sleep(0)


async def outcomes(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    """Results and refusals, in order; fails where somebody is not answered."""
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        return list(await asyncio.gather(*calls, return_exceptions=True))


@pytest.mark.parametrize(("moment", "keyed", "applied"), MOMENTS)
async def test_a_change_that_meets_a_stuck_wire_is_answered_and_so_are_those_behind_it(
    moment: int, keyed: bool, applied: str, store: PostgresStore, proxy: Proxy, migrated_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(group_commit, "QUEUE_S", LIMIT_S / 2)
    merchant = await open_merchant(store)
    ids = await merchant.requests(*[Status.PROCESSING] * 6)
    writer = GroupWriter(store)
    changer = Changer(writer, lambda: 10)
    for id_ in ids[:2]:  # statements are known to the server by now
        await changer.change(fail(id_, merchant.actor()), key(f"known {id_}") if keyed else None)

    proxy.freeze_before = nth(moment)
    first = asyncio.ensure_future(changer.change(fail(ids[2], merchant.actor()), key("first") if keyed else None))
    await frozen(proxy)
    told = await outcomes([first, *(changer.change(fail(id_, merchant.actor())) for id_ in ids[3:5])])
    assert [(type(one), one.applied) for one in told] == [(Unavailable, a) for a in (applied, "no", "no")]

    proxy.thaw()
    await _works_again(changer, merchant, ids[5])
    states = await rows(migrated_url, "SELECT id, status FROM fulfillment_request_state ORDER BY id")
    status = {row["id"]: row["status"] for row in states}
    assert [status[id_] for id_ in ids[3:6]] == ["processing", "processing", "processing_error"]
    if applied == "no":
        assert status[ids[2]] == "processing"
    await writer.close()


async def _works_again(changer: Changer, merchant: Merchant, id_: int) -> None:
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while True:
            try:
                await changer.change(fail(id_, merchant.actor()))
                return
            except Unavailable:
                await asyncio.sleep(0.01)


async def test_connecting_through_a_stuck_wire_ends(store: PostgresStore, proxy: Proxy) -> None:
    merchant = await open_merchant(store)
    proxy.drop()
    proxy.freeze()
    ready = asyncio.ensure_future(store.ready())
    (told, read) = await outcomes([ready, store.reads.count_requests(RequestQuery(merchant.actor().scope))])
    assert (type(told), type(read)) == (Unavailable, Unavailable)


async def test_who_waits_for_the_turn_waits_no_longer_than_the_limit(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_merchant(store)
    for name in ("COMMAND_TIMEOUT_S", "WORK_S"):
        monkeypatch.setattr(postgres, name, ANSWERED_WITHIN_S)
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold(tx: Any) -> None:
        held.set()
        await let_go.wait()

    holding = asyncio.create_task(store.write(hold))
    await held.wait()
    (told,) = await outcomes([store.write(lambda tx: tx.fetch("SELECT 1"))])
    assert isinstance(told, Unavailable)
    assert told.applied == "no"
    let_go.set()
    await holding


@pytest.mark.parametrize(("moment", "keyed", "applied"), MOMENTS)
async def test_giving_up_answers_everybody_at_once(
    moment: int, keyed: bool, applied: str, store: PostgresStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    merchant = await open_merchant(store)
    ids = await merchant.requests(*[Status.PROCESSING] * 4)
    for name in ("COMMAND_TIMEOUT_S", "COMMIT_S", "LEARN_S", "CONNECT_TIMEOUT_S"):
        monkeypatch.setattr(postgres, name, 10 * ANSWERED_WITHIN_S)
    proxy.drop()  # the connection with the short limits
    writer = GroupWriter(store)
    changer = Changer(writer, lambda: 10)
    await _works_again(changer, merchant, ids[0])
    await changer.change(fail(ids[3], merchant.actor()), key("known"))  # its statements are known to the server
    proxy.freeze_before = nth(moment)
    calls = [asyncio.ensure_future(changer.change(fail(ids[1], merchant.actor()), key("k") if keyed else None))]
    await frozen(proxy)
    calls += [asyncio.ensure_future(changer.change(fail(ids[2], merchant.actor())))]
    calls += [asyncio.ensure_future(store.reads.account(merchant.account))]
    await asyncio.sleep(0.05)
    assert not any(call.done() for call in calls)
    store.give_up()
    told = await outcomes(calls)
    assert [(type(one), one.applied) for one in told] == [(Unavailable, a) for a in (applied, "no", "no")]
    begun = time.monotonic()
    await writer.close(LIMIT_S)
    await store.close()
    assert time.monotonic() - begun < ANSWERED_WITHIN_S
