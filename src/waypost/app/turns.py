"""Changes that waited for their turn: the token of each is judged again in the transaction that would make it.

A change may wait for ten seconds, for the changes before it or for a lock of another program. A revoked or expired
token must not change anything one second later (contract section 1.3).
"""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from waypost.app.access import REMEMBERED_S
from waypost.app.actor import Actor
from waypost.app.ports import Clock, Tx
from waypost.app.tokens import state_of
from waypost.app.writer import BatchWork
from waypost.domain.refusals import TOKEN_TYPES, Refusal, TokenEnded

J = TypeVar("J")
R = TypeVar("R")

# The token was judged when the call was complete, by what was known for REMEMBERED_S at most: together below 1 s.
WAITED_S = 0.9 - REMEMBERED_S


class Queued(NamedTuple, Generic[J]):
    """A job, who asked for it, and since when it waits (monotonic seconds)."""

    job: J
    actor: Actor
    since_s: float


def in_turn(
    work: BatchWork[J, R], clock: Clock, monotonic: Callable[[], float]
) -> BatchWork[Queued[J], R | Refusal]:
    """`work` for jobs that queued. A job whose token has ended meanwhile is answered with `TokenEnded`."""

    async def bound(tx: Tx, queued: Sequence[Queued[J]]) -> Sequence[R | Refusal]:
        oldest = monotonic() - WAITED_S
        late = {_token_of(one.actor) for one in queued if one.since_s < oldest} - {None}
        ended = {id_ for id_ in late if not await _is_good(tx, id_, clock())}
        if not ended:
            return await work(tx, [one.job for one in queued])
        good = [one.job for one in queued if _token_of(one.actor) not in ended]
        results = iter(await work(tx, good) if good else ())
        return [TokenEnded() if _token_of(one.actor) in ended else next(results) for one in queued]

    return bound


def _token_of(actor: Actor) -> int | None:
    """The id of the token that the actor holds; None for people and for the hub itself."""
    return actor.id if actor.type in TOKEN_TYPES else None


async def _is_good(tx: Tx, token_id: int | None, now: int) -> bool:
    row = None if token_id is None else await tx.token_by_id(token_id)
    return row is not None and state_of(row, now) == "active"
