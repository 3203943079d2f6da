"""Calls that change a list of requests at once: bulk, and a source's pull of what it is to fulfil.

Each is one transaction and one batch of its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor, Scope
from waypost.app.batch_size import ALWAYS_FIT, LINES_AT_MOST, check_size, fitting
from waypost.app.commands import Command, Done, Settled, scopes_of
from waypost.app.desk import Desk
from waypost.app.ports import Tx
from waypost.app.transitions import ask_for, close, loads_lines, settle_each
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Refusal

PULL_AT_MOST = 100  # requests (contract section 2.3)


class BulkResult(NamedTuple):
    """One line of a bulk reply: what the single call would have answered. `code` is None for a success."""

    request_id: int
    version: int | None
    code: str | None
    dry_run: bool = False


class Bulk(NamedTuple):
    """A bulk call."""

    commands: tuple[Command, ...]


class BulkDone(NamedTuple):
    """Results in the order of the commands."""

    results: tuple[BulkResult, ...]
    replayed: bool = False


def _result(command: Command, settled: Settled) -> BulkResult:
    if isinstance(settled, Done):
        return BulkResult(command.request_id, settled.version, None, settled.dry_run)
    return BulkResult(command.request_id, None, settled.code)


async def perform_bulk(tx: Tx, bulks: Sequence[Bulk], now: int) -> list[BulkDone | Refusal]:
    """Settle bulk calls. A refused item leaves the others alone."""
    return [await _perform_one(tx, bulk, now) for bulk in bulks]


async def _perform_one(tx: Tx, bulk: Bulk, now: int) -> BulkDone:
    commands = bulk.commands
    long = [command.request_id for command in commands if loads_lines(command)]
    await check_size(tx, commands[0].actor.scope, long, "/items")
    desk = Desk(await tx.load([ask_for(c) for c in commands], scopes_of(commands)), now)
    settled = await settle_each(desk, commands)
    await close(tx, desk, commands)
    return BulkDone(tuple(map(_result, commands, settled)))


class Pull(NamedTuple):
    """A source's (or the merchant's) pull of what stands in Processing."""

    actor: Actor
    source_id: int | None
    call_id: str | None


class Pulled(NamedTuple):
    """What was handed over by this pull, oldest first."""

    done: tuple[Done, ...]
    replayed: bool = False


async def pull(tx: Tx, pulls: Sequence[Pull], now: int) -> list[Pulled | Refusal]:
    """Read and move from Processing to Processed; each request is handed to one pull only."""
    return [await _pull_one(tx, one, now) for one in pulls]


async def _oldest(tx: Tx, scope: Scope, source_id: int | None) -> Sequence[int]:
    """What one pull hands over: fewer requests where they have very many lines."""
    waiting = await tx.oldest_processing(scope, source_id, PULL_AT_MOST)
    if len(waiting) <= ALWAYS_FIT:
        return waiting
    lines = {one.id: one.lines for one in await tx.request_sizes(scope, waiting)}
    return list(fitting([(id_, lines.get(id_, 0)) for id_ in waiting], LINES_AT_MOST))


async def _pull_one(tx: Tx, asked: Pull, now: int) -> Pulled:
    scope: Scope = asked.actor.scope
    ids = await _oldest(tx, scope, asked.source_id)
    commands = [Command(Action.PROCESSED, id_, asked.actor, asked.call_id, reason="picked up") for id_ in ids]
    desk = Desk(await tx.load([ask_for(c) for c in commands], [scope.account_id]), now)
    settled = await settle_each(desk, commands)
    await close(tx, desk)
    # What another process took between the look and the lock is not ours.
    return Pulled(tuple(one for one in settled if isinstance(one, Done) and one.moved))
