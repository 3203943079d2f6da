"""Idempotency records: what is kept of a success, and how a repeat is answered (contract section 1.4)."""

import json
from typing import Any

from waypost.app.commands import Done, IdempotencyKey, KeyRow
from waypost.domain.fulfillment import FulfillmentRequest, Line, Particulars, State
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import KeyReused
from waypost.domain.statuses import Status

KEPT_FOR_S = 24 * 60 * 60
FORMAT = 1  # first element of a record: raised when its shape changes


def same_call(kept: KeyRow, key: IdempotencyKey) -> KeyRow:
    """The record, once it is sure that it belongs to this very call; else `KeyReused`."""
    if kept.operation != key.operation or kept.fingerprint != key.fingerprint:
        raise KeyReused
    return kept


def keep(done: Done) -> str:
    """A success as JSON."""
    image = None
    if done.image is not None:
        image = [done.image.state, done.image.particulars, list(done.image.lines)]
    record = [FORMAT, done.action, done.moved, done.from_status, done.to_status, done.version, image]
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def replay(kept: KeyRow) -> Done:
    """The kept success, as it was answered then: a replay comes before existence, scope and precondition."""
    return restored_done(json.loads(kept.outcome))


def restored_done(record: Any) -> Done:
    """A success read back from its record."""
    _, action, moved, was, now, version, image = record
    return Done(Action(action), moved, Status(was), Status(now), version, restored(image), replayed=True)


def restored(image: Any) -> FulfillmentRequest | None:
    """An after-image read back from a record; fields that came later have their defaults."""
    if image is None:
        return None
    state, particulars, lines = image
    return FulfillmentRequest(State(*state), Particulars(*particulars), tuple(Line(*line) for line in lines))
