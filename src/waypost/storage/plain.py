"""The rows of the narrow form: bare failures, which change a few columns of a state and leave one event each."""

from collections.abc import Mapping, Sequence
from typing import Any

from waypost.app.ports import Clocked, PlainMove, PlainMoves
from waypost.domain.attention import Item
from waypost.domain.events import Event

Standing = tuple[PlainMove, Sequence[Any]]  # with status, version and source as they were found


def plain_rows(
    asked: PlainMoves, right: Sequence[Standing], counters: Mapping[int, Clocked], counted: Mapping[int, int]
) -> tuple[list[tuple[Any, ...]], list[Event], list[Item]]:
    """Rows of `writing.PLAIN_MOVE`, the events, and what needs somebody from now on.

    `counters` as they are after this batch's events.
    """
    seqs = {account: counters[account].last_seq - count for account, count in counted.items()}
    rows, events, items = [], [], []
    for move, (was, version, source_id) in right:
        actor = move.actor
        account = actor.scope.account_id
        at = counters[account].last_at
        seqs[account] = seq = seqs[account] + 1
        rows.append((asked.to, version + 1, at, move.code, move.reason, move.retryable, at, actor.signature(), at,
                     move.request_id, was, version))  # fmt: skip
        events.append(
            Event(account, seq, at, "fulfillment_request", move.request_id, asked.event, was, asked.to, actor.type,
                  actor.id, actor.name, move.code, move.reason, move.call_id, move.data)
        )  # fmt: skip
        items.append(Item(account, source_id, move.code, at, move.request_id))
    return rows, events, items
