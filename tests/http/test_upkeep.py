"""What the hub forgets by itself, and what it must not: idempotency keys of a day, messages that still wait."""

import asyncio
import io
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.checking import adds_up
from tests.support.clock import ManualClock
from tests.support.database import rows
from tests.support.world import World, merchant
from waypost.app import upkeep, webhooks
from waypost.app.hub import Hub
from waypost.app.ports import Store
from waypost.app.upkeep import DELIVERIES_KEPT_S, list_snoozes, purge
from waypost.domain.refusals import Unavailable
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.outgoing.targets import Targets
from waypost.wire.scalars import format_datetime

HOUR_S = 3600
FAIL = "/fulfillment-requests/{}/processing-failed?error=x"
KEY = {"Idempotency-Key": "k-1"}


@pytest.fixture
async def timed_world(store: Store, clock: ManualClock) -> AsyncIterator[World]:
    """Two merchants and the application, under a clock that is told."""
    hub, writer = build_hub(store, Targets(()), clock)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    yield World(hub, app, await merchant(hub, "ours"), await merchant(hub, "theirs"))
    await writer.close()


async def purged(hub: Hub, broken: int = 0) -> None:
    """One round of the chore, by a store that tells when it has been written to for the third time.

    `broken`: which of the three writes fails.
    """
    done, ended = asyncio.Event(), 0

    async def write(work: Any) -> Any:
        nonlocal ended
        try:
            if ended + 1 == broken:
                raise Unavailable("something of it is locked", 1)
            return await hub.store.write(work)
        finally:
            ended += 1
            if ended == 3:
                done.set()

    chore = asyncio.ensure_future(purge(cast(Hub, SimpleNamespace(clock=hub.clock, store=SimpleNamespace(write=write)))))
    async with asyncio.timeout(30):
        await done.wait()
    chore.cancel()
    await asyncio.wait([chore])


async def test_a_key_is_kept_for_a_day(timed_world: World, clock: ManualClock, migrated_url: str) -> None:
    client, (first, later) = timed_world.client(), await timed_world.requests(2)
    reply = await client.patch(FAIL.format(first), headers=KEY)
    assert reply.status == 204
    clock.advance(12 * HOUR_S)
    assert (await client.patch(FAIL.format(later), headers={"Idempotency-Key": "k-2"})).status == 204
    clock.advance(12 * HOUR_S - 1)
    await purged(timed_world.hub)
    again = await client.patch(FAIL.format(first), headers=KEY)
    assert (again.status, again.headers["idempotent-replayed"]) == (204, "true")
    clock.advance(60)
    await purged(timed_world.hub)
    left = await rows(migrated_url, "SELECT key FROM idempotency_key")
    assert [row["key"] for row in left] == ["k-2"]
    assert (await client.patch(FAIL.format(first), headers=KEY)).status == 400  # made again: it has failed already
    clock.advance(12 * HOUR_S)
    await purged(timed_world.hub)
    assert await rows(migrated_url, "SELECT key FROM idempotency_key") == []


async def webhook(world: World, migrated_url: str, **waiting: tuple[str, int]) -> int:
    """One that these messages were for: by name, status and when they were written."""
    body = {"configurationName": "desk", "webhookUrl": "https://example.com/hook", "subscribedEvents": ["*"]}
    hook: int = (await world.client().post("/webhook/configurations", json=body)).json()["id"]
    for name, (status, at) in waiting.items():
        sql = """INSERT INTO webhook_delivery
            (webhook_id, message_id, name, status, attempts, log, created_at, updated_at, next_at)
          VALUES ($1, $2, 'order.created', $3, 1, '[]', $4, $4, $5)"""
        await rows(migrated_url, sql, hook, name, status, at, at if status == "pending" else None)
    return hook


LOG = "SELECT message_id, status, next_at FROM webhook_delivery ORDER BY id"


async def test_what_is_old_and_over_is_forgotten(timed_world: World, clock: ManualClock, migrated_url: str) -> None:
    """Of the log of a webhook; a message that still waits is none of it, however old it is, and whether it is sent or not."""
    old = clock() - (DELIVERIES_KEPT_S + 60) * 1_000_000
    await webhook(timed_world, migrated_url, waits=("pending", old), arrived=("delivered", old), failed=("failed", old),
                  late=("delivered", old + 120 * 1_000_000))  # fmt: skip
    stopped = await webhook(timed_world, migrated_url, paused=("pending", old))
    disabled = {"status": "disabled"}
    assert (await timed_world.client().patch(f"/webhook/configurations/{stopped}", json=disabled)).status == 200
    await purged(timed_world.hub)
    left = await rows(migrated_url, LOG)
    assert [(row["message_id"], row["status"]) for row in left] == [
        ("waits", "pending"), ("late", "delivered"), ("paused", "pending"),
    ]  # fmt: skip


async def test_what_waits_for_an_endpoint_that_is_deleted_has_failed(
    timed_world: World, clock: ManualClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of it at once, the rest in the end; and it is forgotten as everything is."""
    monkeypatch.setattr(webhooks, "ENDED_AT_ONCE", 2)
    first = await webhook(timed_world, migrated_url, stays=("pending", clock()))
    gone = await webhook(timed_world, migrated_url, **{f"m{n}": ("pending", clock() - n) for n in range(4)})
    deleted = await timed_world.client().patch(f"/webhook/configurations/{gone}", json={"status": "deleted"})
    assert deleted.status == 200
    ended = [row["message_id"] for row in await rows(migrated_url, LOG) if row["status"] == "failed"]
    assert ended == ["m0", "m1"]
    await purged(timed_world.hub)
    left = {row["message_id"]: (row["status"], row["next_at"] is None) for row in await rows(migrated_url, LOG)}
    assert left == {"stays": ("pending", False), **{f"m{n}": ("failed", True) for n in range(4)}}
    clock.advance(DELIVERIES_KEPT_S + 60)
    await purged(timed_world.hub)
    assert [row["message_id"] for row in await rows(migrated_url, LOG)] == ["stays"]
    assert (await timed_world.client().get(f"/webhook/configurations/{first}")).json()["status"] == "active"


@pytest.mark.parametrize("broken", [1, 2, 3])
async def test_what_cannot_be_forgotten_now_keeps_nothing_else(
    timed_world: World, clock: ManualClock, migrated_url: str, broken: int
) -> None:
    """Keys, what waits for deleted endpoints, and the log are three; one of them fails."""
    (request,) = await timed_world.requests(1)
    assert (await timed_world.client().patch(FAIL.format(request), headers=KEY)).status == 204
    clock.advance(DELIVERIES_KEPT_S + 60)
    gone = await webhook(timed_world, migrated_url, waits=("pending", clock()))
    await rows(migrated_url, "UPDATE webhook SET status = 'deleted' WHERE id = $1", gone)
    await webhook(timed_world, migrated_url, arrived=("delivered", 0))
    await purged(timed_world.hub, broken)
    keys = await rows(migrated_url, "SELECT key FROM idempotency_key")
    log = {row["message_id"]: row["status"] for row in await rows(migrated_url, LOG)}
    left = [keys != [], log["waits"] == "pending", "arrived" in log]
    assert left == [broken == place for place in (1, 2, 3)]


async def snoozes_listed(hub: Hub, monkeypatch: pytest.MonkeyPatch, broken: int | None = None) -> None:
    """One round of the chore, as long as there is something to do. `broken`: the account for which it fails."""
    rounds = 0

    async def accounts(now: int) -> list[int]:
        nonlocal rounds
        rounds += 1
        if rounds > 1:
            done.set()
            return []
        return await hub.reads.accounts_with_outdated_snoozes(now)

    async def write(work: Any) -> Any:
        if work.keywords["account_id"] == broken:
            raise Unavailable("something of it is locked", 1)
        return await hub.store.write(work)

    done = asyncio.Event()
    monkeypatch.setattr(upkeep, "LIST_SNOOZES_EVERY_S", 0)
    monkeypatch.setattr(upkeep, "SNOOZES_AT_ONCE", 1)
    reads = SimpleNamespace(accounts_with_outdated_snoozes=accounts)
    seen = SimpleNamespace(clock=hub.clock, store=SimpleNamespace(write=write), reads=reads)
    chore = asyncio.ensure_future(list_snoozes(cast(Hub, seen)))
    async with asyncio.timeout(30):
        await done.wait()
    chore.cancel()
    await asyncio.wait([chore])


async def test_what_was_snoozed_is_shown_from_that_moment_on(
    timed_world: World, clock: ManualClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not the hub has come by since to list it so; after that it costs what any other costs."""
    client, ids = timed_world.client(), await timed_world.requests(4)
    until = format_datetime(clock() + HOUR_S * 1_000_000)
    care = [{}, {"snoozedUntil": until}, {"snoozedUntil": until, "assignee": "Mei"}, {"snoozedUntil": "2999-01-01"}]
    for id_, edit in zip(ids, care, strict=True):
        await client.patch(FAIL.format(id_))
        await client.patch(f"/fulfillment-requests/{id_}", json=edit)

    async def shown(query: str = "") -> list[int]:
        [group] = (await client.get(f"/attention{query}")).json()["groups"]
        assert group["total"] == len(group["items"])
        assert group["oldestAt"] == group["items"][0]["since"]
        return [item["subject"]["id"] for item in group["items"]]

    async def marks() -> list[int]:
        return [row["care"] for row in await rows(migrated_url, "SELECT care FROM attention_item ORDER BY subject_id")]

    assert (await shown(), await marks()) == (ids[:1], [0, 2, 3, 2])
    clock.advance(HOUR_S)
    for expected in ([0, 2, 3, 2], [0, 0, 1, 2]):
        assert await marks() == expected
        assert await shown() == ids[:3]
        assert await shown("?snoozed=true") == ids
        assert await shown("?assignee=Mei") == [ids[2]]
        assert await shown("?unassigned=true") == ids[:2]
        await snoozes_listed(timed_world.hub, monkeypatch)
    await adds_up(migrated_url)
    # One that fails again is not snoozed by what has ended, whatever it is listed as.
    await client.patch(f"/fulfillment-requests/{ids[2]}/process?confirm=resend")
    await client.patch(FAIL.format(ids[2]))
    assert await shown() == ids[:3]


async def test_a_snooze_outlives_a_clock_that_ran_ahead(
    timed_world: World, clock: ManualClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both one that it ended too early, and one that began after it was set back."""
    client, ids = timed_world.client(), await timed_world.requests(2)
    for id_ in ids:
        await client.patch(FAIL.format(id_))
    until = format_datetime(clock() + HOUR_S * 1_000_000)
    await client.patch(f"/fulfillment-requests/{ids[0]}", json={"snoozedUntil": until})
    clock.advance(24 * HOUR_S)
    await snoozes_listed(timed_world.hub, monkeypatch)
    await client.patch(f"/fulfillment-requests/{ids[1]}", json={"note": "as of tomorrow"})
    assert (await client.get("/attention")).json()["total"] == 2
    clock.advance(-24 * HOUR_S)
    await client.patch(f"/fulfillment-requests/{ids[1]}", json={"snoozedUntil": until})
    await snoozes_listed(timed_world.hub, monkeypatch)
    assert (await client.get("/attention")).json()["total"] == 0
    clock.advance(HOUR_S)
    assert (await client.get("/attention")).json()["total"] == 2
    await adds_up(migrated_url)


async def test_snoozes_of_an_account_do_not_wait_for_anothers(
    timed_world: World, clock: ManualClock, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = format_datetime(clock() + HOUR_S * 1_000_000)
    for merchant_ in (timed_world.ours, timed_world.theirs):
        client, id_ = timed_world.client(merchant=merchant_), await timed_world.request(merchant=merchant_)
        await client.patch(FAIL.format(id_))
        await client.patch(f"/fulfillment-requests/{id_}", json={"snoozedUntil": until})
    clock.advance(HOUR_S)

    async def snoozed() -> list[int]:
        sql = "SELECT account_id FROM attention_item WHERE care <> 0 ORDER BY account_id"
        return [row["account_id"] for row in await rows(migrated_url, sql)]

    first, second = await snoozed()
    await snoozes_listed(timed_world.hub, monkeypatch, broken=first)
    assert await snoozed() == [first]
    await snoozes_listed(timed_world.hub, monkeypatch, broken=second)
    assert await snoozed() == []
