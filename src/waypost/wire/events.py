"""Events on the wire: the timeline of a request or an order (contract section 2.7), and one event by itself."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Raw

from waypost.app.large_work import let_go
from waypost.domain.catalogue import BOUND, CATALOGUE
from waypost.domain.events import Event
from waypost.domain.statuses import STATUSES
from waypost.wire.orders import ORDER_STATUS_NAMES
from waypost.wire.pieces import Pieces, array
from waypost.wire.scalars import camel, format_datetime, money

_NAMES = {status.value: facts.name for status, facts in STATUSES.items()}
_NAMES_OF: dict[str, Mapping[str, str]] = {"fulfillment_request": _NAMES, "order": ORDER_STATUS_NAMES}


# Members of `changed` that have another name on the wire, or a form of their own.
_NAMES_ON_THE_WIRE = {"number": "fulfillmentRequestNumber"}
_FORMS: dict[str, Callable[[int], str | float]] = {
    "hold_until": format_datetime,
    "snoozed_until": format_datetime,
    "total_cost": money,
}


def _event(event: Event, who: str, names: Mapping[str, str]) -> dict[str, Any]:
    """`event` as a token of the type `who` sees it, by the catalogue; that it may see it at all is judged before."""
    is_bound = who in BOUND
    kind = CATALOGUE[event.type] if is_bound else None
    shows_why = kind is None or kind.why
    return {
        "seq": event.seq,
        "at": format_datetime(event.at),
        "type": event.type,
        "from": names.get(event.from_status or ""),
        "to": names.get(event.to_status or ""),
        "actor": {
            "type": event.actor_type,
            "id": None if is_bound else event.actor_id,
            "name": None if is_bound else event.actor_name,
        },
        "code": event.code if shows_why else None,
        "reason": event.reason if shows_why else None,
        "requestId": event.request_id if not is_bound or event.actor_type == who else None,
        "data": None if event.data is None else _data(event.data, None if kind is None else kind.members(who) or ()),
    }


def _data(stored: str, shown: tuple[str, ...] | None) -> Raw | dict[str, Any] | None:
    """What else an event says; `shown`: only these members (None: all). None where nothing is left."""
    if shown is None and '"changed"' not in stored:
        return Raw(stored.encode())
    data = {name: value for name, value in json.loads(stored).items() if shown is None or name in shown}
    if "changed" in data:
        data["changed"] = _changed(data["changed"])
    return data or None


def _changed(told: Any) -> Any:
    """Names of what changed, or the new values by name, as the wire spells them; they are stored as columns."""
    if isinstance(told, dict):
        return {_on_the_wire(name): _formed(name, value) for name, value in told.items()}
    return [_on_the_wire(name) for name in told]


def _on_the_wire(name: str) -> str:
    return _NAMES_ON_THE_WIRE.get(name) or camel(name)


def _formed(name: str, value: Any) -> Any:
    return _FORMS[name](value) if name in _FORMS and value is not None else value


def render_timeline(events: list[Event], who: str) -> Pieces:
    """A bare array, oldest first. The list is empty afterwards."""
    return array(let_go(events), lambda event: _event(event, who, _NAMES))


def render_order_timeline(events: list[Event], who: str) -> Pieces:
    """Likewise, of an order."""
    return array(let_go(events), lambda event: _event(event, who, ORDER_STATUS_NAMES))


def feed_event(event: Event, who: str) -> dict[str, Any]:
    """An event by itself: with what it is about. A status that has no name of its own is told by its handle."""
    names = _NAMES_OF.get(event.subject, {})
    told = _event(event, who, names)
    told["from"] = names.get(event.from_status or "", event.from_status)
    told["to"] = names.get(event.to_status or "", event.to_status)
    return {**told, "subject": {"type": event.subject, "id": event.subject_id}}
