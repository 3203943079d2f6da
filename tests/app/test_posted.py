"""What was posted of an order: kept by name, compared by name, and by the old hash where only that was kept."""

import json
from typing import Any, NamedTuple

import pytest

from waypost.app.actor import Actor, Scope
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.posted import (
    DIFFERENCES_AT_MOST,
    differences,
    likeness,
    older_hashes,
    read_posted,
    with_updates,
    write_posted,
)
from waypost.domain.orders import PaymentStatus

ADDRESS = '{"id":null,"name":"José García","hash":"abc","countryCode":"ES"}'
ACTOR = Actor("account", Scope(1), 1, "x")
FULL = OrderDraft(
    ACTOR, 7, "N1", "R1", 1_776_643_200_000_000, "note – 物", "Ground", ADDRESS, '{"name":"B"}', PaymentStatus.PAID,
    '["vip","b2b"]', '[{"id":1,"name":"gift","value":"yes"}]',
    (
        ItemDraft("SKU-A", "A thing – 物", 3, 125_000, "L-1", 11, 12, '[{"id":1,"name":"size","value":null}]', ADDRESS),
        ItemDraft(None, None, 1, 0, "L-2", None, None, "[]"),
    ),
    imported_from="Amazon", call_id="c", dry_run=True,
)  # fmt: skip
BARE = OrderDraft(
    ACTOR, 7, "N2", None, None, None, None, ADDRESS, None, None, "[]", "[]",
    (ItemDraft("S", None, 1, 0, None, None, None, "[]"),),
)  # fmt: skip


class WiderItem(NamedTuple):
    """`ItemDraft` as a later version may have it: with one more field in the middle, and one at the end."""

    sku: str | None
    title: str | None
    quantity: int
    weight: int | None
    price: int
    external_listing_id: str | None
    listing_variant_id: int | None
    product_variant_id: int | None
    custom_fields: str
    ship_to: str | None = None
    gift: bool = False


class WiderOrder(NamedTuple):
    """`OrderDraft` likewise."""

    actor: Actor
    channel_id: int
    order_number: str
    priority: int | None
    reference_number: str | None
    ordered_at: int | None
    note: str | None
    shipping_text: str | None
    shipping_address: str
    billing_address: str | None
    payment_status: PaymentStatus | None
    tags: str
    custom_fields: str
    items: tuple[Any, ...]
    imported_from: str | None = None
    call_id: str | None = None
    dry_run: bool = False
    express: bool = False


def widened(draft: OrderDraft, item: dict[str, Any] | None = None, **more: Any) -> Any:
    """The same draft as the later version reads it; `item`: new fields of its first item."""
    given = {name: value for name, value in draft._asdict().items() if name != "key"}
    items = [WiderItem(**{"weight": None, **one._asdict()}) for one in draft.items]
    items[0] = items[0]._replace(**(item or {}))
    return WiderOrder(**{"priority": None, **given, "items": tuple(items), **more})


def posted(draft: Any) -> dict[str, Any]:
    """What is kept of it, as it is read."""
    return read_posted(write_posted(draft))


def test_it_is_kept_by_name_with_a_version() -> None:
    kept = json.loads(write_posted(FULL))
    assert kept == {
        "version": 1, "reference_number": "R1", "ordered_at": 1_776_643_200_000_000, "note": "note – 物",
        "shipping_text": "Ground", "shipping_address": json.loads(ADDRESS), "billing_address": {"name": "B"},
        "payment_status": "paid", "tags": ["vip", "b2b"], "custom_fields": [{"id": 1, "name": "gift", "value": "yes"}],
        "items": [
            {"sku": "SKU-A", "title": "A thing – 物", "quantity": 3, "price": 125_000, "external_listing_id": "L-1",
             "listing_variant_id": 11, "product_variant_id": 12,
             "custom_fields": [{"id": 1, "name": "size", "value": None}], "ship_to": json.loads(ADDRESS)},
            {"quantity": 1, "price": 0, "external_listing_id": "L-2", "custom_fields": []},
        ],
    }  # fmt: skip
    assert json.loads(write_posted(BARE)).keys() == {"version", "shipping_address", "tags", "custom_fields", "items"}


@pytest.mark.parametrize("version", [None, 0, 2, "1"])
def test_another_version_is_not_read_as_this_one(version: object) -> None:
    kept = json.loads(write_posted(BARE)) | {"version": version}
    with pytest.raises(ValueError, match="reads 1"):
        read_posted(json.dumps(kept))


@pytest.mark.parametrize(
    ("draft", "hash_", "alike"),
    [
        (FULL, "f48742ab6dda97f033d4d920df015dd161d6116c80f50ad33401d6aced580c4c", "fd26058d6210c5748db40f94f4ec5b87"),
        (BARE, "63992f8f802e346722c94794c40b97cef6ff8db41cc0f23b43cb8c8db41d2a44", "609cebc76d9c549a9acd069476e44b3a"),
    ],
)
def test_hashes_are_those_that_older_versions_kept(draft: OrderDraft, hash_: str, alike: str) -> None:
    """Golden: computed by the version before, which hashed fields by their places."""
    assert (next(older_hashes(draft)), likeness(draft)) == (hash_, alike)
    # A later version that has more fields, none of which is given, computes the same.
    assert (next(older_hashes(widened(draft))), likeness(widened(draft))) == (hash_, alike)


def test_the_first_release_hashed_items_without_their_address() -> None:
    """Golden, too: computed by the release of schema 0001. An item with an address of its own was no such order."""
    first = "a5c53d393e299b50f0529051f1f5cf64dcd304d4fbbae8d88489220ee491a730"
    assert list(older_hashes(BARE))[1:] == [first]
    assert list(older_hashes(widened(BARE)))[1:] == [first]
    assert len(list(older_hashes(FULL))) == 1


@pytest.mark.parametrize("draft", [FULL, BARE])
def test_a_field_that_is_added_makes_no_difference_until_it_is_given(draft: OrderDraft) -> None:
    assert differences(posted(draft), posted(widened(draft))) == ()
    assert write_posted(widened(draft)) == write_posted(draft)


@pytest.mark.parametrize(
    ("item", "more", "pointer"),
    [
        ({}, {"priority": 1}, "/priority"), ({}, {"express": True}, "/express"), ({"weight": 5}, {}, "/items/0/weight"),
        ({"gift": True}, {}, "/items/0/gift"),
    ],
)  # fmt: skip
def test_a_field_that_is_added_and_given_is_a_difference(
    item: dict[str, Any], more: dict[str, Any], pointer: str
) -> None:
    later = widened(FULL, item, **more)
    assert differences(posted(FULL), posted(later)) == (pointer,)
    assert differences(posted(later), posted(FULL)) == (pointer,)
    assert next(older_hashes(later)) != next(older_hashes(FULL))
    assert likeness(later) != likeness(FULL)


CHANGES: list[tuple[dict[str, Any], list[str]]] = [
    ({"reference_number": None}, ["/reference_number"]),
    ({"ordered_at": 5}, ["/ordered_at"]),
    ({"note": None, "tags": "[]"}, ["/note", "/tags"]),
    ({"shipping_text": "Air"}, ["/shipping_text"]),
    ({"shipping_address": '{"name":"José"}'}, ["/shipping_address"]),
    ({"billing_address": None}, ["/billing_address"]),
    ({"payment_status": PaymentStatus.DECLINED}, ["/payment_status"]),
    ({"custom_fields": '[{"id":1,"name":"gift","value":"no"}]'}, ["/custom_fields"]),
    ({"items": FULL.items[:1]}, ["/items/1"]),
    ({"items": (*FULL.items, FULL.items[1])}, ["/items/2"]),
    ({"items": (FULL.items[0]._replace(quantity=4, ship_to=None), FULL.items[1])}, ["/items/0/quantity", "/items/0/ship_to"]),
]


@pytest.mark.parametrize(("change", "pointers"), CHANGES)
def test_what_differs_is_named(change: dict[str, Any], pointers: list[str]) -> None:
    assert sorted(differences(posted(FULL), posted(FULL._replace(**change)))) == pointers
    assert next(older_hashes(FULL._replace(**change))) != next(older_hashes(FULL))


def test_every_field_that_is_posted_is_compared() -> None:
    apart = {"actor", "channel_id", "order_number", "imported_from", "call_id", "key", "dry_run"}
    compared = {pointer.split("/")[1] for _, pointers in CHANGES for pointer in pointers}
    assert compared == set(OrderDraft._fields) - apart
    for name, value in FULL.items[0]._asdict().items():
        other = "[]" if name == "custom_fields" else 1 if value is None else None
        items = (FULL.items[0]._replace(**{name: other}), FULL.items[1])
        assert differences(posted(FULL), posted(FULL._replace(items=items))) == (f"/items/0/{name}",)


def test_in_an_address_null_is_as_good_as_absent_and_its_hash_says_nothing() -> None:
    """A member that a later version adds to addresses is null in all that do without it, and changes their hash."""
    later = FULL._replace(shipping_address='{"name":"José García","hash":"def","countryCode":"ES","district":null}')
    assert differences(posted(FULL), posted(later)) == ()
    given = later._replace(shipping_address=later.shipping_address.replace("null", '"Eixample"'))
    assert differences(posted(FULL), posted(given)) == ("/shipping_address",)


def test_an_address_of_nothing_is_no_address() -> None:
    nothing = BARE._replace(billing_address='{"name":null,"city":null}')
    assert differences(posted(BARE), posted(nothing)) == ()
    assert differences(posted(nothing), posted(BARE)) == ()


def test_so_many_differences_are_named_and_no_more() -> None:
    many = FULL._replace(items=FULL.items * 100)
    found = differences(posted(FULL), posted(many._replace(note=None)))
    assert len(found) == DIFFERENCES_AT_MOST
    assert found[:2] == ("/note", "/items/2")


def test_an_update_replaces_payment_tags_and_note_and_keeps_the_rest() -> None:
    now = FULL._replace(payment_status=None, tags='["b2b"]', note="n", ordered_at=None)
    kept = read_posted(with_updates(posted(FULL), posted(now)))
    assert differences(kept, posted(now._replace(ordered_at=FULL.ordered_at))) == ()
