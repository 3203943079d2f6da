"""What needs somebody, on the wire (native): grouped by source and reason, with ages and what may be done now."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any

from msgspec import Meta, Struct

from waypost.app.attention import NOT_FOUND, Spot, SpotResult
from waypost.app.ports.attention import AttentionGroup, AttentionGroups, AttentionItem, Place
from waypost.domain.attention import STANDING, is_reason
from waypost.domain.failures import BY_CODE
from waypost.domain.guards import allowed_actions
from waypost.domain.statuses import BLOCKED, STATUSES
from waypost.wire.bodies import Id
from waypost.wire.pieces import Pieces, array, document
from waypost.wire.query import Param, codes
from waypost.wire.requests import encode
from waypost.wire.scalars import bad_cursor, format_datetime

# Titles and hints of what is no failure code.
_WORDS: dict[str, tuple[str, str]] = {
    **{str(status): (STATUSES[status].name, STATUSES[status].meaning) for status in BLOCKED},
    **STANDING,
}

SHOWN_AT_MOST = 100  # of each group
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


START = (0, 0)  # before every item, as a place in a group
LONGEST_CURSOR = 300  # characters
_PLACE = re.compile(r"([0-9]{1,19})\.([!-~]{1,100})\.([0-9]{1,19})\.([0-9]{1,19})", re.ASCII)


def write_place(place: Place) -> str:
    """A place as an opaque cursor."""
    spelled = ".".join(map(str, place))
    return base64.urlsafe_b64encode(spelled.encode()).decode().rstrip("=")


def read_place(text: str) -> Place:
    """A place from a cursor. Raises Misread."""
    given = text.strip()
    try:
        spelled = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)).decode()
    except (ValueError, UnicodeError):
        spelled = ""
    found = _PLACE.fullmatch(spelled) if len(given) <= LONGEST_CURSOR else None
    if found is not None:
        place = Place(int(found[1]), found[2], int(found[3]), int(found[4]))
        if max(place.source_id, place.since, place.subject_id) < 2**63 and write_place(place) == given:
            return place
    raise bad_cursor(text)


AFTER = Param("after", read_place)
REASONS = codes("codes", is_reason, "are codes of groups of GET /attention", many=True)


def _told(code: str) -> tuple[str, str]:
    known = BY_CODE.get(code)
    if known is not None:
        return known.title, known.hint
    return _WORDS.get(code, (code, "Read the message and decide."))


def _item(item: AttentionItem, now: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "subject": {"type": item.subject, "id": item.subject_id},
        "since": format_datetime(item.since),
        "ageSeconds": max(0, now - item.since) // 1_000_000,
        "message": item.message,
        "settleable": item.code in STANDING,
        "fulfillmentRequest": None,
    }
    state = item.state
    if state is not None:
        shown["fulfillmentRequest"] = {
            "id": state.id,
            "fulfillmentRequestNumber": item.number,
            "orderId": state.order_id,
            "fulfillmentRequestStatus": {"name": STATUSES[state.status].name, "handle": str(state.status)},
            "retryable": None if state.failure_retryable is None else bool(state.failure_retryable),
            "assignee": item.assignee,
            "attemptCount": state.attempt_count,
            "version": state.version,
            "allowedActions": list(allowed_actions(state, "account")),
        }
    return shown


def render_attention(
    groups: AttentionGroups, items: Sequence[AttentionItem], limit: int, after: Place | None, now: int
) -> Pieces:
    """`{total, moreGroups, groups[]}`: the group with the oldest item first, and the oldest items of each first.

    `items`: up to `limit` + 1 of each group, in the order of the groups. With `limit` 0 and no `after`, it may be
    empty.
    """

    def shown(entry: tuple[AttentionGroup, Sequence[AttentionItem]]) -> Pieces:
        group, found = entry
        title, hint = _told(group.code)
        return document({
            "sourceId": group.source_id or None,
            "sourceName": group.source_name,
            "code": group.code,
            "title": title,
            "hint": hint,
            "total": group.total,
            "oldestAt": format_datetime(group.oldest),
            "oldestAgeSeconds": max(0, now - group.oldest) // 1_000_000,
            "items": array(found[:limit], lambda item: _item(item, now)),
            "next": _next(group, found, limit, after),
        })  # fmt: skip

    entries = _with_items(groups.shown, items)
    return document({"total": groups.total, "moreGroups": groups.has_more, "groups": array(entries, shown)})


def _with_items(
    groups: Iterable[AttentionGroup], items: Iterable[AttentionItem]
) -> Iterator[tuple[AttentionGroup, Sequence[AttentionItem]]]:
    """Each group with its items, when it is asked for: there are too many to go through all at once."""
    runs = groupby(items, lambda item: (item.source_id, item.code))
    spot, run = next(runs, (None, iter(())))
    for group in groups:
        if spot == (group.source_id, group.code):
            yield group, list(run)
            spot, run = next(runs, (None, iter(())))
        else:
            yield group, ()


def _next(group: AttentionGroup, found: Sequence[AttentionItem], limit: int, after: Place | None) -> str | None:
    """The cursor behind the last item shown, or None if no item comes after it."""
    if not limit and after is None:  # a summary: each group has items, and they are not read
        return write_place(Place(group.source_id, group.code, *START))
    if len(found) <= limit:
        return None
    if not limit and after is not None:  # nothing was shown
        return write_place(after)
    last = found[limit - 1]
    return write_place(Place(last.source_id, last.code, last.since, last.subject_id))
