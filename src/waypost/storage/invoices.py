"""Source invoices, in SQL."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from waypost.app.actor import Scope
from waypost.app.large_work import OUT_OF_TURN, LargeWork, OutOfTurn
from waypost.app.ports.invoices import ChargedVariant, InvoiceQuery
from waypost.domain.invoices import Invoice, InvoiceItem, InvoiceView
from waypost.storage.dialect import Dialect
from waypost.storage.grouping import grouped
from waypost.storage.queries import columns
from waypost.storage.queries.pages import Page, Pages, Walk, owned
from waypost.storage.queries.requests import Filter
from waypost.storage.speaking import Reader, Statements

Fetch = Callable[..., Awaitable[list[Sequence[Any]]]]

_WIDTH = len(Invoice._fields)
_ITEM = columns.listed(InvoiceItem)
_CHANGING = (
    "status", "total_credit_cost", "vendor_payout_id", "accounting_synced", "external_accounting_id",
    "accounting_error", "updated_at", "version",
)  # fmt: skip
_STATE = "(SELECT s.{column} FROM fulfillment_request_state s WHERE s.id = v.request_id)"
_INVOICE = f"""{columns.listed(Invoice, "v")},
  (SELECT f.number FROM fulfillment_request f WHERE f.id = v.request_id)"""
# What pages are filtered by.
_FILTERED = ("account_id", "source_id", "request_id", "accounting_synced", "accounting_error")


def _scoped(where: Filter, scope: Scope) -> None:
    """A source sees its own, of requests that were released to it; a channel is shown none (contract section 1.3).

    A plus takes the column from the planners, which would take an index of the account for a key that is given.
    """
    where.add("+v.account_id = ?", scope.account_id)
    if scope.source_id is not None:
        where.add(f"+v.source_id = ? AND {_STATE.format(column='released_seq')} IS NOT NULL", scope.source_id)
    if scope.channel_id is not None:
        where.add("1 = 0")


async def _views(
    dialect: Dialect, fetch: Fetch, rows: Sequence[Sequence[Any]], work: LargeWork | OutOfTurn = OUT_OF_TURN
) -> list[InvoiceView]:
    """Invoices with their items."""
    if not rows:
        return []
    where = dialect.any_of("invoice_id", 1)
    sql = f"SELECT {_ITEM} FROM source_invoice_item WHERE {where} ORDER BY invoice_id, id"
    found = await fetch(sql, dialect.array([row[0] for row in rows]))
    items = await grouped(found, 1, InvoiceItem._make, work)
    return [InvoiceView(Invoice._make(row[:_WIDTH]), row[_WIDTH], tuple(items.get(row[0], ()))) for row in rows]


async def _one(dialect: Dialect, fetch: Fetch, scope: Scope, invoice_id: int) -> InvoiceView | None:
    where = Filter(dialect)
    where.add("v.id = ?", invoice_id)
    _scoped(where, scope)
    sql = f"SELECT {_INVOICE} FROM source_invoice v WHERE {' AND '.join(where.terms)}"
    views = await _views(dialect, fetch, await fetch(sql, *where.args))
    return views[0] if views else None


def _is(where: Filter, flag: str, wanted: bool | None) -> None:
    """A flag that is true, or is not (null included)."""
    if wanted is not None:
        where.terms.append(f"{flag} IS {'' if wanted else 'NOT '}TRUE")


def _page(dialect: Dialect, query: InvoiceQuery) -> Page:
    """One page, by creation."""
    scope = query.scope

    def bind(where: Filter) -> None:
        _scoped(where, scope)
        if query.source_id is not None:
            where.add("+v.source_id = ?", query.source_id)

    def match(where: Filter) -> None:
        if query.request_id is not None:
            where.add("v.request_id = ?", query.request_id)
        where.any_of("v.id", query.ids, "bigint")
        where.after("v.inserted_at", query.created_after)
        _is(where, "v.accounting_synced", query.accounting_synced)
        _is(where, _STATE.format(column="accounting_synced"), query.of_synced_request)
        where.known("v.accounting_error", query.has_error)

    account = ("account_id", scope.account_id)
    source_id = query.source_id if scope.source_id is None else scope.source_id
    owner = account if source_id is None else owned("source_id", source_id, scope)
    walk = Walk("source_invoice", "v", (owner,), ("inserted_at", "id"), query.created_after)
    pages = Pages(dialect, _INVOICE, walk, bind, query.limit, query.offset)
    if query.request_id is not None or query.ids:
        return pages.looked_up(match)
    for index, named in (("failed", query.has_error), ("synced", query.accounting_synced),
                         ("not_synced", query.accounting_synced is False)):  # fmt: skip
        if named:
            rare = walk._replace(key=(account,), named=index)
            return pages.narrowed(match, _FILTERED, rare)
    return pages.plain(match)


class InvoiceReading(Reader):
    """See `ports.invoices`."""

    async def invoice(self, scope: Scope, invoice_id: int) -> InvoiceView | None:
        """One, as far as `scope` may see it."""
        return await _one(self.dialect, self.quick, scope, invoice_id)

    async def invoices(self, query: InvoiceQuery) -> list[InvoiceView]:
        """One page."""
        return await _views(self.dialect, self.slow, await _page(self.dialect, query).read(self.slow), self.large)


class InvoiceWriting(Statements):
    """See `ports.invoices`."""

    async def charged_variants(self, ids: Sequence[int], names: Collection[tuple[int, str]]) -> list[ChargedVariant]:
        """See `ports.invoices`."""
        d = self.dialect
        asked: list[tuple[str, list[Any]]] = []
        if ids:
            asked.append((f"FROM inventory_variant v WHERE {d.any_of('v.id', 1)}", [d.array(ids)]))
        if names:
            asked.append(d.by_pair("inventory_variant", "v", ("source_id", "sku"), names))
        found: dict[int, ChargedVariant] = {}
        for found_by, args in asked:
            rows = await self.fetch(f"SELECT {columns.listed(ChargedVariant, 'v')} {found_by}", *args)
            found |= {row[0]: ChargedVariant._make(row) for row in rows}
        return list(found.values())

    async def invoice_view(self, scope: Scope, invoice_id: int) -> InvoiceView | None:
        """See `ports.invoices`."""
        return await _one(self.dialect, self.fetch, scope, invoice_id)

    async def insert_invoices(self, invoices: Sequence[Invoice], items: Sequence[InvoiceItem]) -> None:
        """See `ports.invoices`."""
        for table, record, rows in (
            ("source_invoice", Invoice, invoices),
            ("source_invoice_item", InvoiceItem, items),
        ):
            sql = f"INSERT INTO {table} ({columns.listed(record)}) VALUES ({columns.places(record)})"
            await self.execute_many(sql, rows)

    async def update_invoice(self, invoice: Invoice, items: Sequence[InvoiceItem]) -> None:
        """See `ports.invoices`."""
        sets = ", ".join(f"{name} = ${place}" for place, name in enumerate(_CHANGING, 1))
        sql = f"UPDATE source_invoice SET {sets} WHERE id = ${len(_CHANGING) + 1}"
        await self.execute_many(sql, [(*(getattr(invoice, name) for name in _CHANGING), invoice.id)])
        sql = "UPDATE source_invoice_item SET external_accounting_item_id = $1 WHERE id = $2"
        await self.execute_many(sql, [(item.external_accounting_item_id, item.id) for item in items])
