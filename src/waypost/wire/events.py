"""Events on the wire: the timeline of a request (contract section 2.7)."""

from typing import Any

from msgspec import Raw

from waypost.domain.events import Event
from waypost.domain.statuses import STATUSES
from waypost.wire.requests import encode
from waypost.wire.scalars import format_datetime

_NAMES = {status.value: facts.name for status, facts in STATUSES.items()}


def _event(event: Event, who: str) -> dict[str, Any]:
    told = who not in ("source", "channel")
    return {
        "seq": event.seq,
        "at": format_datetime(event.at),
        "type": event.type,
        "from": _NAMES.get(event.from_status or ""),
        "to": _NAMES.get(event.to_status or ""),
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
    return encode([_event(event, who) for event in events])
