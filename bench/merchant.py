"""The merchant that `bench.scale` measures: 50 sources, and a year of orders that go through the hub's use cases.

`Merchant` makes one block of 1,000 requests: 980 that are over or stuck, and 20 that are open. `bench.multiply` copies
the block. Every row of the block is written by the hub, so `waypost check` accepts it.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from bench import orders as order_bench
from bench.seeding import DIGEST
from bench.shop import ACCOUNT, BACKLOG, COST, POLLED, PUSHED, SOURCES, WEBHOOK, WORK, order_of, stock_of, write_catalog
from waypost.app.actor import Actor, Scope
from waypost.app.commands import Command, Done, FailureReport, IdempotencyKey
from waypost.app.generation import Generated, RequestDraft, generate
from waypost.app.handover import Begun, ClaimAsk, Settlement, Start, advance, claim
from waypost.app.inventory import change_inventory
from waypost.app.invoices import ChargeDraft, Invoiced, InvoiceDraft, create_invoices
from waypost.app.orders import OrderPosted, create_orders
from waypost.app.ports import KeptOutcome, Store, Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.kinds import Result
from waypost.app.ports.webhooks import Delivery
from waypost.app.shipment_drafts import PieceDraft, ShipmentDraft
from waypost.app.shipments import Shipped, create_shipments
from waypost.app.stored_records import encode_record
from waypost.app.transitions import perform
from waypost.domain.fulfillment import FulfillmentRequest
from waypost.domain.handover import Outcome, Policy
from waypost.domain.invoices import ItemType
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status

LEASE = 600 * 1_000_000  # microseconds
FAILURES = ("out_of_stock", "address_invalid", "source_rejected", "price_mismatch", "other")
Plan = tuple[int, str]  # source, what becomes of the request

STUCK_GROUPS: tuple[Plan, ...] = (
    *((source, f"failed {code}") for source in (1, 2, 3, 4) for code in FAILURES),
    *((source, "failed other") for source in (11, 12, 13)),
    (1, f"blocked {Status.ADDITIONAL_INFO_REQUIRED}"), (3, f"blocked {Status.CROSS_DOCKED}"),
)  # fmt: skip
"""25 groups of 4: even the small account has more of each than `GET /attention` shows at once."""
OPEN: tuple[Plan, ...] = (*((BACKLOG, "deferred"),) * 5, *((POLLED, "waits"),) * 13, *((21, "processed"),) * 2)
CLOSED = 880
BLOCK = CLOSED + 4 * len(STUCK_GROUPS) + len(OPEN)


def _closed() -> Iterable[Plan]:
    """Four sources get 90 % of the orders; 50 of 880 requests are canceled or voided, the others are shipped."""
    for n in range(CLOSED):
        source = 5 + n // 10 % (SOURCES - 4) if n % 10 == 0 else 1 + n % 4
        yield source, {3: "canceled", 19: "canceled", 31: "voided"}.get(n % 53, "shipped")


HISTORY: tuple[Plan, ...] = (*_closed(), *STUCK_GROUPS * 4)


class Clock:
    """The time of a part: `start` and further steps, in microseconds."""

    def __init__(self, start: int, step: int) -> None:
        self._now, self._step = start, step

    def tick(self) -> int:
        """The next moment."""
        self._now += self._step
        return self._now


class _Life(NamedTuple):
    """A request, and what becomes of it."""

    image: FulfillmentRequest
    fate: str

    @property
    def id(self) -> int:
        return self.image.state.id

    @property
    def source(self) -> int:
        return self.image.state.source_id


class Merchant:
    """Writes the parts of the account through `store`; `url` is its database.

    `today`: the orders of the block are there, with other numbers.
    """

    def __init__(self, store: Store, url: str, today: bool = False) -> None:
        self._store = store
        self._url = url
        self._orders = 10 * BLOCK if today else 0
        self._me = Actor("account", Scope(ACCOUNT), 1, "bench", 1)

    async def open_shop(self, at: int) -> None:
        """Write the account, its sources and stock, its channel, its token and its webhook."""
        await self._store.write(lambda tx: write_catalog(tx, at))
        for source in range(1, SOURCES + 1):
            call = stock_of(self._me, source)
            await self._store.write(lambda tx, call=call: change_inventory(tx, [call], at))  # type: ignore[misc]

    async def live(self, plans: Sequence[Plan], clock: Clock, recent: int) -> None:
        """Let these requests happen, step by step. `recent`: when what the hub keeps for some days only was written."""
        lives = await self._begin(plans, clock)
        await self._hand_over(lives, clock)
        told, at = clock.tick(), clock.tick()
        await self._perform([life for life in lives if _is_polled(life)], Action.PROCESSED, told)
        for action, fates in ((Action.FAIL, "failed"), (Action.CANCEL, "canceled"), (Action.VOID, "voided")):
            await self._perform([life for life in lives if life.fate.startswith(fates)], action, at)
        shipped = [life for life in lives if life.fate == "shipped"]
        if shipped:
            done = await self._perform(shipped, Action.ACKNOWLEDGE, at)
            await self._ship(shipped, clock.tick())
            await self._invoice(shipped, clock.tick())
            await self._keep(shipped, done, recent)
        await self._alert([life for n, life in enumerate(lives) if n % 10 < 3], told, at)
        await self._deliver(lives, recent)

    async def reserve(self, count: int, quantity: int, at: int) -> None:
        """Requests in Processing of the source `WORK`, of one item of so many pieces each."""
        for first in range(0, count, 1000):
            plans = [(WORK, "waits")] * min(1000, count - first)
            await self._begin(plans, Clock(at, 1), quantity)

    async def catch_up(self) -> None:
        """The webhook has had every event."""
        last = (await order_bench.rows(self._url, "SELECT last_seq AS n FROM account_counter"))[0]["n"]
        await self._store.write(lambda tx: tx.update_row("webhook", WEBHOOK, {"cursor": last}))

    async def _begin(self, plans: Sequence[Plan], clock: Clock, quantity: int | None = None) -> list[_Life]:
        drafts = []
        for _ in plans:
            self._orders += 1
            drafts.append(order_of(self._me, self._orders, quantity))
        at, then = clock.tick(), clock.tick()

        async def make(tx: Tx) -> list[FulfillmentRequest]:
            posted = _all(OrderPosted, await create_orders(tx, drafts, at))
            asked = [
                RequestDraft(self._me, one.view.order.id, source, status=_first(fate))
                for one, (source, fate) in zip(posted, plans, strict=True)
            ]
            return [one.image for one in _all(Generated, await generate(tx, asked, then))]

        made = await self._store.write(make)
        return [_Life(image, fate) for image, (_, fate) in zip(made, plans, strict=True)]

    async def _hand_over(self, lives: Sequence[_Life], clock: Clock) -> None:
        """A worker claims what `PUSHED` sources wait for and sends it; `deferred` stays in Processing, to be tried later."""
        by_id = {life.id: life for life in lives}
        claimed_at, sent_at, ended_at = clock.tick(), clock.tick(), clock.tick()

        async def work(tx: Tx) -> None:
            wanted = tuple((source, BLOCK, False) for source in PUSHED)
            (taken,) = await claim(tx, [ClaimAsk("worker", wanted, LEASE)], claimed_at)
            starts = [
                Start(one, "worker", by_id[one.request_id].image.state.version, _SHOWN, LEASE, 1) for one in taken
            ]
            if set(await advance(tx, starts, sent_at)) - {Begun.YES}:
                raise RuntimeError("the hub did not begin one of the bench's hand-overs")
            ends = [Settlement(one, "worker", _result(by_id[one.request_id]), Policy(), 0.5) for one in taken]
            await advance(tx, ends, ended_at)

        await self._store.write(work)

    async def _perform(self, lives: Sequence[_Life], action: Action, at: int) -> list[Done]:
        if not lives:
            return []
        reason = "Not needed any more" if action in (Action.CANCEL, Action.VOID) else None
        commands = [
            Command(action, life.id, self._me, details=_report(life, action), reason=reason, wants_image=False)
            for life in lives
        ]
        return _all(Done, await self._store.write(lambda tx: perform(tx, commands, at)))

    async def _ship(self, lives: Sequence[_Life], at: int) -> None:
        drafts = [
            ShipmentDraft(
                self._me, life.id, None, None, f"TRACK-{life.id}",
                tuple(PieceDraft(line.quantity, line_id=line.id) for line in life.image.lines),
                carrier="UPS", method="Ground",
            ) for life in lives
        ]  # fmt: skip
        _all(Shipped, await self._store.write(lambda tx: create_shipments(tx, drafts, at)))

    async def _invoice(self, lives: Sequence[_Life], at: int) -> None:
        drafts = [
            InvoiceDraft(self._me, life.id, tuple(
                ChargeDraft(ItemType.PRODUCT, line.quantity, COST, COST * line.quantity, line.sku)
                for line in life.image.lines
            )) for life in lives
        ]  # fmt: skip
        _all(Invoiced, await self._store.write(lambda tx: create_invoices(tx, drafts, at)))

    async def _alert(self, lives: Sequence[_Life], at: int, settled_at: int) -> None:
        """A clock rule has told of these, and they have moved on since."""
        raised = [
            Attention(ACCOUNT, life.source, "fulfillment_request", life.id, "unacknowledged", "Not confirmed in time.", at)
            for life in lives
        ]  # fmt: skip

        async def work(tx: Tx) -> None:
            await tx.raise_attention(raised)
            for one in raised:
                await tx.settle_attention(ACCOUNT, one.subject, one.subject_id, [one.code], settled_at)

        await self._store.write(work)

    async def _keep(self, lives: Sequence[_Life], done: Sequence[Done], at: int) -> None:
        """The keys with which these were acknowledged."""
        kept = [
            KeptOutcome(IdempotencyKey(1, f"ack-{life.id}", "acknowledge_fulfillment_request", DIGEST), ACCOUNT,
                        encode_record(one))
            for life, one in zip(lives, done, strict=True)
        ]  # fmt: skip

        async def work(tx: Tx) -> None:
            await tx.claim_keys([one.key for one in kept])
            await tx.keep(kept, at)

        await self._store.write(work)

    async def _deliver(self, lives: Sequence[_Life], at: int) -> None:
        """The webhook has been sent the last event of each."""
        first, last = min(life.id for life in lives), max(life.id for life in lives)
        sql = f"""SELECT max(seq) AS seq FROM event WHERE subject = 'fulfillment_request'
          AND subject_id BETWEEN {first} AND {last} GROUP BY subject_id"""
        log = json.dumps([{"at": at, "status": 200, "duration_us": 12_000, "error": None}])
        sent = [
            Delivery(0, WEBHOOK, f"msg-{row['seq']}", row["seq"], "fulfillment_request.updated", "delivered", 1, None, log,
                     at, at, at)
            for row in await order_bench.rows(self._url, sql)
        ]  # fmt: skip
        await self._store.write(lambda tx: tx.put_deliveries(sent))


_SHOWN = json.dumps({"method": "POST", "url": "https://source.example/orders", "body": {"number": "O-1"}})


def _all(type_: Callable[..., Any], outcomes: Iterable[Any]) -> list[Any]:
    """The outcomes, none of which is a refusal."""
    found = list(outcomes)
    for one in found:
        if not isinstance(one, type_):  # type: ignore[arg-type]
            raise RuntimeError(f"the hub refused a call of the bench: {one!r}")
    return found


def _first(fate: str) -> Status | None:
    return Status(fate.removeprefix("blocked ")) if fate.startswith("blocked ") else None


def _is_polled(life: _Life) -> bool:
    return life.source not in PUSHED and life.fate != "waits" and not life.fate.startswith("blocked")


def _report(life: _Life, action: Action) -> FailureReport | None:
    if action is not Action.FAIL:
        return None
    return FailureReport("The source says that it cannot ship this.", life.fate.removeprefix("failed "))


def _result(life: _Life) -> Result:
    if life.fate == "deferred":  # until long after the bench has ended
        return Result(Outcome.DEFERRED, message="503", retry_after_s=2 * 366 * 24 * 3600, status=503, duration_us=9_000)
    return Result(
        Outcome.DELIVERED, reference=f"S-{life.id}", status=201, response='{"number": "S1"}', duration_us=9_000
    )
