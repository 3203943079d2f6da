"""One change of a record (a source, a channel, tags, a stock figure) with its key, its dry run and its events.

What is particular to a change is its `work`; everything that contract section 1.4 asks of every change is here.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from waypost.app.actor import Actor
from waypost.app.commands import IdempotencyKey
from waypost.app.idempotency import FORMAT, same_call
from waypost.app.ports import Clocked, KeptOutcome, Store, Tx
from waypost.domain.events import Event
from waypost.domain.refusals import KeyInProgress

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
    `lock`. `restore` makes the record again from its JSON, in which a named tuple is a list; `kept` gives what of it
    may be stored for a repeat (None: all of it).
    """

    actor: Actor
    work: Callable[[Tx, int], Awaitable[Made[R]]]
    restore: Callable[[Any], R]
    lock: Callable[[Tx], Awaitable[None]] | None = None
    call_id: str | None = None
    key: IdempotencyKey | None = None
    dry_run: bool = False
    kept: Callable[[R], R] | None = None


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
    key = None if change.dry_run else change.key
    loaded = await tx.load([], [key] if key else [], [] if change.lock else [account])
    if key is not None and loaded.keys[0] is not None:
        return _replayed(change, key, loaded.keys[0])
    if change.lock is not None:
        await change.lock(tx)
        loaded = await tx.load([], [], [account])
    clocked = loaded.counters[account]
    at = max(now, clocked.last_at + 1)
    work = partial(change.work, tx, at)
    made = await (tx.rehearse(work) if change.dry_run else work())
    recorded = Recorded(made.record, bool(made.notices), dry_run=change.dry_run)
    if not change.dry_run:
        await _keep(tx, change, made, clocked, at)
    return recorded


def _replayed(change: RecordChange[R], key: IdempotencyKey, found: Any) -> Recorded[R]:
    if found is False:
        raise KeyInProgress
    _, changed, record = json.loads(same_call(found, key).outcome)
    return Recorded(change.restore(record), changed, replayed=True)


async def _keep(tx: Tx, change: RecordChange[R], made: Made[R], clocked: Clocked, at: int) -> None:
    """One event per notice, and the idempotency record."""
    actor, account = change.actor, change.actor.scope.account_id
    events = [
        Event(account, clocked.last_seq + place, at, told.subject, told.subject_id, told.type, told.from_status,
              told.to_status, actor.type, actor.id, actor.name, told.code, told.reason, change.call_id,
              None if told.data is None else _json(told.data))
        for place, told in enumerate(made.notices, 1)
    ]  # fmt: skip
    if events:
        await tx.write_events(events, at)
    if change.key is not None:
        record = made.record if change.kept is None else change.kept(made.record)
        outcome = _json([FORMAT, bool(events), record])
        await tx.keep([KeptOutcome(change.key, account, outcome)], at)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
