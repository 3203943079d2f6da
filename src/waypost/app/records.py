"""One change of a record (a source, a channel, tags, a stock figure) with its dry run and its events.

What is particular to a change is its `work`; everything that contract section 1.4 asks of every change is here.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from waypost.app.actor import Actor
from waypost.app.ports import Clocked, Store, Tx
from waypost.domain.events import Event

R = TypeVar("R")


class Notice(NamedTuple):
    """An event of the change: what happened to which record. `data` becomes a JSON object."""

    subject: str
    subject_id: int
    type: str
    data: Mapping[str, Any] | None = None
    from_status: str | None = None
    to_status: str | None = None
    code: str | None = None
    reason: str | None = None


class Made(NamedTuple, Generic[R]):
    """What the work came to: the record as it is now, and what is told of it. No notice: it was so already."""

    record: R
    notices: tuple[Notice, ...] = ()


class RecordChange(NamedTuple, Generic[R]):
    """One change as asked for.

    `work` reads, judges and writes in the open transaction; it gets the time of the change (microseconds) and raises
    what it refuses, which undoes everything. The account's counter is locked then, so changes of one account take
    turns. Rows that come before the counter in the order of locks (orders, requests, stock variants) are locked by
    `lock`. `type` is that of the record.
    """

    actor: Actor
    work: Callable[[Tx, int], Awaitable[Made[R]]]
    type: type[R]
    lock: Callable[[Tx], Awaitable[None]] | None = None
    call_id: str | None = None
    dry_run: bool = False


class Recorded(NamedTuple, Generic[R]):
    """A success: the record afterwards (of a dry run: as it would be), and whether anything changed."""

    record: R
    changed: bool
    replayed: bool = False
    dry_run: bool = False


async def record_changes(tx: Tx, changes: Sequence[RecordChange[Any]], now: int) -> list[Recorded[Any]]:
    """Make them one after the other, all or none."""
    return [await _record(tx, change, now) for change in changes]


async def record_now(store: Store, change: RecordChange[R], now: int) -> Recorded[R]:
    """Make one in a transaction of its own, for callers without a writer, such as the command line."""
    return await store.write(partial(_record, change=change, now=now))


async def _record(tx: Tx, change: RecordChange[R], now: int) -> Recorded[R]:
    account = change.actor.scope.account_id
    if change.lock is not None:
        await change.lock(tx)
    clocked = (await tx.load([], [account])).counters[account]
    at = max(now, clocked.last_at + 1)
    work = partial(change.work, tx, at)
    made = await (tx.rehearse(work) if change.dry_run else work())
    if made.notices and not change.dry_run:
        await tx.write_events(_events(change, made, clocked, at), at)
    return Recorded(made.record, bool(made.notices), dry_run=change.dry_run)


def _events(change: RecordChange[R], made: Made[R], clocked: Clocked, at: int) -> list[Event]:
    """One for each notice."""
    actor, account = change.actor, change.actor.scope.account_id
    return [
        Event(account, clocked.last_seq + place, at, told.subject, told.subject_id, told.type, told.from_status,
              told.to_status, actor.type, actor.id, actor.name, told.code, told.reason, change.call_id,
              None if told.data is None else json.dumps(told.data, ensure_ascii=False, separators=(",", ":")))
        for place, told in enumerate(made.notices, 1)
    ]  # fmt: skip
