"""Source invoices: what a source charges for a request, item by item; totals come from the items (section 4)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class InvoiceStatus(StrEnum):
    """Whether it is settled, and how."""

    UNPAID = "unpaid"
    PAID = "paid"
    CREDITED = "credited"
    REFUNDED = "refunded"


class ItemType(StrEnum):
    """What an item charges for."""

    PRODUCT = "product"
    SHIPPING = "shipping"
    FEE = "fee"
    TAX = "tax"
    OTHER = "other"


class Invoice(NamedTuple):
    """One invoice. Money in ten-thousandths, times in microseconds UTC."""

    id: int
    account_id: int
    source_id: int
    request_id: int
    status: InvoiceStatus
    invoice_number: str
    invoice_date: int
    total_credit_cost: int
    commission: int | None
    vendor_payout_id: int | None
    accounting_synced: bool | None
    external_accounting_id: str | None
    accounting_error: str | None
    custom_fields: str  # JSON array of {id, name, value}
    inserted_at: int
    updated_at: int
    version: int  # from 1, raised by every change of it or its items


class InvoiceItem(NamedTuple):
    """One charge. `cost` is that of the whole item, `unit_cost` of one piece."""

    id: int
    invoice_id: int
    type: ItemType
    inventory_variant_id: int | None
    sku: str | None
    title: str | None
    quantity: int
    unit_cost: int
    cost: int
    external_accounting_item_id: str | None
    custom_fields: str


class InvoiceView(NamedTuple):
    """An invoice with the number of its request and its items."""

    invoice: Invoice
    request_number: str
    items: tuple[InvoiceItem, ...]


class Totals(NamedTuple):
    """What the items come to. `quantity` counts products."""

    product: int
    shipping: int
    fee: int
    tax: int
    other: int
    quantity: int

    @property
    def cost(self) -> int:
        """All of it."""
        return self.product + self.shipping + self.fee + self.tax + self.other


def totals(items: Iterable[InvoiceItem]) -> Totals:
    """The totals, by type."""
    costs = dict.fromkeys(ItemType, 0)
    quantity = 0
    for item in items:
        costs[ItemType(item.type)] += item.cost
        quantity += item.quantity if item.type == ItemType.PRODUCT else 0
    return Totals._make((*(costs[type_] for type_ in ItemType), quantity))


def unit_cost(cost: int, quantity: int) -> int:
    """What one of `quantity` pieces costs, where only the whole is known: to the nearest ten-thousandth, half up."""
    return (2 * cost + quantity) // (2 * quantity)
