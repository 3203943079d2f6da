"""The one road: `perform` is the only code that changes the status of a fulfillment request.

It takes a batch, in one transaction: lock and load everything, settle each command purely, write everything.
A single call is a batch of one, a bulk call a batch of N, and concurrent calls are coalesced into one batch.
"""

from collections.abc import Sequence

from waypost.app.commands import Command, Done, FailureReport, Settled, scopes_of
from waypost.app.desk import Desk, wants_lines
from waypost.app.effects import failure_data
from waypost.app.ports import Ask, LoneMove, Tx
from waypost.domain import failures
from waypost.domain.lifecycle import TABLE, Action, row_of

_CHANGES_LINES = frozenset(row.action for row in TABLE if row.touches_lines)


def ask_for(command: Command) -> Ask:
    """What must be locked and loaded for this command, and no more: the hot road stays narrow."""
    return Ask(
        command.request_id,
        command.actor.scope,
        whole=command.wants_image or wants_lines(command) or command.action is Action.PROCESS,
        with_order=command.action in _CHANGES_LINES,
        with_cause=command.action is Action.PROCESS,
    )


async def perform(tx: Tx, commands: Sequence[Command], now: int) -> list[Settled]:
    """Settle a batch; `now` in microseconds. One outcome per command, refusals included, in their order."""
    alone = lone_move(commands[0], now) if len(commands) == 1 else None
    if alone is not None:
        moved = await tx.move_alone(alone)
        if moved is not None:
            return [Done(commands[0].action, True, moved.from_status, alone.to, moved.version, None)]
    keys = [command.key for command in commands if command.key is not None and not command.dry_run]
    loaded = await tx.load([ask_for(command) for command in commands], keys, scopes_of(commands))
    desk = Desk(loaded, now)
    settled = [desk.settle(place, command) for place, command in enumerate(commands)]
    changes = desk.changes()
    if changes is not None:
        await tx.write(changes)
    return settled


def lone_move(command: Command, now: int) -> LoneMove | None:
    """The narrow form of a batch of one: a bare failure, which needs nothing but the status to be right."""
    report, row = command.details, row_of(command.action)
    # An If-Match of weak tags only is an empty set, and still a condition.
    bound = command.key is not None or command.expected is not None
    narrow = not (bound or command.dry_run or command.wants_image)
    if not (narrow and isinstance(report, FailureReport) and row and row.to) or report.line_ids or row.guards:
        return None
    retryable = failures.is_retryable(report.code) if report.retryable is None else report.retryable
    actor = command.actor
    if actor.type not in row.who:
        return None  # refused by the batch road
    return LoneMove(
        command.request_id, actor.scope, row.sources, row.to, row.event, actor.type, actor.id, actor.name,
        actor.signature(), command.call_id, report.code, report.reason, retryable, failure_data(retryable), now,
    )  # fmt: skip
