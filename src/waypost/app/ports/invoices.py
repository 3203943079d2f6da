"""Source invoices: how they are read and written."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.invoices import Invoice, InvoiceItem, InvoiceView


class InvoiceQuery(NamedTuple):
    """Filters of the list; None means no filter. Times in microseconds, exclusive."""

    scope: Scope
    request_id: int | None = None
    created_after: int | None = None
    source_id: int | None = None
    accounting_synced: bool | None = None
    of_synced_request: bool | None = None  # whose request accounting has
    has_error: bool | None = None  # of accounting
    ids: tuple[int, ...] = ()
    limit: int = 20
    offset: int = 0


class ChargedVariant(NamedTuple):
    """What an invoice item says of the inventory it is about."""

    id: int
    source_id: int
    sku: str
    title: str | None


class InvoiceReads(Protocol):
    """The part of `Reads` that is about invoices."""

    async def invoice(self, scope: Scope, invoice_id: int) -> InvoiceView | None: ...

    async def invoices(self, query: InvoiceQuery) -> list[InvoiceView]:
        """One page, by time of insertion, then id."""
        ...


class InvoiceTx(Protocol):
    """The part of `Tx` that is about invoices."""

    async def charged_variants(self, ids: Sequence[int], names: Collection[tuple[int, str]]) -> list[ChargedVariant]:
        """The inventory with these ids, of whatever source; and that with these names: source and SKU."""
        ...

    async def invoice_view(self, scope: Scope, invoice_id: int) -> InvoiceView | None: ...

    async def insert_invoices(self, invoices: Sequence[Invoice], items: Sequence[InvoiceItem]) -> None: ...

    async def update_invoice(self, invoice: Invoice, items: Sequence[InvoiceItem]) -> None:
        """Write the invoice as it becomes, and what accounting calls these items."""
        ...
