"""The life cycle of an order: one table, and `decide_order()`, which reads it (contract section 5).

What people ask for stands here beside what follows from the items: all shipped closes an order, all canceled cancels
it, and one of which less has shipped than was counted is open again (`domain.orders.roll_up`).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from waypost.domain.orders import OrderStatus


class OrderAction(StrEnum):
    """What can happen to the status of an order, or is allowed by it."""

    CREATE = "create"
    RELEASE = "release"
    HOLD = "hold"
    FAIL = "fail"
    AWAIT_SHIPPING_METHOD = "await_shipping_method"
    UNMANAGE = "unmanage"
    CLOSE = "close"
    CANCEL = "cancel"
    ADD_ITEMS = "add_items"
    LINK = "link"
    GENERATE = "generate"
    GENERATE_BY_HAND = "generate_by_hand"
    ALL_SHIPPED = "all_shipped"
    ALL_CANCELED = "all_canceled"
    LESS_SHIPPED = "less_shipped"


class OrderRow(NamedTuple):
    """One line of the table. `outcome` is part of the key of what is created."""

    action: OrderAction
    sources: tuple[OrderStatus, ...]
    to: OrderStatus | None  # None: the status stays
    who: tuple[str, ...]
    repeat_from: tuple[OrderStatus, ...] = ()  # where a repeat is answered with "no change"


S, A = OrderStatus, OrderAction
MERCHANT = ("account", "user", "system")
OWNERS = ("account", "channel", "user", "system")
HUB = ("system",)

# Written out, never "all except": a status added later is allowed nowhere until somebody decides.
UNFINISHED = (S.OPEN, S.ON_HOLD, S.FAILED, S.NO_SHIPPING_METHOD, S.NOT_MANAGED, S.DRAFT)
ANY = (*UNFINISHED, S.CLOSED, S.CANCELED)
HELD_OR_SET_ASIDE = (S.ON_HOLD, S.FAILED, S.NO_SHIPPING_METHOD, S.NOT_MANAGED, S.DRAFT)
# The original knows the name; nothing here makes a draft.
NEVER_MADE = (S.DRAFT,)

TABLE: tuple[OrderRow, ...] = (
    OrderRow(A.CREATE, (), S.OPEN, OWNERS),
    OrderRow(A.CREATE, (), S.ON_HOLD, HUB),
    OrderRow(A.CREATE, (), S.NO_SHIPPING_METHOD, HUB),
    OrderRow(A.CREATE, (), S.NOT_MANAGED, HUB),
    OrderRow(A.RELEASE, (*HELD_OR_SET_ASIDE, S.CLOSED, S.CANCELED), S.OPEN, MERCHANT, repeat_from=(S.OPEN,)),
    OrderRow(A.HOLD, (S.OPEN, S.FAILED, S.NO_SHIPPING_METHOD, S.NOT_MANAGED, S.DRAFT), S.ON_HOLD, MERCHANT,
             repeat_from=(S.ON_HOLD,)),
    OrderRow(A.FAIL, (S.OPEN, S.ON_HOLD, S.NO_SHIPPING_METHOD, S.NOT_MANAGED), S.FAILED, MERCHANT,
             repeat_from=(S.FAILED,)),
    OrderRow(A.AWAIT_SHIPPING_METHOD, (S.OPEN, S.ON_HOLD, S.FAILED, S.NOT_MANAGED), S.NO_SHIPPING_METHOD, MERCHANT,
             repeat_from=(S.NO_SHIPPING_METHOD,)),
    OrderRow(A.UNMANAGE, (S.OPEN, S.ON_HOLD, S.FAILED, S.NO_SHIPPING_METHOD), S.NOT_MANAGED, MERCHANT,
             repeat_from=(S.NOT_MANAGED,)),
    OrderRow(A.CLOSE, UNFINISHED, S.CLOSED, MERCHANT, repeat_from=(S.CLOSED,)),
    # Asked again, it stops what could not be stopped before.
    OrderRow(A.CANCEL, (*UNFINISHED, S.CANCELED), S.CANCELED, MERCHANT),
    OrderRow(A.ADD_ITEMS, (S.OPEN,), None, OWNERS),
    OrderRow(A.LINK, UNFINISHED, None, MERCHANT),
    OrderRow(A.GENERATE, (S.OPEN,), None, MERCHANT),
    # Who names the source has looked at what holds the order.
    OrderRow(A.GENERATE_BY_HAND, UNFINISHED, None, MERCHANT),
    OrderRow(A.ALL_SHIPPED, ANY, S.CLOSED, HUB),
    OrderRow(A.ALL_CANCELED, ANY, S.CANCELED, HUB),
    OrderRow(A.LESS_SHIPPED, (S.CLOSED,), S.OPEN, HUB),
)  # fmt: skip

SETTABLE = {row.to: row.action for row in TABLE if row.repeat_from or row.action is A.CANCEL}
"""Which action a person asks for who sets this status (`PATCH /orders/{id}/status`)."""


LINKABLE = tuple(status for row in TABLE if row.action is A.LINK for status in row.sources)
"""Where unmanaged items of an order may still be linked."""


class OrderMove(NamedTuple):
    """It happens; `to` equals the present status where the row leaves it alone."""

    row: OrderRow
    to: OrderStatus


class OrderUnchanged(NamedTuple):
    """Already so."""

    row: OrderRow


OrderDecision = OrderMove | OrderUnchanged | None

_ROWS = {row.action: row for row in TABLE if row.sources}


def decide_order(status: OrderStatus, action: OrderAction) -> OrderDecision:
    """What `action` does to an order in `status`; None: the table does not list it. Pure and total."""
    row = _ROWS.get(action)
    if row is None:
        return None
    if status in row.sources:
        return OrderMove(row, row.to or OrderStatus(status))
    return OrderUnchanged(row) if status in row.repeat_from else None


def settable(status: OrderStatus) -> tuple[OrderStatus, ...]:
    """The statuses that the table lets a person set now, in the contract's order."""
    return tuple(to for to, action in SETTABLE.items() if to and status != to and status in _ROWS[action].sources)


def check_order_table(table: Sequence[OrderRow] = TABLE) -> None:
    """Refuse to start on a table with an unreachable status, a dead end, or two rows for one key."""
    if len({(row.action, None if row.sources else row.to) for row in table}) != len(table):
        raise AssertionError("two rows of the order's life cycle share an action")
    if set(ANY) != set(OrderStatus):
        raise AssertionError("a status is missing from ANY")
    reached = {row.to for row in table if not row.sources}
    while True:
        further = {row.to for row in table if row.to and reached.intersection(row.sources)} - reached
        if not further:
            break
        reached |= further
    for status in OrderStatus:
        if (status in reached) == (status in NEVER_MADE):
            raise AssertionError(f"an order comes to stand in {status} exactly when something makes it so")
        if not any(status in row.sources and row.to not in (None, status) for row in table):
            raise AssertionError(f"nothing leads out of {status}")


check_order_table()
