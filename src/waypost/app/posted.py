"""What was posted of an order, kept by name: tells a repeat from another order, and what differs (contract section 5).

A field that is not given (None, or its declared default) is left out. So a field that a later version adds makes no
difference to orders that do without it, and is one where it is given. Renaming a field of a draft needs a new version.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec

from waypost.app.actor import Actor
from waypost.app.order_items import ItemDraft
from waypost.domain.orders import Order, PaymentStatus


class OrderDraft(NamedTuple):
    """An order as posted; JSON texts are already checked."""

    actor: Actor
    channel_id: int
    order_number: str
    reference_number: str | None
    ordered_at: int | None  # None: now
    note: str | None
    shipping_text: str | None
    shipping_address: str
    billing_address: str | None
    payment_status: PaymentStatus | None
    tags: str
    custom_fields: str
    items: tuple[ItemDraft, ...]
    imported_from: str | None = None
    call_id: str | None = None
    dry_run: bool = False


Posted = dict[str, Any]
"""The fields that were given, by their names in `OrderDraft`; `items` by their names in `ItemDraft`."""

VERSION = 1
UPDATED = ("payment_status", "tags", "note")
"""What a repeat may change. Everything else makes it another order."""
DIFFERENCES_AT_MOST = 100  # that are named

# No content: the caller, the call, the number of the order; and what no body has, so that a demo order may come again.
_NOT_CONTENT = ("actor", "channel_id", "order_number", "imported_from", "call_id", "dry_run")
_JSON = ("shipping_address", "billing_address", "tags", "custom_fields", "ship_to")
_DERIVED = "hash"  # of an address: made from its other members

# How orders were hashed before their content was kept, and how duplicates are found: by place. Frozen.
_ORDER_BY_PLACE = (
    "channel_id", "order_number", "reference_number", "ordered_at", "note", "shipping_text", "shipping_address",
    "billing_address", "payment_status", "tags", "custom_fields", "items", "imported_from",
)  # fmt: skip
_ITEM_BY_PLACE = (
    "sku", "title", "quantity", "price", "external_listing_id", "listing_variant_id", "product_variant_id",
    "custom_fields", "ship_to",
)  # fmt: skip
_FIRST_ITEM_BY_PLACE = _ITEM_BY_PLACE[:-1]  # schema 0001 knew no `ship_to`
_hashed = json.JSONEncoder(ensure_ascii=False).encode  # one for all: to make it costs as much as to use it


def write_posted(draft: OrderDraft) -> str:
    """What this draft posts, as JSON with a version."""
    return _encoded(_given(draft))


def read_posted(text: str) -> Posted:
    """What `write_posted` or `with_updates` has written. Raises ValueError for a version that is not known."""
    posted: Posted = msgspec.json.decode(text)
    version = posted.pop("version", None)
    if version != VERSION:
        raise ValueError(f"What was posted is kept in version {version}; this program reads {VERSION}.")
    return posted


def with_updates(was: Posted, now: Posted) -> str:
    """What was posted, with the fields of `UPDATED` as they were posted now, as JSON with a version."""
    kept = {name: value for name, value in was.items() if name not in UPDATED}
    return _encoded(kept | {name: now[name] for name in UPDATED if name in now})


def differences(was: Posted, now: Posted) -> tuple[str, ...]:
    """The fields that differ, as pointers (`/note`, `/items/0/price`); an item too many or too few as a whole."""
    found = [f"/{name}" for name in _differing(was, now) if name != "items"]
    items, given = was["items"], now["items"]
    for place in range(max(len(items), len(given))):
        if place >= min(len(items), len(given)):
            found.append(f"/items/{place}")
        else:
            found += [f"/items/{place}/{name}" for name in _differing(items[place], given[place])]
    return tuple(found[:DIFFERENCES_AT_MOST])


def recovered(order: Order, draft: OrderDraft) -> Posted | None:
    """What was posted of an order of which only the hash was kept, as far as the draft equals it; None: it does not.

    It may differ in the fields of `UPDATED`, if nobody has changed those of the order since.
    """
    drafts = [draft]
    if draft.ordered_at == order.ordered_at:
        drafts.append(draft._replace(ordered_at=None))
    for name in UPDATED:
        drafts += [one._replace(**{name: getattr(order, name)}) for one in drafts]
    for one in drafts:
        if order.content_hash in older_hashes(one):
            return read_posted(write_posted(one))
    return None


def older_hashes(draft: OrderDraft) -> Iterator[str]:
    """The hashes that earlier releases would have stored for this draft: the last ones, and the first one."""
    content = _by_place(draft, _ORDER_BY_PLACE)
    yield _sha256(content)
    if all(item.ship_to is None for item in draft.items):
        place = _ORDER_BY_PLACE.index("items")
        content[place] = [_by_place(item, _FIRST_ITEM_BY_PLACE) for item in draft.items]
        yield _sha256(content)


def _sha256(content: list[Any]) -> str:
    return hashlib.sha256(_hashed(content).encode()).hexdigest()


def likeness(draft: OrderDraft) -> str:
    """A hash of what was posted but for its numbers and its time: tells a possible duplicate."""
    content = draft._replace(order_number="", reference_number=None, ordered_at=None, imported_from=None)
    return hashlib.blake2b(_hashed(_by_place(content, _ORDER_BY_PLACE)).encode(), digest_size=16).hexdigest()


def _encoded(posted: Posted) -> str:
    return msgspec.json.encode({"version": VERSION, **posted}).decode()


def _given(record: Any) -> Posted:
    """The fields of a draft, or of an item, that are given."""
    defaults = record._field_defaults
    given = {}
    for name, value in zip(record._fields, record, strict=True):
        if name in _NOT_CONTENT or value == defaults.get(name):
            continue
        if name == "items":
            value = [_given(item) for item in value]
        given[name] = msgspec.Raw(value.encode()) if name in _JSON else value
    return given


def _differing(was: Posted, now: Posted) -> list[str]:
    names = dict.fromkeys((*was, *now))
    return [name for name in names if name != "items" and _plain(was.get(name)) != _plain(now.get(name))]


def _plain(value: Any) -> Any:
    """A value to be compared: in an address or a custom field, too, null is as good as absent; and so is `{}`."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one is not None and name != _DERIVED} or None
    return value


def _by_place(record: Any, names: tuple[str, ...]) -> list[Any]:
    """The values in the order of `names`. Fields that came later follow with their names, where they are given."""
    values = [
        [_by_place(item, _ITEM_BY_PLACE) for item in record.items] if name == "items" else getattr(record, name)
        for name in names
    ]
    later = _later(tuple(record._fields), names)
    if later:
        given = _given(record)
        values += [[name, getattr(record, name)] for name in later if name in given]
    return values


@cache
def _later(fields: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in names and name not in _NOT_CONTENT)
