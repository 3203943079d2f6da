"""The one road: `perform` is the only code that changes the status of a fulfillment request.

It takes a batch, in one transaction: lock and load everything, settle each command purely, write everything.
A single call is a batch of one, a bulk call a batch of N, and concurrent calls are coalesced into one batch.
"""

from collections.abc import Sequence

from waypost.app.commands import Adjustment, Command, Done, FailureReport, Settled, scopes_of
from waypost.app.desk import Desk
from waypost.app.editing import new_number
from waypost.app.effects import failure_data
from waypost.app.ports import Ask, PlainMove, PlainMoves, Tx
from waypost.app.routing_again import route_again
from waypost.app.slices import Pace, in_slices
from waypost.domain import failures
from waypost.domain.lifecycle import TABLE, Action, Row, row_of

_CHANGES_LINES = frozenset(
    key
    for row in TABLE
    if row.touches_lines
    # What an adjustment comes to is found out at the desk; of a hand-over it is known before.
    for key in ((row.action, row.outcome), (row.action, None))
    if key != (Action.HAND_OVER, None)
)
_STEPS_OF_A_COMMAND, _STEPS_OF_A_LINE = 20, 8
_GIVES_BACK = (Action.ADJUST, Action.CANCEL)  # a source: pieces that may be routed again


def ask_for(command: Command) -> Ask:
    """What must be locked and loaded for this command, and no more: the hot road stays narrow."""
    return Ask(
        command.request_id,
        command.actor.scope,
        whole=command.wants_image or wants_lines(command) or command.action is Action.PROCESS,
        with_order=(command.action, command.outcome) in _CHANGES_LINES,
        with_cause=command.action in (Action.PROCESS, Action.EDIT),
        number=new_number(command),
        elsewhere=command.action in _GIVES_BACK and not command.kill,
    )


def loads_lines(command: Command) -> bool:
    """Whether lines are loaded for this command."""
    asked = ask_for(command)
    return asked.whole or asked.with_order


async def perform(tx: Tx, commands: Sequence[Command], now: int) -> list[Settled]:
    """Settle a batch; `now` in microseconds. One outcome per command, refusals included, in their order."""
    plain = plain_moves(commands, now)
    if plain is None:
        return await _settle(tx, commands, now)
    moved = await tx.move_plainly(plain)
    rest = [command for command, one in zip(commands, moved, strict=True) if one is None]
    others = iter(await _settle(tx, rest, now) if rest else ())
    return [
        next(others) if one is None else Done(command.action, True, one.from_status, plain.to, one.version, None)
        for command, one in zip(commands, moved, strict=True)
    ]


async def _settle(tx: Tx, commands: Sequence[Command], now: int) -> list[Settled]:
    """The batch road."""
    loaded = await tx.load([ask_for(command) for command in commands], scopes_of(commands))
    desk = Desk(loaded, now)
    settled = await settle_each(desk, commands)
    await close(tx, desk, commands)
    return settled


async def settle_each(desk: Desk, commands: Sequence[Command]) -> list[Settled]:
    """The outcomes of the commands, in their order; other callers get their turn between them."""
    settled, pace = [], Pace()
    for place, command in enumerate(commands):
        settled.append(desk.settle(place, command))
        await pace.spend(steps_at(desk, place))
    return settled


def steps_at(desk: Desk, place: int) -> int:
    """What it takes to settle the command at `place`, roughly."""
    state = desk.state_at(place)
    lines = 0 if state is None else len(desk.lines_of(state.id))
    return _STEPS_OF_A_COMMAND + _STEPS_OF_A_LINE * lines


async def close(tx: Tx, desk: Desk, commands: Sequence[Command] = ()) -> None:
    """Route again what sources gave back by these commands, where the channel says so; write all that has changed."""
    if desk.to_reroute():
        states = [desk.state_at(place) for place in range(len(commands))]
        calls = {one.order_id: c.call_id for one, c in zip(states, commands, strict=True) if one is not None}
        await route_again(tx, desk, calls)
    changes = await in_slices(desk.changes())
    if changes is not None:
        await tx.write(changes)


def plain_moves(commands: Sequence[Command], now: int) -> PlainMoves | None:
    """The narrow form of a batch: bare failures of different requests, which need only the status to be right."""
    row = row_of(commands[0].action)
    if row is None or row.to is None or row.guards:
        return None
    moves = []
    for command in commands:
        move = _plain_move(command, row)
        if move is None:
            return None
        moves.append(move)
    if len({move.request_id for move in moves}) != len(moves):
        return None  # the second is decided on the result of the first
    return PlainMoves(row.sources, row.to, row.event, now, moves)


def _plain_move(command: Command, row: Row) -> PlainMove | None:
    report, actor = command.details, command.actor
    # An If-Match of weak tags only is an empty set, and still a condition.
    if command.expected is not None or command.dry_run or command.wants_image:
        return None
    if command.action is not row.action or not isinstance(report, FailureReport) or report.line_ids:
        return None
    if actor.type not in row.who:
        return None  # refused by the batch road
    retryable = failures.is_retryable(report.code) if report.retryable is None else report.retryable
    return PlainMove(
        command.request_id, actor, command.call_id, report.code, report.reason, retryable, failure_data(retryable)
    )


def wants_lines(command: Command) -> bool:
    """Whether the command reads the request's lines."""
    if isinstance(command.details, FailureReport):
        return bool(command.details.line_ids)
    acknowledges = command.action is Action.HAND_OVER and command.outcome == "acknowledged"
    return isinstance(command.details, Adjustment) or acknowledges or command.action in _LINE_ACTIONS


_LINE_ACTIONS = (
    Action.ACKNOWLEDGE, Action.ADJUST, Action.CANCEL, Action.VOID, Action.SYNC_ACCOUNTING, Action.SHIP,
    Action.CORRECT_SHIPMENT, Action.RECONCILE_STOCK, Action.RELEASE_STOCK, Action.EDIT,
)  # fmt: skip
