"""Commands as the hub's callers send them, with what each action needs."""

from collections.abc import Sequence
from typing import Any

from waypost.app.actor import Actor
from waypost.app.changes import timed
from waypost.app.commands import (
    Accounting,
    Adjustment,
    Command,
    Details,
    Done,
    FailureReport,
    IdempotencyKey,
    Settled,
)
from waypost.app.idempotency import KeyedJob, once_per_key
from waypost.app.ports import Clock, Store, Tx
from waypost.app.transitions import perform
from waypost.domain.lifecycle import Action

REASON = "Kein Lagerbestand – 在庫なし 📦"

_DETAILS: dict[Action, Details] = {
    Action.FAIL: FailureReport(REASON, "out_of_stock"),
    Action.ADJUST: Adjustment(),
    Action.SYNC_ACCOUNTING: Accounting(synced=True, external_id="A-1"),
}


def command(action: Action, request_id: int, actor: Actor, **given: Any) -> Command:
    """A command with the details that its action needs; `given` are fields of `Command`."""
    return Command(action, request_id, actor, **{"details": _DETAILS.get(action), **given})


def fail(request_id: int, actor: Actor, **given: Any) -> Command:
    """A failure as HTTP asks for it: without the request in the reply."""
    return command(Action.FAIL, request_id, actor, **{"wants_image": False, **given})


def key(name: str, operation: str = "fail", call: bytes = b"same call", family: int = 7) -> IdempotencyKey:
    """An idempotency key; `call` stands for everything that its fingerprint covers."""
    return IdempotencyKey(family, name, operation, call)


async def keyed_batch(
    store: Store, clock: Clock, *asked: tuple[Command, IdempotencyKey | None]
) -> list[Settled]:
    """Settle these commands with their keys in one transaction."""
    work = once_per_key(timed(perform, clock), lambda job: Done, clock)

    async def run(tx: Tx) -> Sequence[Settled]:
        return await work(tx, [KeyedJob(one, one.actor.scope.account_id, its_key) for one, its_key in asked])

    return list(await store.write(run))
