"""Stored records have names: yesterday's data meets tomorrow's code (architecture section 4)."""

import ast
import hashlib
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Any, Generic, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import pytest

from tests.support.slices import slices_of
from waypost.app import changes, stored_records
from waypost.app.attention import SpotResult
from waypost.app.deliveries import DeliveryView
from waypost.app.first_format import POSITIONS, outcome_of
from waypost.app.goods import ListingsDone
from waypost.app.invoices import InvoiceView
from waypost.app.order_changes import OrderDone
from waypost.app.order_links import Linked
from waypost.app.ports import AccountRow, ChannelRow, OrderView, SourceRow
from waypost.app.ports.catalog import ChannelMethodRow, RoutingGroup, ShippingPolicy, SourceMethodRow
from waypost.app.ports.secrets import Secret
from waypost.app.ports.webhooks import Delivery, Webhook
from waypost.app.records import Recorded
from waypost.app.routing_again import Rerouted
from waypost.app.routing_orders import Images
from waypost.app.stored_records import Unreadable, decode_record, decoded, encode_record, encoded
from waypost.app.webhooks import Queued
from waypost.domain.clock_rules import ClockRule
from waypost.domain.routing import Decision

R = TypeVar("R")

RECORDED: tuple[Any, ...] = (
    AccountRow, ChannelMethodRow, ChannelRow, Delivery, DeliveryView, Images, InvoiceView, Linked, ListingsDone,
    OrderDone, Queued, Rerouted, RoutingGroup, ShippingPolicy, SourceMethodRow, SourceRow, Webhook, list[ClockRule],
    tuple[SpotResult, ...],
)  # fmt: skip
OUTCOMES: tuple[Any, ...] = (
    changes.Done, changes.BulkDone, changes.Pulled, changes.OrderPosted, changes.Generated, changes.Shipped,
    changes.Patched, changes.Invoiced, changes.InventoryDone, *(Recorded[type_] for type_ in RECORDED),
)  # fmt: skip
STORED = (*OUTCOMES, Decision)


def parts(type_: Any) -> Iterator[Any]:
    """The records that a stored type is made of, itself included."""
    made = get_origin(type_) or type_
    for one in get_args(type_):
        yield from parts(one)
    if hasattr(made, "_fields"):
        yield made
        for hint in get_type_hints(made).values():
            yield from parts(hint)


RECORDS = sorted({one for type_ in STORED for one in parts(type_) if one is not Recorded}, key=lambda one: str(one.__name__))


def example(hint: Any) -> Any:
    """Some value of this type; each string says where it stands, so that no two fields can be taken for each other."""
    made, args = get_origin(hint) or hint, get_args(hint)
    if hasattr(made, "_fields"):
        known = dict(zip(getattr(made, "__parameters__", ()), args, strict=False))
        hints = get_type_hints(made)
        return made(**{name: _named(name, known.get(hints[name], hints[name])) for name in made._fields})
    if made is tuple and args[-1] is not Ellipsis:
        return tuple(map(example, args))
    if made in (tuple, list, Sequence):
        return (list if made is list else tuple)([example(args[0])] * 2)
    options = [one for one in args if one is not NoneType]
    if options:
        return example(options[0])
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return list(hint)[-1]
    return {int: 7, str: "text", bool: True, Secret: None}[hint]


def _named(name: str, hint: Any) -> Any:
    if hint in (str, str | None):
        return f"the {name}"
    if hint in (int, int | None):
        return sum(map(ord, name))
    return example(hint)


def by_position(value: Any) -> Any:
    """As the first format had it: every record a list."""
    if isinstance(value, tuple | list):
        return [by_position(one) for one in value]
    return value


def _as_of_then(value: Any) -> Any:
    """Fields that were added since the first format have their defaults."""
    if not isinstance(value, tuple | list):
        return value
    parts = [_as_of_then(one) for one in value]
    if not hasattr(value, "_fields"):
        return type(value)(parts)
    known = POSITIONS.get(type(value).__name__, value._fields)
    return type(value)(**{name: one for name, one in zip(value._fields, parts, strict=True) if name in known})


@pytest.mark.parametrize("type_", STORED, ids=str)
def test_what_is_written_is_read_as_it_was(type_: Any) -> None:
    value = example(type_)
    assert decode_record(encode_record(value), type_) == value


@pytest.mark.parametrize("type_", RECORDED, ids=str)
def test_a_record_of_the_first_format_is_read_by_its_positions(type_: Any) -> None:
    value = _as_of_then(example(type_))
    kept = json.dumps([1, True, by_position(value)])
    found: Any = decode_record(kept, Recorded[type_], outcome_of)  # type: ignore[valid-type]
    assert (found.record, found.changed) == (value, True)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.__name__))
def test_a_record_may_have_another_field_tomorrow(record: Any) -> None:
    """And may have lost one: what was stored before is read all the same."""
    hints = get_type_hints(record)
    fields = [(name, hints[name]) for name in record._fields]
    value = example(record)
    fields.insert(1, ("added", int))
    tomorrow: Any = NamedTuple(record.__name__, fields)  # type: ignore[misc]
    tomorrow.__new__.__defaults__ = (9,) * (len(fields) - 1)
    tomorrow.__annotations__ = dict(fields)
    for one in (tomorrow, Recorded[tomorrow]):
        text = encode_record(value if one is tomorrow else Recorded(value, changed=True))
        found: Any = decode_record(text, one)
        found = found if one is tomorrow else found.record
        assert found._asdict() == {**value._asdict(), "added": 9}
    assert decode_record(encode_record(found), record) == value, "what it does not know, it leaves out"


def test_a_secret_is_never_stored() -> None:
    hook = example(Webhook)._replace(secret=Secret("whsec_abc"), previous_secret=Secret("whsec_def"))
    text = encode_record(Recorded(hook, changed=True))
    assert "whsec" not in text
    found: Any = decode_record(text, Recorded[Webhook])
    assert (found.record.secret, found.record.previous_secret) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        '{"version":3,"record":{"queued":1}}', '{"record":{"queued":1}}', '{"version":2,"record":{"queued":"many"}}',
        '{"version":2,"record":{}}', '{"version":2,"record":7}', "[1]", '[1,"x"]',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_apart(text: str) -> None:
    with pytest.raises(Unreadable):
        decode_record(text, Queued, lambda found: found[1:])


def test_the_version_is_written() -> None:
    assert json.loads(encode_record(Queued(3))) == {"version": stored_records.VERSION, "record": {"queued": 3}}


def test_the_first_format_is_frozen() -> None:
    """Its records are lists, of which only this table tells what stands where."""
    told = hashlib.sha256(json.dumps(POSITIONS, sort_keys=True).encode()).hexdigest()
    assert told == "afa7e73e4ff2b5dd20830b459a52f8c1732a511221872332ddeb3373d6ff08c1", "what was stored by it does not change"


@pytest.mark.parametrize("record", [[7, True, [3]], ["1", True, [3]], []])
def test_only_the_first_format_is_read_as_one(record: list[Any]) -> None:
    with pytest.raises(Unreadable):
        decode_record(json.dumps(record), Recorded[Queued], outcome_of)


@pytest.mark.parametrize("text", ["", "{{{", "null", "5", "[]", '{"version":2}', "z", "zAAAA", "z!", '"text"'])
def test_garbage_is_unreadable_and_nothing_else(text: str) -> None:
    with pytest.raises(Unreadable):
        decode_record(text, Queued, outcome_of)


def test_a_long_record_is_compressed() -> None:
    order = example(OrderView)
    value: Any = Recorded(order._replace(items=order.items * 250), changed=True)
    text = encode_record(value)
    assert len(text) < len(zlib.decompress(b64decode(text[1:]))) / 10
    assert decode_record(text, Recorded[OrderView]) == value


def test_a_long_record_is_written_and_read_in_slices() -> None:
    order = example(OrderView)
    value: Any = Recorded(order._replace(items=order.items * 5_000), changed=True)
    written, text = slices_of(encoded(value))
    assert max(written) <= 1000 < len(written)
    read, found = slices_of(decoded(text, Recorded[OrderView]))
    assert found == value
    assert sorted(read)[-5] < 2000  # four go over all of it: see below
    assert sum(read) > len(zlib.decompress(b64decode(text[1:]))) / 100


def test_what_goes_over_all_of_a_long_record_does_so_in_slices_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    order = example(OrderView)
    text = encode_record(Recorded(order._replace(items=order.items * 5_000), changed=True))
    gone_over: list[int] = []

    def counted(decode: Any) -> Any:
        return lambda raw: gone_over.append(len(memoryview(raw))) or decode(raw)

    for name in ("_decode_members", "_decode_list"):
        monkeypatch.setattr(stored_records, name, counted(getattr(stored_records, name)))
    size, in_slices = len(zlib.decompress(b64decode(text[1:]))), []
    for _ in decoded(text, Recorded[OrderView]):
        in_slices.append(sum(gone_over))
        gone_over.clear()
    assert max(in_slices) <= size
    assert sum(in_slices) > 3 * size  # itself, its record, the order, its items


def test_what_was_packed_and_cut_off_is_unreadable() -> None:
    order = example(OrderView)
    text = encode_record(Recorded(order._replace(items=order.items * 250), changed=True))
    packed = b64decode(text[1:])
    for length in (0, 1, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Unreadable):
            decode_record("z" + b64encode(packed[:length]).decode(), Recorded[OrderView])


def test_every_record_that_a_change_may_keep_is_tested_here() -> None:
    """The third argument of `RecordChange`, and the outcomes of use cases, as the source has them."""
    found = set()
    for path in sorted(Path(changes.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
                kind = {"RecordChange": 2, "made": 1}.get(node.func.id)
                found |= {ast.unparse(node.args[kind])} if kind is not None and len(node.args) > kind else set()
    apart = {"kind.type", "NoneType", "Preview"}  # rows of the catalog, which stand above; and what is never kept
    names = {**vars(changes), **globals()}
    assert [name for name in found - apart if eval(name, names) not in (*OUTCOMES, *RECORDED)] == []
    assert len(found) > 15


def test_an_order_of_the_first_release_is_found_in_its_record() -> None:
    """Schema 0001 kept order and items beside each other."""
    order, items = list(range(21)), [[1], [2]]
    assert outcome_of([1, True, order, items]) == [True, [order, items, []]]
    assert outcome_of([1, True, [order, items, [[7]]]]) == [True, [order, items, [[7]]]]


class Pair(NamedTuple, Generic[R]):
    """A record of which one part is open."""

    left: R
    right: "OrderView | None" = None


def test_a_part_that_is_open_is_read_by_what_stands_for_it() -> None:
    value: Pair[Any] = Pair(Queued(1))
    assert decode_record(encode_record(value), Pair[Queued]) == value
    assert json.loads(encode_record(value))["record"] == {"left": {"queued": 1}, "right": None}
