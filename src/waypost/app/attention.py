"""Settling by hand what somebody has seen to; whose word it was stays in the events."""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.actor import Actor
from waypost.app.ports import Tx
from waypost.app.records import Made, Notice, RecordChange
from waypost.domain.attention import STANDING

SETTLED = "attention.settled"
NOT_SETTLEABLE = "not_settleable"
NOT_FOUND = "not_found"


class Spot(NamedTuple):
    """One thing that needs somebody."""

    subject: str
    subject_id: int
    code: str


class SpotResult(NamedTuple):
    """What came of one; no refusal: it is settled."""

    spot: Spot
    refusal: str | None


def settle_attention(actor: Actor, spots: Sequence[Spot], note: str) -> RecordChange[tuple[SpotResult, ...]]:
    """Each for itself: a refused one leaves the others alone."""
    account = actor.scope.account_id

    async def work(tx: Tx, at: int) -> Made[tuple[SpotResult, ...]]:
        results, notices = [], []
        for spot in spots:
            if spot.code not in STANDING:
                results.append(SpotResult(spot, NOT_SETTLEABLE))
                continue
            settled = await tx.settle_attention(account, spot.subject, spot.subject_id, [spot.code], at)
            results.append(SpotResult(spot, None if settled else NOT_FOUND))
            told = {"subject": {"type": spot.subject, "id": spot.subject_id}}
            notices += [Notice("attention", id_, SETTLED, told, code=spot.code, reason=note) for id_ in settled]
        return Made(tuple(results), tuple(notices))

    return RecordChange(actor, work, tuple[SpotResult, ...])
