"""Generating by hand takes from the source's stock: never more than there is, unless it may be backordered."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.commands import command
from tests.support.database import contents, rows
from tests.support.merchant import ADDRESS, Merchant
from tests.support.stock import change, held, policy, variant
from waypost.app.changes import Changer
from waypost.app.generation import LineDraft, RequestDraft
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import OrderView
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid
from waypost.domain.statuses import Status


async def order(merchant: Merchant, changes: Changer, *skus: tuple[str, int], number: str = "1001") -> OrderView:
    """An order of these SKUs and quantities."""
    items = tuple(ItemDraft(sku, None, count, 10_000, None, None, None, '[{"id":1,"name":"lot","value":"7"}]')
                  for sku, count in skus)  # fmt: skip
    fields = '[{"id":1,"name":"gate","value":"B7"},{"id":2,"name":"dock","value":"1"}]'
    posted = await changes.create_order(
        OrderDraft(merchant.actor(), merchant.channels[0], number, "REF-1", None, None, "Ground", ADDRESS, None,
                   None, "[]", fields, items)
    )  # fmt: skip
    return posted.view


def draft(merchant: Merchant, view: OrderView, **given: Any) -> RequestDraft:
    """A request for everything that is open."""
    return RequestDraft(merchant.actor(), view.order.id, merchant.sources[0])._replace(**given)


def problems(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    """Field and code of each."""
    return [(problem.field, problem.code) for problem in caught.value.problems]


async def test_lines_hold_the_stock_of_what_the_source_knows(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3), ("UNKNOWN", 2))
    known = await variant(
        migrated_url, merchant.account, merchant.sources[0], "A", 10, cost=7_000, title="Alpha", upc="0123", weight=5_000,
        weight_unit="kg", reference_id="REF-A", dropship_fee=100, shipping_cost=200,
    )  # fmt: skip
    await variant(migrated_url, merchant.account, merchant.sources[1], "UNKNOWN", 10)
    await change(migrated_url, "source", merchant.sources[0], dropship_fee=5_000, shipping_estimate=30_000)
    made = (await changes.generate(draft(merchant, view))).image
    a, other = made.lines
    assert (a.inventory_variant_id, a.cost, a.title, a.upc, a.weight, a.weight_unit, a.item_reference_id) == (
        known, 7_000, "Alpha", "0123", 5_000, "kg", "REF-A",
    )  # fmt: skip
    assert (other.sku, other.inventory_variant_id, other.cost) == ("UNKNOWN", None, 0)
    assert made.particulars.total_cost == 21_000
    assert (made.particulars.estimated_dropship_fee, made.particulars.estimated_shipping_cost) == (5_300, 30_600)
    assert await held(migrated_url) == {known: (3, 3), known + 1: (0, 0)}
    await audit(migrated_url)


@pytest.mark.parametrize("action", [Action.VOID, Action.CANCEL])
async def test_what_is_given_back_can_be_taken_again(
    action: Action, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3))
    known = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 3)
    for _ in range(2):
        made = await changes.generate(draft(merchant, view))
        assert await held(migrated_url) == {known: (3, 3)}
        await changes.change(command(action, made.image.state.id, merchant.actor()))
        assert await held(migrated_url) == {known: (0, 0)}
        await audit(migrated_url)


async def test_more_than_is_available_is_refused_by_line_and_nothing_is_taken(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3), ("A", 2), ("B", 9))
    await variant(migrated_url, merchant.account, merchant.sources[0], "A", 4)
    before = await contents(migrated_url)
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, view))
    assert problems(caught) == [("/items/1/quantity", "quantity_unavailable")]
    assert "1 are available, not 2" in caught.value.message
    assert await contents(migrated_url) == before
    dry = await changes.generate(draft(merchant, view, lines=(LineDraft(view.items[0].id, 3),), dry_run=True))
    assert dry.dry_run
    assert await contents(migrated_url) == before


async def test_what_others_hold_is_not_available(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    """In a transaction of its own, and not only beside what is made in the same one."""
    first, second = [await order(merchant, changes, ("A", 2), number=number) for number in ("1001", "1002")]
    known = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 3)
    await changes.generate(draft(merchant, first))
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, second))
    assert problems(caught) == [("/items/0/quantity", "quantity_unavailable")]
    assert "1 are available, not 2" in caught.value.message
    assert await held(migrated_url) == {known: (2, 2)}
    await audit(migrated_url)


@pytest.mark.parametrize("who", ["source", "channel", "variant"])
async def test_beyond_the_stock_only_where_it_may_be_backordered(
    who: str, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3))
    known = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 1)
    table = {"source": "source", "channel": "channel", "variant": "inventory_variant"}[who]
    id_ = {"source": merchant.sources[0], "channel": merchant.channels[0], "variant": known}[who]
    await change(migrated_url, table, id_, allow_backorders=True)
    await changes.generate(draft(merchant, view))
    assert await held(migrated_url) == {known: (3, 3)}


async def test_a_variant_that_says_no_is_not_backordered(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3))
    await variant(migrated_url, merchant.account, merchant.sources[0], "A", 1, allow_backorders=False)
    await change(migrated_url, "source", merchant.sources[0], allow_backorders=True)
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, view))
    assert problems(caught) == [("/items/0/quantity", "quantity_unavailable")]


async def test_a_line_names_its_variant_by_sku_or_id_and_only_the_sources_own(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes, ("A", 3), ("B", 1), ("C", 1))
    ours = await variant(migrated_url, merchant.account, merchant.sources[0], "THEIR-A", 9, cost=4_000)
    foreign = await variant(migrated_url, merchant.account, merchant.sources[1], "THEIR-A", 9)
    gone = await variant(migrated_url, merchant.account, merchant.sources[0], "GONE", 9, archived=True)
    a, b, c = (item.id for item in view.items)
    asked = (LineDraft(a, 1, sku="THEIR-A"), LineDraft(b, 1, inventory_variant_id=ours, cost=1))
    lines = (await changes.generate(draft(merchant, view, lines=asked))).image.lines
    assert [(line.sku, line.inventory_variant_id, line.cost) for line in lines] == [
        ("THEIR-A", ours, 4_000), ("THEIR-A", ours, 1),
    ]  # fmt: skip
    for id_ in (foreign, gone, 4711):
        asked = (LineDraft(c, 1, inventory_variant_id=id_),)
        with pytest.raises(Invalid) as caught:
            await changes.generate(draft(merchant, view, lines=asked))
        assert problems(caught) == [("/items/0/inventory_variant_id", "unknown_variant")]


async def test_a_source_has_its_numbers_fields_and_method_as_it_wants_them(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    source = merchant.sources[0]
    methods = await policy(migrated_url, merchant.account, merchant.channels[0], "Ground", {source: 12_000})
    view = await order(merchant, changes, ("A", 3))
    some = (LineDraft(view.items[0].id, 1),)
    plain = (await changes.generate(draft(merchant, view, lines=some))).image
    assert (plain.particulars.number, plain.particulars.custom_fields) == ("1001-1", "[]")
    assert plain.lines[0].custom_fields == "[]"
    method = (plain.particulars.source_shipping_method_id, plain.particulars.carrier, plain.particulars.method)
    assert method == (methods[source], "UPS", "Ground")
    assert plain.particulars.estimated_shipping_cost == 12_000
    await change(migrated_url, "account", merchant.account, number_strategy="channel_reference")
    by_account = (await changes.generate(draft(merchant, view, lines=some))).image
    assert by_account.particulars.number == "REF-1-2"
    await change(
        migrated_url, "source", source, number_strategy="order_number", exceed_strategy="order_id", refused_characters="-",
        max_number_length=4, pass_order_fields=True, pass_item_fields=True, required_fields='["gate"]',
    )  # fmt: skip
    gate = '[{"id":1,"name":"gate","value":"C9"}]'
    by_source = (await changes.generate(draft(merchant, view, lines=some, custom_fields=gate))).image
    assert by_source.particulars.number == f"{view.order.id}3"
    assert by_source.state.status == Status.PROCESSING
    assert json.loads(by_source.particulars.custom_fields) == [
        {"id": 1, "name": "gate", "value": "C9"}, {"id": 2, "name": "dock", "value": "1"},
    ]  # fmt: skip
    assert by_source.lines[0].custom_fields == '[{"id":1,"name":"lot","value":"7"}]'
    await audit(migrated_url)


async def test_64_callers_race_for_100_units(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    known = await variant(migrated_url, merchant.account, merchant.sources[0], "A", 100)
    views = [await order(merchant, changes, ("A", 2), number=f"R-{n}") for n in range(64)]
    results = await asyncio.gather(
        *(changes.generate(draft(merchant, view)) for view in views), return_exceptions=True
    )
    made = [one for one in results if not isinstance(one, BaseException)]
    assert len(made) == 50
    refused = [one for one in results if isinstance(one, Invalid)]
    assert {one.problems[0].code for one in refused} == {"quantity_unavailable"}
    assert len(refused) == 14
    assert await held(migrated_url) == {known: (100, 100)}
    await audit(migrated_url)


async def test_every_request_has_its_event_and_its_claim(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    views = [await order(merchant, changes, ("A", 2), number=f"E-{n}") for n in range(8)]
    made = await asyncio.gather(*(changes.generate(draft(merchant, view, call_id=f"c{view.order.id}")) for view in views))
    events = await rows(migrated_url, "SELECT * FROM event WHERE subject = 'fulfillment_request' ORDER BY seq")
    assert [event["subject_id"] for event in events] == [one.image.state.id for one in made]
    assert [event["request_id"] for event in events] == [f"c{view.order.id}" for view in views]
    claims = await rows(migrated_url, "SELECT request_id, number FROM fulfillment_request_number ORDER BY request_id")
    assert [(row["request_id"], row["number"]) for row in claims] == [
        (one.image.state.id, one.image.particulars.number) for one in made
    ]
