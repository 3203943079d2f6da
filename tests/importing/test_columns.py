"""Headers: what each names, and everything that is wrong with it at once."""

import pytest

from waypost.importing.columns import INVENTORY, ORDERS, READ, matched
from waypost.importing.files import Unreadable


def test_names_in_any_case_and_order() -> None:
    found = matched(["QUANTITY", "ordernumber", "shippingAddress.city", "orderItems.sku", "customFields.Gift Note",
                     "orderItems.customFields.size"], ORDERS)  # fmt: skip
    assert [column.path for column in found] == [
        ("orderItems", "quantity"), ("orderNumber",), ("shippingAddress", "city"), ("orderItems", "sku"),
        ("customFields", "Gift Note"), ("orderItems", "customFields", "size"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (["orderNumber", "sku"], ["'quantity' is missing"]),
        (["sku", "price"], ["'orderNumber' is missing", "'quantity' is missing"]),
        (["orderNumber", "quantity", "qantity"], ["'qantity' is not known. Did you mean 'quantity'?"]),
        (["orderNumber", "quantity", "sku", "SKU"], ["'sku' is there twice"]),
        (["orderNumber", "quantity", "sku", "orderItems.sku"], ["'sku' is there twice"]),
        (["orderNumber", "", "quantity"], ["Column 2 has no name"]),
        (["orderNumber", "quantity", "customFields."], ["'customFields.' is not known"]),
        (["a", "b"], ["names no column that is known"]),
        ([], ["names no column that is known"]),
    ],
)
def test_everything_that_is_wrong_is_named(header: list[str], words: list[str]) -> None:
    with pytest.raises(Unreadable) as refused:
        matched(header, ORDERS)
    for word in words:
        assert word in str(refused.value)


def test_inventory_needs_a_sku() -> None:
    with pytest.raises(Unreadable, match="'sku' is missing"):
        matched(["quantity"], INVENTORY)


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("whole", "12", 12), ("whole", "-3", -3), ("whole", "1.5", "1.5"), ("whole", "1_0", "1_0"), ("whole", "١٢", "١٢"),
        ("whole", "+1", "+1"), ("whole", "9" * 31, "9" * 31), ("amount", "12,90", "12,90"), ("amount", "1e3", "1e3"),
        ("amount", "1,000.00", "1,000.00"), ("amount", "NaN", "NaN"), ("flag", "TRUE", True), ("flag", "no", False),
        ("flag", "maybe", "maybe"), ("list", "a, b,,c", ["a", "b", "c"]), ("list", '["a,b","c"]', ["a,b", "c"]),
        ("list", "[broken", "[broken"),
    ],
)  # fmt: skip
def test_cells_become_values_or_stay_text(kind: str, cell: str, value: object) -> None:
    found = READ[kind](cell)
    assert (found, type(found)) == (value, type(value))


def test_amounts_are_exact() -> None:
    assert str(READ["amount"]("12.9000")) == "12.9000"
