"""Column lists, made from the records themselves, so that a row is a record without any mapping."""

from typing import Any

from waypost.app.ports import AccountRow, ChannelRow, SourceRow, TokenRow
from waypost.domain.events import Event
from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.orders import Order, OrderItem


def listed(record: Any, alias: str = "") -> str:
    """The record's columns, in its order, each with the table's alias."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(f"{prefix}{name}" for name in record._fields)


def places(record: Any, first: int = 1) -> str:
    """As many `$n` as the record has columns."""
    return ", ".join(f"${first + index}" for index in range(len(record._fields)))


STATE_WIDTH = len(State._fields)
FIXED = ("id", "account_id", "source_id", "channel_id", "order_id")
CHANGING = tuple(name for name in State._fields if name not in FIXED)
LINE_CHANGING = (
    "acknowledged", "secondary_acknowledged", "shipped", "canceled", "killed", "voided", "external_accounting_id",
)  # fmt: skip
ITEM_CHANGING = ("allocated", "acknowledged", "shipped", "canceled")
ORDER_CHANGING = ("acknowledged_status", "shipped_status", "updated_at")

STATE = listed(State, "s")
PARTICULARS = listed(Particulars, "f")
LINE = listed(Line)
EVENT = listed(Event)
ORDER = listed(Order)
ITEM = listed(OrderItem)
TOKEN = listed(TokenRow)
SOURCE = listed(SourceRow)
CHANNEL = listed(ChannelRow)
ACCOUNT = listed(AccountRow)
