"""Events on the wire: the timeline of a request or an order (contract section 2.7), and one event by itself."""

from collections.abc import Mapping
from typing import Any

from msgspec import Raw

from waypost.domain.events import Event
from waypost.domain.statuses import STATUSES
from waypost.wire.orders import ORDER_STATUS_NAMES
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

_NAMES = {status.value: facts.name for status, facts in STATUSES.items()}
_NAMES_OF: dict[str, Mapping[str, str]] = {"fulfillment_request": _NAMES, "order": ORDER_STATUS_NAMES}


def _event(event: Event, who: str, names: Mapping[str, str]) -> dict[str, Any]:
    told = who not in ("source", "channel")
    return {
        "seq": event.seq,
        "at": format_datetime(event.at),
        "type": event.type,
        "from": names.get(event.from_status or ""),
        "to": names.get(event.to_status or ""),
        "actor": {
            "type": event.actor_type,
            "id": event.actor_id if told else None,
            "name": event.actor_name if told else None,
        },
        "code": event.code,
        "reason": event.reason,
        "requestId": event.request_id,
        "data": None if event.data is None else Raw(event.data.encode()),
    }


def render_timeline(events: list[Event], who: str) -> bytes:
    """A bare array, oldest first; source and channel tokens see the actor's type only."""
    return encode([_event(event, who, _NAMES) for event in events])


def render_order_timeline(events: list[Event], who: str) -> bytes:
    """Likewise, of an order."""
    return encode([_event(event, who, ORDER_STATUS_NAMES) for event in events])


def feed_event(event: Event, who: str) -> dict[str, Any]:
    """An event by itself: with what it is about. A status that has no name of its own is told by its handle."""
    names = _NAMES_OF.get(event.subject, {})
    told = _event(event, who, names)
    told["from"] = names.get(event.from_status or "", event.from_status)
    told["to"] = names.get(event.to_status or "", event.to_status)
    return {**told, "subject": {"type": event.subject, "id": event.subject_id}}
