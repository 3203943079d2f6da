"""Source invoices: what a source charges for a request is kept, and the request marked as invoiced (section 4)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from waypost.app.actor import Actor
from waypost.app.commands import Command, Invoicing
from waypost.app.desk import Desk
from waypost.app.ports import Tx
from waypost.app.ports.invoices import ChargedVariant
from waypost.app.records import Made, Notice, RecordChange
from waypost.app.slices import in_slices
from waypost.app.transitions import ask_for
from waypost.domain.events import INVOICE_UPDATED
from waypost.domain.invoices import Invoice, InvoiceItem, InvoiceStatus, InvoiceView, ItemType
from waypost.domain.lifecycle import Action
from waypost.domain.refusals import Invalid, NotFound, Problem, Refusal, Stale
from waypost.domain.statuses import Status

ITEMS_AT_MOST = 1000  # of one invoice


class ChargeDraft(NamedTuple):
    """One item of an invoice. Money in ten-thousandths; `cost` is that of the whole item."""

    type: ItemType
    quantity: int
    unit_cost: int
    cost: int
    sku: str | None = None
    variant_id: int | None = None
    title: str | None = None
    custom_fields: str = "[]"


class InvoiceDraft(NamedTuple):
    """An invoice as posted."""

    actor: Actor
    request_id: int
    items: tuple[ChargeDraft, ...]
    number: str | None = None  # None: the request's
    status: InvoiceStatus = InvoiceStatus.PAID
    date: int | None = None  # None: now
    custom_fields: str = "[]"
    call_id: str | None = None
    dry_run: bool = False


class Invoiced(NamedTuple):
    """A success: the invoice, and the status of its request, which stays."""

    view: InvoiceView
    status: Status
    replayed: bool = False
    dry_run: bool = False


async def create_invoices(tx: Tx, drafts: Sequence[InvoiceDraft], now: int) -> list[Invoiced | Refusal]:
    """Post a batch; one outcome a draft."""
    commands = [
        Command(Action.INVOICE, draft.request_id, draft.actor, draft.call_id, Invoicing(), dry_run=draft.dry_run)
        for draft in drafts
    ]
    accounts = sorted({draft.actor.scope.account_id for draft in drafts})
    loaded = await tx.load([ask_for(command) for command in commands], accounts)
    charges = [charge for draft in drafts for charge in draft.items]
    named = sorted({charge.variant_id for charge in charges if charge.variant_id is not None})
    skus = {
        (state.source_id, charge.sku) for state, draft in zip(loaded.states, drafts, strict=True) if state is not None
        for charge in draft.items if charge.sku is not None
    }  # fmt: skip
    variants = _Variants(await tx.charged_variants(named, skus))
    item_ids = iter(await tx.new_ids("source_invoice_item", len(charges)))
    numbers = {id_: one.number for id_, one in loaded.particulars.items()}
    bench = _Bench(Desk(loaded, now), numbers, variants, item_ids, [])
    outcomes: list[Invoiced | Refusal] = []
    for place, (draft, id_) in enumerate(zip(drafts, await tx.new_ids("source_invoice", len(drafts)), strict=True)):
        try:
            outcomes.append(bench.post(place, commands[place], draft, id_))
        except Refusal as refusal:
            outcomes.append(refusal)
    changes = await in_slices(bench.desk.changes())
    if changes is not None:
        await tx.write(changes)
    if bench.made:
        items = [item for view in bench.made for item in view.items]
        await tx.insert_invoices([view.invoice for view in bench.made], items)
    return outcomes


class _Variants:
    """The inventory that a batch speaks of, as each source has it."""

    def __init__(self, found: Sequence[ChargedVariant]) -> None:
        self._by_id = {(one.source_id, one.id): one for one in found}
        self._by_sku = {(one.source_id, one.sku): one for one in found}

    def of(self, source_id: int, charge: ChargeDraft) -> ChargedVariant | None:
        """The variant that an item is about; a SKU that the source does not have is the item's own word."""
        if charge.variant_id is not None:
            return self._by_id.get((source_id, charge.variant_id))
        return self._by_sku.get((source_id, charge.sku)) if charge.sku else None


class _Bench(NamedTuple):
    """One batch of invoices at work."""

    desk: Desk
    numbers: Mapping[int, str]  # by request id
    variants: _Variants
    item_ids: Iterator[int]
    made: list[InvoiceView]

    def post(self, place: int, command: Command, draft: InvoiceDraft, invoice_id: int) -> Invoiced:
        """One invoice, or the refusal that stops it."""
        state = self.desk.state_at(place)
        if state is None:
            raise NotFound
        items = self._items(draft, state.source_id, invoice_id)
        settled = self.desk.settle(place, command._replace(details=Invoicing(invoice_id)))
        if isinstance(settled, Refusal):
            raise settled
        at, number = self.desk.at, self.numbers[state.id]
        invoice = Invoice(
            invoice_id, state.account_id, state.source_id, state.id, draft.status, draft.number or number,
            at if draft.date is None else draft.date, 0, None, None, None, None, None, draft.custom_fields, at, at, 1,
        )  # fmt: skip
        view = InvoiceView(invoice, number, items)
        if not draft.dry_run:
            self.made.append(view)
        return Invoiced(view, settled.to_status, dry_run=draft.dry_run)

    def _items(self, draft: InvoiceDraft, source_id: int, invoice_id: int) -> tuple[InvoiceItem, ...]:
        items = []
        problems = []
        for place, charge in enumerate(draft.items):
            variant = self.variants.of(source_id, charge)
            contradicts = variant is not None and charge.sku not in (None, variant.sku)
            if contradicts or (charge.variant_id is not None and variant is None):
                words = "The source has no such inventory under this SKU." if contradicts else (
                    "The source has no such inventory.")  # fmt: skip
                problems.append(Problem(f"/invoice_items/{place}/variant_id", "unknown_variant", words))
                continue
            sku = variant.sku if variant else charge.sku
            title = charge.title or (variant.title if variant else None)
            if title is None and charge.type is ItemType.PRODUCT:
                title = sku
            items.append(
                InvoiceItem(next(self.item_ids), invoice_id, charge.type, variant.id if variant else None, sku, title,
                            charge.quantity, charge.unit_cost, charge.cost, None, charge.custom_fields)
            )  # fmt: skip
        if problems:
            raise Invalid(problems)
        return tuple(items)


class InvoicePatch(NamedTuple):
    """What changes of an invoice. `items`: (id, or None for a new one; what accounting calls it)."""

    invoice_id: int
    fields: Mapping[str, Any] = {}  # columns that are simply written
    items: tuple[tuple[int | None, str], ...] = ()
    expected: frozenset[int] | str | None = None  # If-Match: versions, or "*"


def invoice_change(actor: Actor, patch: InvoicePatch) -> RecordChange[InvoiceView]:
    """A change of an invoice; a new item is one that accounting has made: of type other, at no cost."""

    async def work(tx: Tx, at: int) -> Made[InvoiceView]:
        was = await tx.invoice_view(actor.scope, patch.invoice_id)
        if was is None:
            raise NotFound("source invoice")
        if patch.expected not in (None, "*") and was.invoice.version not in (patch.expected or ()):
            raise Stale(was.invoice.version)
        known = {item.id: item for item in was.items}
        problems = [
            Problem(f"/items/{place}/invoice_item_id", "unknown_item", "The invoice has no such item.")
            for place, (id_, _) in enumerate(patch.items)
            if id_ is not None and id_ not in known
        ]
        count = sum(id_ is None for id_, _ in patch.items)
        if count and len(was.items) + count > ITEMS_AT_MOST:
            words = f"An invoice has at most {ITEMS_AT_MOST} items; this one would have {len(was.items) + count}."
            problems.append(Problem("/items", "too_many_items", words))
        if problems:
            raise Invalid(problems)
        fresh = iter(await tx.new_ids("source_invoice_item", count))
        more = []
        for id_, name in patch.items:
            if id_ is None:
                more.append(_unpriced(next(fresh), patch.invoice_id, name))
            else:
                known[id_] = known[id_]._replace(external_accounting_item_id=name)
        now = was._replace(invoice=was.invoice._replace(**patch.fields), items=(*known.values(), *more))
        if now == was:
            return Made(was)
        now = now._replace(invoice=now.invoice._replace(updated_at=at, version=was.invoice.version + 1))
        await tx.update_invoice(now.invoice, [known[item.id] for item in was.items if known[item.id] != item])
        await tx.insert_invoices([], more)
        told = {"fulfillmentRequestId": was.invoice.request_id, "changed": _changed(was, now)}
        return Made(now, (Notice("source_invoice", patch.invoice_id, INVOICE_UPDATED, told),))

    return RecordChange(actor, work, InvoiceView)


def _unpriced(id_: int, invoice_id: int, name: str) -> InvoiceItem:
    return InvoiceItem(id_, invoice_id, ItemType.OTHER, None, None, None, 1, 0, 0, name, "[]")


_TOLD = {
    "status": "status", "total_credit_cost": "totalCreditCost", "vendor_payout_id": "vendorPayoutId",
    "accounting_synced": "accountingSynced", "external_accounting_id": "externalAccountingId",
    "accounting_error": "accountingSyncError",
}  # fmt: skip


def _changed(was: InvoiceView, now: InvoiceView) -> list[str]:
    named = [told for name, told in _TOLD.items() if getattr(was.invoice, name) != getattr(now.invoice, name)]
    return named + ["items"] * (was.items != now.items)
