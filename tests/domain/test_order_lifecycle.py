"""The life cycle of an order against contract section 5, which stands here once more, as data."""

import json

import pytest

from waypost.domain import order_lifecycle
from waypost.domain.order_lifecycle import (
    SETTABLE,
    TABLE,
    OrderAction,
    OrderMove,
    OrderUnchanged,
    check_order_table,
    decide_order,
    settable,
)
from waypost.domain.orders import HELD, HOLD_CODES, HoldReason, Order, OrderItem, OrderStatus, Progress, held, roll_up

COLUMNS = (
    OrderStatus.OPEN,
    OrderStatus.ON_HOLD,
    OrderStatus.FAILED,
    OrderStatus.NO_SHIPPING_METHOD,
    OrderStatus.NOT_MANAGED,
    OrderStatus.DRAFT,
    OrderStatus.CLOSED,
    OrderStatus.CANCELED,
)
LETTERS = dict(zip("OHFSMDCX", COLUMNS, strict=True))

# One letter a status, in the order of COLUMNS: where it leads. `=` changes nothing, `s` leaves the status, `.` is refused.
CONTRACT = """
action                 O H F S M D C X
release                = O O O O O O O
hold                   H = H H H H . .
fail                   F F = F F . . .
await_shipping_method  S S S = S . . .
unmanage               M M M M = . . .
close                  C C C C C C = .
cancel                 X X X X X X . s
add_items              s . . . . . . .
link                   s s s s s s . .
generate               s . . . . . . .
generate_by_hand       s s s s s s . .
all_shipped            C C C C C C s C
all_canceled           X X X X X X X s
less_shipped           . . . . . . O .
create                 . . . . . . . .
"""


def rules() -> dict[str, dict[OrderStatus, str]]:
    """CONTRACT, taken apart."""
    lines = [text.split() for text in CONTRACT.strip().splitlines()[1:]]
    return {action: dict(zip(COLUMNS, letters, strict=True)) for action, *letters in lines}


RULES = rules()


def seen(status: OrderStatus, action: OrderAction) -> str:
    """The letter that the decision would have in CONTRACT."""
    decision = decide_order(status, action)
    if isinstance(decision, OrderMove):
        return "s" if decision.to == status else next(k for k, v in LETTERS.items() if v == decision.to)
    return "=" if isinstance(decision, OrderUnchanged) else "."


@pytest.mark.parametrize("action", list(OrderAction))
def test_every_status_under_every_action_is_as_the_contract_says(action: OrderAction) -> None:
    assert {status: seen(status, action) for status in COLUMNS} == RULES[action.value]


def test_the_contract_above_covers_everything() -> None:
    assert set(COLUMNS) == set(OrderStatus)
    assert set(RULES) == set(OrderAction)
    assert set(SETTABLE) == set(OrderStatus) - {OrderStatus.DRAFT}


@pytest.mark.parametrize("status", list(OrderStatus))
def test_settable_names_what_would_move(status: OrderStatus) -> None:
    expected = {to for to, action in SETTABLE.items() if RULES[action.value][status] not in ".=s"}
    assert set(settable(status)) == expected


def test_who_may_do_what() -> None:
    people = {"account", "user", "system"}
    who = {row.action: set(row.who) for row in TABLE if row.sources}
    assert who.pop(OrderAction.ADD_ITEMS) == people | {"channel"}
    for derived in (OrderAction.ALL_SHIPPED, OrderAction.ALL_CANCELED, OrderAction.LESS_SHIPPED):
        assert who.pop(derived) == {"system"}
    assert all(allowed == people for allowed in who.values())


def test_the_check_finds_two_rows_for_one_action() -> None:
    with pytest.raises(AssertionError, match="share an action"):
        check_order_table((*TABLE, TABLE[-1]))


def test_the_check_finds_a_status_that_nothing_leads_to() -> None:
    with pytest.raises(AssertionError, match="stand in failed"):
        check_order_table([row for row in TABLE if row.action is not OrderAction.FAIL])


def test_the_check_finds_a_status_that_is_made_although_nobody_should() -> None:
    made = order_lifecycle.OrderRow(OrderAction.CREATE, (), OrderStatus.DRAFT, ("account",))
    with pytest.raises(AssertionError, match="stand in draft"):
        check_order_table((*TABLE, made))


def test_the_check_finds_a_dead_end() -> None:
    stuck = [row._replace(sources=tuple(s for s in row.sources if s != OrderStatus.CANCELED)) for row in TABLE]
    with pytest.raises(AssertionError, match="out of canceled"):
        check_order_table([row for row in stuck if row.action is not OrderAction.ALL_SHIPPED])


def order(status: OrderStatus, shipped: Progress = Progress.NOT_STARTED, reasons: str = "[]") -> Order:
    """An order that nothing is known of but this."""
    blank: dict[str, object] = dict.fromkeys(Order._fields)
    given = {"id": 1, "status": status, "shipped_status": shipped, "hold_reasons": reasons}
    return Order(**{**blank, **given})  # type: ignore[arg-type]  # by name


def item(quantity: int, shipped: int = 0, canceled: int = 0) -> OrderItem:
    """An item of which so much has shipped."""
    blank: dict[str, object] = dict.fromkeys(OrderItem._fields)
    given = {"quantity": quantity, "acknowledged": shipped, "shipped": shipped, "canceled": canceled}
    return OrderItem(**{**blank, **given})  # type: ignore[arg-type]  # by name


DERIVED = {
    "all shipped": ([item(3, shipped=2, canceled=1)], OrderAction.ALL_SHIPPED),
    "all canceled": ([item(3, canceled=3), item(1, canceled=1)], OrderAction.ALL_CANCELED),
    "less shipped": ([item(3, shipped=2)], OrderAction.LESS_SHIPPED),
}


@pytest.mark.parametrize("case", DERIVED)
@pytest.mark.parametrize("status", list(OrderStatus))
def test_roll_ups_move_an_order_as_the_table_says(status: OrderStatus, case: str) -> None:
    items, action = DERIVED[case]
    now = roll_up(order(status, Progress.COMPLETED), items).status
    decision = decide_order(status, action)
    assert now == (decision.to if isinstance(decision, OrderMove) else status)


def test_an_order_closed_by_hand_is_not_opened_by_what_happens_to_it() -> None:
    assert roll_up(order(OrderStatus.CLOSED, Progress.PARTIALLY_COMPLETED), [item(3, shipped=2)]).status == "closed"


@pytest.mark.parametrize("status", list(OrderStatus))
def test_reasons_go_with_the_hold(status: OrderStatus) -> None:
    rolled = roll_up(order(status, reasons='[{"code":"x","message":"y"}]'), [item(3)])
    assert (rolled.hold_reasons != "[]") == (status in HELD)


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ((), "open"), (("possible_duplicate",), "on_hold"), (("no_available_quantity", "no_eligible_source"), "on_hold"),
        (("no_available_quantity", "shipping_text_unmapped"), "no_shipping_method"),
        (("shipping_text_unmapped", "unknown_sku", "possible_duplicate"), "not_managed"),
    ],
)  # fmt: skip
def test_what_is_found_decides_where_an_order_is_held_and_is_listed_whole(codes: tuple[str, ...], status: str) -> None:
    now = held(order(OrderStatus.OPEN), [HoldReason(code, f"about {code} – ü") for code in codes])
    assert now.status == status
    assert [reason["code"] for reason in json.loads(now.hold_reasons)] == list(codes)
    assert set(codes) <= set(HOLD_CODES)
