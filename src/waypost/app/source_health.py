"""A source that does not answer, and one that answers again: told to people, and in the events of its account."""

from collections.abc import Sequence
from typing import NamedTuple

from waypost.app.attempt_ends import MESSAGE_AT_MOST, kept_text
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.domain.attention import SOURCE_DOWN as ATTENTION
from waypost.domain.events import SOURCE_DOWN, SOURCE_UP, Event


class Health(NamedTuple):
    """What a worker has found out about a source."""

    account_id: int
    source_id: int
    is_down: bool
    message: str


async def tell_health(tx: Tx, found: Sequence[Health], now: int) -> list[bool]:
    """Raise or settle attention; whether that was news (another worker may have told it)."""
    found = [one._replace(message=kept_text(one.message, MESSAGE_AT_MOST) or "") for one in found]
    accounts = sorted({one.account_id for one in found})
    counters = (await tx.load([], accounts)).counters
    at = max([now, *(counter.last_at + 1 for counter in counters.values())])
    seqs = {account: counter.last_seq for account, counter in counters.items()}
    told: list[bool] = []
    events: list[Event] = []
    for one in found:
        told.append(await _note(tx, one, at))
        if told[-1]:
            seqs[one.account_id] += 1
            events.append(
                Event(one.account_id, seqs[one.account_id], at, "source", one.source_id,
                      SOURCE_DOWN if one.is_down else SOURCE_UP, None, None, "worker", None, "delivery", None,
                      one.message, None, None)
            )  # fmt: skip
    if events:
        await tx.write_events(events, at)
    return told


async def _note(tx: Tx, one: Health, at: int) -> bool:
    if not one.is_down:
        return bool(await tx.settle_attention(one.account_id, "source", one.source_id, [ATTENTION], at))
    row = Attention(one.account_id, one.source_id, "source", one.source_id, ATTENTION, one.message, at)
    return await tx.raise_attention([row]) > 0
