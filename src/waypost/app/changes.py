"""Asking for changes: single commands and bulk ones, on their way to the one road.

An idempotency key is claimed in memory before its command queues, so that a second call with the same key gets
its refusal at once and never waits; between processes the transaction itself decides.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from waypost.app.actor import Actor
from waypost.app.commands import Command, Done, IdempotencyKey
from waypost.app.generation import Generated, RequestDraft, generate
from waypost.app.goods import InventoryCall, InventoryDone
from waypost.app.idempotency import Call, once
from waypost.app.inventory import change_inventory
from waypost.app.invoices import Invoiced, InvoiceDraft, create_invoices
from waypost.app.lists import Bulk, BulkDone, Pull, Pulled, perform_bulk, pull
from waypost.app.orders import OrderDraft, OrderPosted, create_orders
from waypost.app.ports import Clock, Tx
from waypost.app.records import RecordChange, Recorded, record_changes
from waypost.app.shipment_changes import Patched, patch_shipments
from waypost.app.shipment_drafts import PatchCall, ShipmentDraft
from waypost.app.shipments import Shipped, create_shipments
from waypost.app.transitions import perform
from waypost.app.turns import Queued, in_turn
from waypost.app.writer import BatchWork, Writer
from waypost.domain.refusals import KeyInProgress, Refusal

J = TypeVar("J")
R = TypeVar("R")


TimedWork = Callable[[Tx, Sequence[J], int], Awaitable[Sequence[R]]]
"""As `BatchWork`, with the time of the batch in microseconds."""


class KeyClaims:
    """The idempotency keys whose calls are under way in this process."""

    def __init__(self) -> None:
        self._held: set[tuple[int, str]] = set()

    @contextmanager
    def hold(self, key: IdempotencyKey | None) -> Iterator[None]:
        """Hold `key` while its call runs; `KeyInProgress` when somebody else does."""
        if key is None:
            yield
            return
        if key.name in self._held:
            raise KeyInProgress
        self._held.add(key.name)
        try:
            yield
        finally:
            self._held.discard(key.name)


def timed(work: TimedWork[J, R], clock: Clock) -> BatchWork[J, R]:
    """`work` with the time of its batch bound."""

    async def bound(tx: Tx, jobs: Sequence[J]) -> Sequence[R]:
        return await work(tx, jobs, clock())

    return bound


UseCase = BatchWork[Queued[Call[J]], R | Refusal]
"""Work as the writer takes it: for jobs that queued, with their keys."""


def use_case(
    work: TimedWork[J, R | Refusal], type_of: Callable[[J], Any], clock: Clock, monotonic: Callable[[], float]
) -> UseCase[J, R]:
    """`work` behind what every use case needs. `type_of`: the type of a job's outcome."""
    return in_turn(once(timed(work, clock), type_of, clock), clock, monotonic)


class Changer:
    """Runs each use case through the group-commit writer. Refusals of single calls are raised.

    A call that comes with an idempotency key is applied once: see `app.idempotency`.
    """

    def __init__(self, writer: Writer, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._writer = writer
        self._monotonic = monotonic
        self._claims = KeyClaims()

        def made(work: TimedWork[J, R | Refusal], type_: type[R]) -> UseCase[J, R]:
            return use_case(work, lambda job: type_, clock, monotonic)

        self._perform = made(perform, Done)
        self._bulk = made(perform_bulk, BulkDone)
        self._pull = made(pull, Pulled)
        self._orders = made(create_orders, OrderPosted)
        self._generate = made(generate, Generated)
        self._ship = made(create_shipments, Shipped)
        self._patch_shipments = made(patch_shipments, Patched)
        self._invoice = made(create_invoices, Invoiced)
        self._inventory = made(change_inventory, InventoryDone)
        self._record: UseCase[RecordChange[Any], Recorded[Any]] = use_case(
            record_changes, lambda change: Recorded[change.type], clock, monotonic  # type: ignore[name-defined]
        )

    async def change(self, command: Command, key: IdempotencyKey | None = None) -> Done:
        """One command."""
        return await self._one(self._perform, command, command.actor, key)

    async def bulk(self, bulk: Bulk, key: IdempotencyKey | None = None) -> BulkDone:
        """One transaction, one batch of its own; a result per command, refusals included."""
        return await self._alone(self._bulk, bulk, bulk.commands[0].actor, key)

    async def pull(self, asked: Pull, key: IdempotencyKey | None = None) -> Pulled:
        """What stands in Processing, moved to Processed."""
        return await self._alone(self._pull, asked, asked.actor, key)

    async def create_order(self, draft: OrderDraft, key: IdempotencyKey | None = None) -> OrderPosted:
        """An order, created or found."""
        return await self._one(self._orders, draft, draft.actor, key)

    async def generate(self, draft: RequestDraft, key: IdempotencyKey | None = None) -> Generated:
        """A fulfillment request, generated by hand."""
        return await self._one(self._generate, draft, draft.actor, key)

    async def ship(self, draft: ShipmentDraft, key: IdempotencyKey | None = None) -> Shipped:
        """A shipment."""
        return await self._one(self._ship, draft, draft.actor, key)

    async def patch_shipments(self, call: PatchCall, key: IdempotencyKey | None = None) -> Patched:
        """Shipments corrected, all or none."""
        return await self._alone(self._patch_shipments, call, call.patches[0].actor, key)

    async def invoice(self, draft: InvoiceDraft, key: IdempotencyKey | None = None) -> Invoiced:
        """A source invoice."""
        return await self._one(self._invoice, draft, draft.actor, key)

    async def record(self, change: RecordChange[R], key: IdempotencyKey | None = None) -> Recorded[R]:
        """One change of a record."""
        return await self._alone(self._record, change, change.actor, key)

    async def change_inventory(self, call: InventoryCall, key: IdempotencyKey | None = None) -> InventoryDone:
        """Inventory, as a whole; a call about one variant may share its transaction with others."""
        run = self._one if len(call.variants) == 1 else self._alone
        return await run(self._inventory, call, call.actor, key)

    async def _one(self, use: UseCase[J, R], job: J, actor: Actor, key: IdempotencyKey | None) -> R:
        with self._claims.hold(key):
            return _raised(await self._writer.submit(use, self._queued(job, actor, key)))

    async def _alone(self, use: UseCase[J, R], job: J, actor: Actor, key: IdempotencyKey | None) -> R:
        with self._claims.hold(key):
            return _raised((await self._writer.submit_alone(use, [self._queued(job, actor, key)]))[0])

    def _queued(self, job: J, actor: Actor, key: IdempotencyKey | None) -> Queued[Call[J]]:
        return Queued(Call(job, actor.scope.account_id, key), actor, self._monotonic())


def _raised(settled: R | Refusal) -> R:
    if isinstance(settled, Refusal):
        raise settled
    return settled
