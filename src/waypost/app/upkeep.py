"""What a hub does for itself every so often: the clock, the size of its files, and records that are old enough."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from waypost.app.hub import Hub
from waypost.app.idempotency import KEPT_FOR_S
from waypost.app.ports import Durability, Tx

KEEP_TIME_EVERY_S = 5.0
GIVE_BACK_EVERY_S = 5.0
PURGE_EVERY_S = 60.0
LIST_SNOOZES_EVERY_S = 15.0
SNOOZES_AT_ONCE = 100  # items a transaction
LOOK_AT_SETTINGS_EVERY_S = 60.0
PURGE_AT_FIRST, PURGE_AT_MOST = 10, 1000  # rows a transaction; what is kept may be short or long
PURGE_FOR_S = 0.005  # a transaction: on SQLite others wait meanwhile
DELIVERIES_KEPT_S = 30 * 24 * 3600  # in the log of a webhook, once they have ended
END_S = 1.0

_log = logging.getLogger("waypost.upkeep")

Chore = Callable[[Hub], Awaitable[None]]


@asynccontextmanager
async def tending(hub: Hub, *chores: Chore) -> AsyncIterator[None]:
    """These endless chores run meanwhile; at the end they are cancelled."""
    tasks = [asyncio.ensure_future(chore(hub)) for chore in chores]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=END_S)


async def keep_time(hub: Hub) -> None:
    """Know the database's clock, whoever sets which clock meanwhile."""
    while True:
        await asyncio.sleep(KEEP_TIME_EVERY_S)
        try:
            await hub.store.keep_time()
        except Exception as error:
            _log.info("the database's clock cannot be read; its time goes on from the last reading: %s", error)


async def give_back_space(hub: Hub) -> None:
    """Let the database shorten its files."""
    while True:
        await asyncio.sleep(GIVE_BACK_EVERY_S)
        try:
            await hub.store.give_back_space()
        except Exception as error:
            _log.info("the files of the database stay long for now: %s", error)


async def purge(hub: Hub) -> None:
    """Forget idempotency records and webhook deliveries once they are old enough; end what waits for deleted ones."""

    async def keys(tx: Tx, limit: int) -> int:
        return await tx.purge_keys(hub.clock() - KEPT_FOR_S * 1_000_000, limit)

    async def deliveries(tx: Tx, limit: int) -> int:
        return await tx.purge_deliveries(hub.clock() - DELIVERIES_KEPT_S * 1_000_000, limit)

    async def waiting(tx: Tx, limit: int) -> int:
        return await tx.end_waiting_for_deleted(hub.clock(), limit)

    while True:
        for old in (keys, waiting, deliveries):
            try:
                await _forget(hub, old)
            except Exception as error:
                _log.warning("old records stay for now: %s", error)
        await asyncio.sleep(PURGE_EVERY_S)


async def _forget(hub: Hub, old: Callable[[Tx, int], Awaitable[int]]) -> None:
    """All that is old, in short transactions. `old` forgets at most so many, and says how many it were."""

    async def some(tx: Tx, limit: int) -> tuple[int, float]:
        began = time.perf_counter()
        return await old(tx, limit), time.perf_counter() - began

    limit, is_more = PURGE_AT_FIRST, True
    while is_more:
        forgotten, took_s = await hub.store.write(partial(some, limit=limit))
        is_more = forgotten == limit
        limit = next_limit(limit, took_s)


async def list_snoozes(hub: Hub) -> None:
    """List as snoozed no more what has been snoozed for long enough, and as snoozed what is again: the clock ran ahead.

    Who reads the list sees what has ended from that moment on, whether or not this has come by; but each that is still
    listed as snoozed then costs every reader a little.
    """

    async def some(tx: Tx, account_id: int) -> int:
        await tx.load((), [account_id])
        return await tx.list_snoozes(account_id, hub.clock(), SNOOZES_AT_ONCE)

    while True:
        try:
            for account_id in await hub.reads.accounts_with_outdated_snoozes(hub.clock()):
                try:
                    while await hub.store.write(partial(some, account_id=account_id)):
                        pass
                except Exception as error:  # perhaps only what is locked for this account
                    _log.warning("account %d: ended snoozes stay on the attention list for now: %s", account_id, error)
        except Exception as error:
            _log.warning("ended snoozes stay on the attention list for now: %s", error)
        await asyncio.sleep(LIST_SNOOZES_EVERY_S)


def next_limit(limit: int, took_s: float) -> int:
    """How many rows to delete in the next transaction, if `limit` took so many seconds."""
    return min(2 * limit, PURGE_AT_MOST) if took_s < PURGE_FOR_S / 2 else max(1, int(limit * PURGE_FOR_S / took_s))


async def watch_settings(hub: Hub) -> None:
    """Tell the log, at the start and whenever it changes, what the database's settings mean for answered changes."""
    known = Durability()
    while True:
        try:
            found = await hub.store.durability()
            for note in set(found.notes) - set(known.notes):
                _log.info("%s", note)
            for warning in found.warnings:
                if warning not in known.warnings:
                    _log.warning("%s", warning)
            if known.warnings and not found.warnings:
                _log.info("The settings of the database are safe again: answered changes are on its disk.")
            known = found
        except Exception as error:
            _log.info("the settings of the database cannot be read now: %s", error)
        await asyncio.sleep(LOOK_AT_SETTINGS_EVERY_S)


CHORES: tuple[Chore, ...] = (watch_settings, keep_time, give_back_space)
"""What every process does that stays."""
