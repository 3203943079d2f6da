"""Pages of several statuses, of which little or much changed since a moment: no row is skipped, none comes twice."""

from typing import Any

import pytest

from tests.support.clock import SECOND, START
from tests.support.merchant import Merchant, Wanted
from waypost.app.ports import OrderQuery, RequestQuery, Store, Tx
from waypost.domain.fulfillment import State
from waypost.domain.orders import OrderStatus
from waypost.domain.statuses import Status
from waypost.storage.queries import shortest, walks

LATER = START + 100 * SECOND


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each list, two rows for each that is wanted are looked at first."""
    monkeypatch.setattr(walks, "FEW", 3)
    monkeypatch.setattr(shortest, "ROWS_PER_WANTED", 2)


def wanted(status: Status, changed: bool) -> Wanted:
    """A request that was changed before or after."""

    def tweak(state: State) -> State:
        return state._replace(modified_at=LATER + SECOND if changed else START)

    return Wanted(status, tweak=tweak)


async def test_no_page_passes_over_what_lies_behind_a_look(store: Store, merchant: Merchant) -> None:
    """Ten were acknowledged before, six later, and four canceled: the first five acknowledged have not changed."""
    kinds = [(Status.ACKNOWLEDGED, False)] * 10 + [(Status.ACKNOWLEDGED, True)] * 6 + [(Status.CANCELED, True)] * 4
    ids = await merchant.requests(*(wanted(status, changed) for status, changed in kinds))
    query = RequestQuery(
        merchant.actor().scope, statuses=(Status.ACKNOWLEDGED, Status.CANCELED), updated_after=LATER, limit=2
    )
    assert await store.reads.count_requests(query) == 10
    pages = [await store.reads.versions(query._replace(offset=offset)) for offset in range(0, 12, 2)]
    by_number = [id_ for page in pages for id_, _ in page]
    assert by_number == ids[10:]
    by_id: list[int] = []
    while found := await store.reads.versions(query._replace(since_id=by_id[-1] if by_id else 0)):
        by_id += [id_ for id_, _ in found]
    assert by_id == ids[10:]


async def test_nor_does_a_page_of_orders(store: Store, merchant: Merchant) -> None:
    await merchant.requests(*[Status.PROCESSING] * 20)
    shown = await store.reads.orders(OrderQuery(merchant.actor().scope, limit=100))
    ids = [view.order.id for view in shown]
    assert len(ids) == 20

    async def change(tx: Tx) -> None:
        for place, id_ in enumerate(ids):
            status = OrderStatus.OPEN if place < 16 else OrderStatus.ON_HOLD
            at = START if place < 10 else LATER + SECOND
            await tx.execute("UPDATE orders SET status = $1, updated_at = $2 WHERE id = $3", str(status), at, id_)  # type: ignore[attr-defined]

    await store.write(change)
    query = OrderQuery(
        merchant.actor().scope, statuses=(str(OrderStatus.OPEN), str(OrderStatus.ON_HOLD)), updated_after=LATER, limit=2
    )
    pages = [await store.reads.orders(query._replace(offset=offset)) for offset in range(0, 12, 2)]
    assert [view.order.id for page in pages for view in page] == ids[10:]


async def test_what_moves_up_while_a_page_is_read_is_on_it(store: Store, merchant: Merchant) -> None:
    """Ten of one status, of which the last two have changed; the first four leave it after a look at the first seven."""
    kinds = [(Status.ACKNOWLEDGED, False)] * 8 + [(Status.ACKNOWLEDGED, True)] * 2 + [(Status.CANCELED, True)] * 4
    ids = await merchant.requests(*(wanted(status, changed) for status, changed in kinds))
    query = RequestQuery(merchant.actor().scope, statuses=(Status.ACKNOWLEDGED,), updated_after=LATER, limit=3)
    reads: Any = store.reads
    slow, asked = reads.slow, 0

    async def leave(tx: Tx) -> None:
        for id_ in ids[:4]:
            await tx.execute("UPDATE fulfillment_request_state SET status = 'voided' WHERE id = $1", id_)  # type: ignore[attr-defined]

    async def asking(sql: str, *args: Any) -> Any:
        nonlocal asked
        rows = await slow(sql, *args)
        asked += "AS last" in sql  # a look
        if asked == 1:
            asked += 1
            await store.write(leave)
        return rows

    reads.slow = asking
    found = await store.reads.versions(query)
    assert asked > 1
    assert [id_ for id_, _ in found] == ids[8:10]
