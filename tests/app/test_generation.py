"""Generating requests by hand: what they take from the order, how they are numbered, where they begin."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.audit import audit
from tests.support.commands import command, key
from tests.support.database import contents, rows
from tests.support.merchant import ADDRESS, Merchant, open_merchant
from waypost.app.accounts import SourceDraft, create_source
from waypost.app.changes import Changer
from waypost.app.generation import LineDraft, RequestDraft
from waypost.app.orders import ItemDraft, OrderDraft
from waypost.app.ports import OrderView, Store
from waypost.domain.lifecycle import Action
from waypost.domain.orders import OrderStatus
from waypost.domain.refusals import Invalid, KeyReused, OrderNotAllowed
from waypost.domain.statuses import FIRST, Status


async def order(merchant: Merchant, changes: Changer, number: str = "1001", channel: int = 0) -> OrderView:
    """An order of three of A and two of B."""
    items = tuple(ItemDraft(sku, None, n, 10_000, f"L-{sku}", None, None, "[]") for sku, n in (("A", 3), ("B", 2)))
    posted = await changes.create_order(
        OrderDraft(merchant.actor(), merchant.channels[channel], number, None, None, None, "Ground", ADDRESS, None,
                   None, "[]", "[]", items)
    )  # fmt: skip
    return posted.view


def draft(merchant: Merchant, view: OrderView, **given: Any) -> RequestDraft:
    """A request for everything that is open."""
    return RequestDraft(merchant.actor(), view.order.id, merchant.sources[0])._replace(**given)


async def source(merchant: Merchant, store: Store, **given: Any) -> int:
    """A source that demands something."""
    made = SourceDraft(merchant.account, "Strict", **given)
    return (await create_source(store, made, 1)).id


def problems(caught: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    """Field and code of each."""
    return [(problem.field, problem.code) for problem in caught.value.problems]


async def test_no_lines_take_everything_that_is_open(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    made = await changes.generate(draft(merchant, view, call_id="c1"))
    image = await store.reads.request(merchant.actor().scope, made.image.state.id)
    assert image == made.image
    assert image.state.status == Status.PROCESSING
    assert image.state.attempt_count == 1
    assert image.particulars.number == "1001-1"
    assert [(line.sku, line.quantity, line.order_item_id) for line in image.lines] == [
        ("A", 3, view.items[0].id),
        ("B", 2, view.items[1].id),
    ]
    assert (image.particulars.total_items, image.particulars.total_quantity) == (2, 5)
    (event,) = await rows(migrated_url, "SELECT * FROM event WHERE request_id = 'c1'")
    assert (event["type"], event["from_status"], event["to_status"]) == (
        "fulfillment_request.generated", None, "processing",
    )  # fmt: skip
    await audit(migrated_url)


async def test_lines_take_what_they_say_and_the_rest_stays_open(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    a, b = view.items
    await changes.generate(draft(merchant, view, lines=(LineDraft(a.id, 2, cost=5000),)))
    rest = await changes.generate(draft(merchant, view))
    assert [(line.sku, line.quantity) for line in rest.image.lines] == [("A", 1), ("B", 2)]
    assert rest.image.particulars.number == "1001-2"
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, view))
    assert problems(caught) == [("/items", "nothing_open")]
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, view, lines=(LineDraft(b.id, 1),)))
    assert problems(caught) == [("/items/0/quantity", "more_than_open")]
    await audit(migrated_url)


async def test_what_is_voided_or_canceled_to_fill_returns_to_the_order_and_what_is_killed_does_not(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    for action, given, left in (
        (Action.VOID, {}, [("A", 3), ("B", 2)]),
        (Action.CANCEL, {}, [("A", 3), ("B", 2)]),
        (Action.CANCEL, {"kill": True}, []),
    ):
        made = await changes.generate(draft(merchant, view))
        assert [(line.sku, line.quantity) for line in made.image.lines] == [("A", 3), ("B", 2)]
        await changes.change(command(action, made.image.state.id, merchant.actor(), **given))
        await audit(migrated_url)
        if not left:
            with pytest.raises(OrderNotAllowed) as refused:
                await changes.generate(draft(merchant, view))
            assert refused.value.status is OrderStatus.CANCELED


async def test_what_is_with_a_source_already_is_not_generated_again(merchant: Merchant, changes: Changer) -> None:
    view = await order(merchant, changes)
    await changes.generate(draft(merchant, view))
    with pytest.raises(Invalid) as caught:
        await changes.generate(draft(merchant, view))
    assert problems(caught) == [("/items", "nothing_open")]


async def test_every_problem_is_named_at_once(
    merchant: Merchant, changes: Changer, store: Store, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    theirs = await open_merchant(store, "Theirs")
    before = await contents(migrated_url)
    lines = (LineDraft(4711, 1), LineDraft(view.items[0].id, 4), LineDraft(view.items[1].id, 1))
    asked = draft(merchant, view, source_id=theirs.sources[0], lines=lines, status=Status.ACKNOWLEDGED)
    with pytest.raises(Invalid) as caught:
        await changes.generate(asked)
    assert set(problems(caught)) == {
        ("source_id", "unknown_source"),
        ("status", "not_a_first_status"),
        ("/items/0/order_item_id", "unknown_item"),
        ("/items/1/quantity", "more_than_open"),
    }
    with pytest.raises(Invalid) as caught:
        await changes.generate(RequestDraft(theirs.actor(), view.order.id, theirs.sources[0]))
    assert problems(caught) == [("order_id", "unknown_order")]
    assert await contents(migrated_url) == before


@pytest.mark.parametrize("status", FIRST)
async def test_a_status_that_is_given_is_forced(
    status: Status, merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    made = await changes.generate(draft(merchant, view, status=status))
    assert made.image.state.status == status
    await audit(migrated_url)


async def test_a_source_decides_whether_a_request_waits(merchant: Merchant, changes: Changer, store: Store) -> None:
    patient = await source(merchant, store, auto_process=False)
    made = await changes.generate(draft(merchant, await order(merchant, changes), source_id=patient))
    assert made.image.state.status == Status.UNPROCESSED
    assert made.image.state.attempt_count == 0


async def test_a_number_that_is_too_long_blocks_and_is_never_cut(
    merchant: Merchant, changes: Changer, store: Store
) -> None:
    strict = await source(merchant, store, max_number_length=6)
    fits = await changes.generate(draft(merchant, await order(merchant, changes, "1001"), source_id=strict))
    long = await changes.generate(draft(merchant, await order(merchant, changes, "10012"), source_id=strict))
    assert [one.image.state.status for one in (fits, long)] == [Status.PROCESSING, Status.NUMBER_EXCEEDS_MAX_LENGTH]
    assert long.image.particulars.number == "10012-1"


async def test_what_the_source_requires_and_lacks_blocks(merchant: Merchant, changes: Changer, store: Store) -> None:
    strict = await source(merchant, store, required_fields=("gate",))
    gate = json.dumps([{"id": 1, "name": "gate", "value": "B7"}])
    without = await changes.generate(draft(merchant, await order(merchant, changes, "1"), source_id=strict))
    with_it = draft(merchant, await order(merchant, changes, "2"), source_id=strict, custom_fields=gate)
    assert without.image.state.status == Status.ADDITIONAL_INFO_REQUIRED
    assert (await changes.generate(with_it)).image.state.status == Status.PROCESSING


async def test_a_number_used_before_at_the_source_blocks_until_its_owner_is_the_request(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    views = [await order(merchant, changes, number) for number in ("1", "2", "3")]
    first = await changes.generate(draft(merchant, views[0], number="X"))
    second = await changes.generate(draft(merchant, views[1], number="X"))
    elsewhere = await changes.generate(draft(merchant, views[2], number="X", source_id=merchant.sources[1]))
    statuses = [one.image.state.status for one in (first, second, elsewhere)]
    assert statuses == [Status.PROCESSING, Status.DUPLICATE_NUMBER, Status.PROCESSING]
    await audit(migrated_url)


async def test_a_batch_shares_what_is_open_and_numbers_on(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    a = view.items[0].id
    one = draft(merchant, view, lines=(LineDraft(a, 1),))
    results = await asyncio.gather(*(changes.generate(one) for _ in range(5)), return_exceptions=True)
    made = [result for result in results if not isinstance(result, BaseException)]
    assert [request.image.particulars.number for request in made] == ["1001-1", "1001-2", "1001-3"]
    assert [type(result) for result in results[3:]] == [Invalid, Invalid]
    await audit(migrated_url)


async def test_a_batch_with_one_number_twice_gives_it_to_the_first(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    views = [await order(merchant, changes, number) for number in ("1", "2")]
    made = await asyncio.gather(*(changes.generate(draft(merchant, view, number="X")) for view in views))
    assert [one.image.state.status for one in made] == [Status.PROCESSING, Status.DUPLICATE_NUMBER]
    await audit(migrated_url)


async def test_a_dry_run_takes_nothing_not_even_for_the_next_of_its_batch(
    merchant: Merchant, changes: Changer, migrated_url: str
) -> None:
    view = await order(merchant, changes)
    before = await contents(migrated_url)
    dry = await changes.generate(draft(merchant, view, dry_run=True))
    assert dry.dry_run
    assert dry.image.state.status == Status.PROCESSING
    assert await contents(migrated_url) == before
    one, two = draft(merchant, view, dry_run=True), draft(merchant, view)
    _, real = await asyncio.gather(changes.generate(one), changes.generate(two))
    assert real.image.particulars.number == "1001-1"
    assert real.image.state.status == Status.PROCESSING
    await audit(migrated_url)


async def test_an_idempotency_key_replays_the_request(merchant: Merchant, changes: Changer, migrated_url: str) -> None:
    view = await order(merchant, changes)
    asked = draft(merchant, view)
    first = await changes.generate(asked, key("k1", "generate"))
    stored = await contents(migrated_url)
    again = await changes.generate(asked, key("k1", "generate"))
    assert again.replayed
    assert again.image == first.image
    assert await contents(migrated_url) == stored
    with pytest.raises(KeyReused):
        await changes.generate(asked, key("k1", "generate", b"another"))
