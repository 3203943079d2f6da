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
        late = {one.actor.id for one in queued if one.since_s < oldest and one.actor.type in TOKEN_TYPES} - {None}
        ended = await _ended(tx, late, clock()) if late else set()
        if not ended:
            return await work(tx, [one.job for one in queued])
        good = [one.job for one in queued if one.actor.id not in ended]
        results = iter(await work(tx, good) if good else ())
        return [TokenEnded() if one.actor.id in ended else next(results) for one in queued]

    return bound


async def _ended(tx: Tx, token_ids: set[int | None], now: int) -> set[int | None]:
    """Those that are revoked, expired or gone."""
    ended = set()
    for token_id in token_ids:
        row = None if token_id is None else await tx.token_by_id(token_id)
        if row is None or state_of(row, now) != "active":
            ended.add(token_id)
    return ended
