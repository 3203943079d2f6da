"""Pages of the log that endpoints share, and what is never shared; deliveries that two have written."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.events.conftest import Sending
from tests.support.receiver import Receiver
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.webhooks import Delivery, Settlement, Webhook
from waypost.domain.statuses import Status
from waypost.events.pages import KEPT, Page, Pages


async def hooks(sending: Sending, wanted: Sequence[dict[str, Any]]) -> list[Webhook]:
    """Endpoints, all at the beginning of the log."""
    made = [await sending.configure("http://127.0.0.1:65000/", **one) for one in wanted]
    read = sending.world.hub.reads
    found = {hook.id: hook for hook in await read.webhooks(sending.world.ours.account)}
    return [found[one["id"]]._replace(cursor=0) for one in made]


async def test_a_page_is_read_once_for_all_who_see_as_much(
    sending: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sending.world
    sources = world.ours.sources
    one, same, few, bound, other = await hooks(
        sending, [{}, {}, {"subscribedEvents": ["order.*"]}, {"sourceId": sources[0]}, {"sourceId": sources[1]}]
    )
    await world.request(Status.PROCESSING_ERROR)
    asked: list[FeedQuery] = []
    reads = world.hub.reads
    feed = reads.feed

    async def counted(query: FeedQuery) -> Any:
        asked.append(query)
        return await feed(query)

    monkeypatch.setattr(reads, "feed", counted)
    pages = Pages(reads)

    def types(page: Page) -> set[str]:
        return {message.name for _, some in page.messages for message in some}

    first = await pages.after(one)
    assert await pages.after(same) is first
    assert len(asked) == 1
    assert "fulfillment_request.failed" in types(first)
    assert types(await pages.after(few)) == {"order.created"}
    assert await pages.after(bound) is not await pages.after(bound), "what a source may see can change"
    assert types(await pages.after(bound)) > types(await pages.after(other))
    behind = len(asked)
    await world.request()
    page = await pages.after(one._replace(cursor=first.reached))
    assert page.messages[0][0] == first.reached + 1, "what has come since is found from where the page ends"
    assert len(asked) == behind + 1
    for cursor in range(KEPT):
        await pages.after(few._replace(cursor=cursor % 2, subscribed=f'["order.*", "x{cursor}.y"]'))
    behind = len(asked)
    await pages.after(one)
    assert len(asked) == behind + 1, "only a few are kept"


async def test_a_delivery_that_somebody_has_written_later_keeps_what_it_says(
    sending: Sending, receiver: Receiver
) -> None:
    """Both forms of writing: of what was not there when it was read, and of what was."""
    store = sending.world.hub.store
    made = await sending.configure(receiver.url)
    hook = made["id"]
    await store.write(lambda tx: tx.claim_webhook(hook, "me", sending.clock(), sending.clock() + 10**9))
    row = Delivery(0, hook, "evt_1", 1, "order.created", "delivered", 1, None, "[1]", 100, 100, 100)

    async def settle(*deliveries: tuple[Delivery, int]) -> None:
        told = Settlement(hook, "me", 1, 0, None, 0, sending.clock() + 10**9, deliveries)
        assert (await store.write(lambda tx: tx.settle_webhooks([told])))[0] is not None

    async def kept() -> Delivery:
        return (await sending.world.hub.reads.deliveries_of(hook, ["evt_1"]))["evt_1"]._replace(id=0)

    await settle((row, 100))
    assert await kept() == row
    again = row._replace(status="pending", next_at=300, attempts=0, updated_at=200, delivered_at=None)
    await store.write(lambda tx: tx.put_deliveries([again]))  # it is to be sent again
    for late, seen in ((row._replace(log="[1, 2]"), 100), (row._replace(log="[1, 2]", updated_at=150), 100)):
        await settle((late, seen))
        assert await kept() == again._replace(log="[1, 2]"), "it is still to be sent, and its log is longer"
    done = again._replace(status="delivered", next_at=None, attempts=1, log="[1, 2, 3]", updated_at=400, delivered_at=400)
    await settle((done, 200))
    assert await kept() == done
