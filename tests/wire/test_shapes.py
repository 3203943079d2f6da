"""The shape of a body: every fault at once, at its place, and none that msgspec would not see."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from tests.wire.bodies import Order, read, refused
from waypost.wire.faults import FAULTS_AT_MOST, BadInput


class Between(Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low is above high")


class Holder(Struct):
    ranges: list[Between]


class TestShapes:
    def test_unknown_members_are_ignored(self) -> None:
        assert read(b'{"orderNumber":"abc","foo":{"bar":[1]}}', Order) == Order("abc")

    def test_every_fault_at_once(self) -> None:
        body = {
            "orderItems": [
                {"quantity": 0, "sku": ""},
                None,
                {"sku": "toolong", "unitCost": []},
                {"quantity": 1.5},
            ],
            "tags": ["ok", "long", 5],
            "weight": 10,
            "gift": "yes",
            "color": "green",
            "kind": "maim",
            "extra": {"a": 1, "b/c": "x"},
            "code": "A1",
            "variant": [],
        }
        assert refused(json.dumps(body).encode(), Order) == [
            ("/orderNumber", "required"),
            ("/orderItems", "too_many_items"),
            ("/orderItems/0/quantity", "out_of_range"),
            ("/orderItems/0/sku", "blank"),
            ("/orderItems/1", "wrong_type"),
            ("/orderItems/2/quantity", "required"),
            ("/orderItems/2/sku", "too_long"),
            ("/orderItems/2/unitCost", "wrong_type"),
            ("/orderItems/3/quantity", "wrong_type"),
            ("/tags/1", "too_long"),
            ("/tags/2", "wrong_type"),
            ("/weight", "out_of_range"),
            ("/gift", "wrong_type"),
            ("/color", "unknown_value"),
            ("/kind", "unknown_value"),
            ("/extra/b~1c", "wrong_type"),
            ("/code", "wrong_form"),
            ("/variant", "wrong_type"),
        ]

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"[]", "The body must be an object, not a list."),
            (b'{"orderNumber":null}', "/orderNumber must be text, not null."),
            (b'{"orderNumber":"a"}', "/orderNumber must have at least 2 characters, not 1."),
            (b'{"orderNumber":"abc","orderItems":[]}', "/orderItems must have at least 1 item, not 0."),
            (b'{"orderNumber":"abc","gift":1}', "/gift must be true or false or null, not a whole number."),
            (
                b'{"orderNumber":"abc","variant":1.5}',
                "/variant must be a whole number or text or null, not a number with decimals.",
            ),
            (
                b'{"orderNumber":"abc","orderItems":[{"quantity":1,"price":"7"}]}',
                "/orderItems/0/price must be a number or null, not text.",
            ),
            (b'{"orderNumber":"abc","weight":0}', "/weight must be more than 0 and less than 10."),
            (b'{"orderNumber":true}', "/orderNumber must be text, not true."),
        ],
    )
    def test_words_for_a_person(self, raw: bytes, message: str) -> None:
        with pytest.raises(BadInput) as caught:
            read(raw, Order)
        assert [fault.message for fault in caught.value.faults] == [message]

    def test_what_only_the_struct_itself_sees(self) -> None:
        assert refused(b'{"ranges":[{"low":1,"high":2},{"low":3,"high":2}]}', Holder) == [("/ranges/1", "invalid")]

    def test_the_number_of_faults_is_bounded(self) -> None:
        raw = json.dumps({"orderNumber": "abc", "tags": [1] * 10_000}).encode()
        assert len(refused(raw, Order)) == FAULTS_AT_MOST

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(-3, 20, width=32) | st.text("ab ", max_size=12),
        lambda c: (
            st.lists(c, max_size=4) | st.dictionaries(st.sampled_from(["quantity", "sku", "unitCost", "price"]), c)
        ),
        max_leaves=8,
    )

    @given(st.dictionaries(st.sampled_from([f.encode_name for f in msgspec.structs.fields(Order)]), JSON))
    def test_refused_exactly_when_msgspec_refuses(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        try:
            expected = msgspec.json.decode(msgspec.json.encode(_prepared(body)), type=Order)
        except msgspec.ValidationError:
            assert "invalid" not in [code for _, code in refused(raw, Order)]
        else:
            assert read(raw, Order) == expected


def _prepared(value: Any) -> Any:
    """As bodies are read: texts stripped, whole floats as integers; text in place of money is no number."""
    if isinstance(value, dict):
        return {
            name: ["not money"] if name in ("unitCost", "price") and isinstance(member, str) else _prepared(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_prepared(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.strip() if isinstance(value, str) else value
