"""What needs somebody, on the wire (native): grouped by source and reason, with ages and what may be done now."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from waypost.app.attention import NOT_FOUND, Spot, SpotResult
from waypost.app.ports.clock_rules import AttentionItem
from waypost.domain.attention import STANDING
from waypost.domain.failures import BY_CODE
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.guards import allowed_actions
from waypost.domain.statuses import BLOCKED, STATUSES
from waypost.wire.bodies import Id
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

# Titles and hints of what is no failure code.
_WORDS: dict[str, tuple[str, str]] = {
    **{str(status): (STATUSES[status].name, STATUSES[status].meaning) for status in BLOCKED},
    **STANDING,
}

SETTLED_AT_MOST = 500


class Subject(StrEnum):
    """What an item may be about."""

    REQUEST = "fulfillment_request"
    SOURCE = "source"
    WEBHOOK = "webhook"


class SubjectIn(Struct):
    """What an item is about."""

    type: Subject
    id: Id


class SettleItem(Struct):
    """One item to be settled."""

    subject: SubjectIn
    code: Annotated[str, Meta(min_length=1, max_length=100)]


class SettleIn(Struct):
    """Body of `POST /attention/settle`."""

    note: Annotated[str, Meta(min_length=1, max_length=2000)]
    items: Annotated[list[SettleItem], Meta(min_length=1, max_length=SETTLED_AT_MOST)]


def settle_spots(body: SettleIn) -> tuple[Spot, ...]:
    """What is to be settled."""
    return tuple(Spot(item.subject.type, item.subject.id, item.code) for item in body.items)


def render_settled(results: Sequence[SpotResult]) -> bytes:
    """A result for each."""
    return encode(
        {
            "results": [
                {
                    "subject": {"type": one.spot.subject, "id": one.spot.subject_id},
                    "code": one.spot.code,
                    "status": 200 if one.refusal is None else 404 if one.refusal == NOT_FOUND else 400,
                    "refusal": one.refusal,
                }
                for one in results
            ]
        }
    )


def _told(code: str) -> tuple[str, str]:
    known = BY_CODE.get(code)
    if known is not None:
        return known.title, known.hint
    return _WORDS.get(code, (code, "Read the message and decide."))


def _item(item: AttentionItem, image: FulfillmentRequest | None, now: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "subject": {"type": item.subject, "id": item.subject_id},
        "since": format_datetime(item.since),
        "ageSeconds": max(0, now - item.since) // 1_000_000,
        "message": item.message,
        "settleable": bool(item.settleable),
        "fulfillmentRequest": None,
    }
    if image is not None:
        state, particulars, _ = image
        shown["fulfillmentRequest"] = {
            "id": state.id,
            "fulfillmentRequestNumber": particulars.number,
            "orderId": state.order_id,
            "fulfillmentRequestStatus": {"name": STATUSES[state.status].name, "handle": str(state.status)},
            "retryable": None if state.failure_retryable is None else bool(state.failure_retryable),
            "assignee": particulars.assignee,
            "attemptCount": state.attempt_count,
            "version": state.version,
            "allowedActions": list(allowed_actions(state, "account")),
        }
    return shown


def render_attention(
    items: Sequence[AttentionItem], images: Mapping[int, FulfillmentRequest], sources: Mapping[int, str], now: int
) -> Pieces:
    """`{total, groups[]}`; groups by their oldest, the oldest of each first."""
    groups: dict[tuple[int | None, str], dict[str, Any]] = {}
    for item in items:
        spot = (item.source_id, item.code)
        if spot not in groups:
            title, hint = _told(item.code)
            groups[spot] = {
                "sourceId": item.source_id,
                "sourceName": None if item.source_id is None else sources.get(item.source_id),
                "code": item.code,
                "title": title,
                "hint": hint,
                "total": item.group_total,
                "oldestAt": format_datetime(item.group_since),
                "oldestAgeSeconds": max(0, now - item.group_since) // 1_000_000,
                "items": [],
            }
        groups[spot]["items"].append(item)

    def shown(item: AttentionItem) -> dict[str, Any]:
        return _item(item, images.get(item.subject_id) if item.subject == "fulfillment_request" else None, now)

    total = sum(group["total"] for group in groups.values())
    listed = array(groups.values(), lambda group: document(group | {"items": array(group["items"], shown)}))
    return document({"total": total, "groups": listed})
