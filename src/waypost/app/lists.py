"""Calls that change a list of requests at once: bulk, and a source's pull of what it is to fulfil.

Each is one transaction and one batch of its own; an idempotency key belongs to the call as a whole.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, Done, IdempotencyKey, Settled, scopes_of
from waypost.app.desk import Desk
from waypost.app.idempotency import FORMAT, keep, restored_done, same_call
from waypost.app.ports import KeptOutcome, Tx
from waypost.app.transitions import ask_for, close
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import KeyInProgress, Refusal

PULL_AT_MOST = 100  # requests (contract section 2.3)


class BulkResult(NamedTuple):
    """One line of a bulk reply: what the single call would have answered. `code` is None for a success."""

    request_id: int
    version: int | None
    code: str | None
    dry_run: bool = False


class Bulk(NamedTuple):
    """A bulk call. Its commands carry no keys of their own."""

    commands: tuple[Command, ...]
    key: IdempotencyKey | None


class BulkDone(NamedTuple):
    """Results in the order of the commands."""

    action: Action
    results: tuple[BulkResult, ...]
    replayed: bool = False


def _result(command: Command, settled: Settled) -> BulkResult:
    if isinstance(settled, Done):
        return BulkResult(command.request_id, settled.version, None, settled.dry_run)
    return BulkResult(command.request_id, None, settled.code)


async def perform_bulk(tx: Tx, bulks: Sequence[Bulk], now: int) -> list[BulkDone | Refusal]:
    """Settle bulk calls. A refused item leaves the others alone."""
    return [await _perform_one(tx, bulk, now) for bulk in bulks]


async def _perform_one(tx: Tx, bulk: Bulk, now: int) -> BulkDone | Refusal:
    commands, key = bulk
    loaded = await tx.load([ask_for(c) for c in commands], [key] if key else [], scopes_of(commands))
    record = loaded.keys[0] if key else None
    if key and record is False:
        return KeyInProgress()
    if key and record is not None and record is not True and record is not False:
        try:
            rows = json.loads(same_call(record, key).outcome)[1]
        except Refusal as refusal:
            return refusal
        results = tuple(BulkResult(*row) for row in rows)
        return BulkDone(commands[0].action, results, replayed=True)
    desk = Desk(loaded, now)
    results = tuple(_result(command, desk.settle(place, command)) for place, command in enumerate(commands))
    if key and not commands[0].dry_run:
        account = commands[0].actor.scope.account_id
        desk.keep(KeptOutcome(key, account, json.dumps([FORMAT, results])))
    await close(tx, desk, commands)
    return BulkDone(commands[0].action, results)


class Pull(NamedTuple):
    """A source's (or the merchant's) pull of what stands in Processing."""

    actor: Actor
    source_id: int | None
    call_id: str | None
    key: IdempotencyKey | None = None


class Pulled(NamedTuple):
    """What was handed over by this pull, oldest first."""

    done: tuple[Done, ...]
    replayed: bool = False


async def pull(tx: Tx, pulls: Sequence[Pull], now: int) -> list[Pulled | Refusal]:
    """Read and move from Processing to Processed; each request is handed to one pull only."""
    return [await _pull_one(tx, one, now) for one in pulls]


async def _pull_one(tx: Tx, asked: Pull, now: int) -> Pulled | Refusal:
    scope: Scope = asked.actor.scope
    ids = await tx.oldest_processing(scope, asked.source_id, PULL_AT_MOST)
    commands = [Command(Action.PROCESSED, id_, asked.actor, asked.call_id, reason="picked up") for id_ in ids]
    loaded = await tx.load([ask_for(c) for c in commands], [asked.key] if asked.key else [], [scope.account_id])
    record = loaded.keys[0] if asked.key else None
    if asked.key and record is False:
        return KeyInProgress()
    if asked.key and record is not None and record is not True and record is not False:
        try:
            rows = json.loads(same_call(record, asked.key).outcome)[1]
        except Refusal as refusal:
            return refusal
        return Pulled(tuple(restored_done(json.loads(row)) for row in rows), replayed=True)
    desk = Desk(loaded, now)
    settled = [desk.settle(place, command) for place, command in enumerate(commands)]
    # What another process took between the look and the lock is not ours.
    done = tuple(one for one in settled if isinstance(one, Done) and one.moved)
    if asked.key:
        desk.keep(KeptOutcome(asked.key, scope.account_id, json.dumps([FORMAT, [keep(one) for one in done]])))
    await close(tx, desk)
    return Pulled(done)
