"""Texts and numbers in JSON bodies: what is refused wherever it stands, and what is kept."""

import json
from decimal import Decimal

import pytest

from tests.wire.bodies import Order, read, refused


class TestCharacters:
    @pytest.mark.parametrize("text", [b"\\ud800", b"\\uDFFF", b"a\\ude00\\ud83d", b"\\u0000", b"x\\u0000y"])
    def test_refused_with_their_place(self, text: bytes) -> None:
        assert refused(b'{"a":["x","%s"]}' % text) == [("/a/1", "bad_characters")]

    def test_refused_in_names_and_in_unknown_members(self) -> None:
        raw = b'{"orderNumber":"abc","\\ud800":1,"zz":{"\\u0000/":"ok","y":"\\ud800"}}'
        assert refused(raw, Order) == [
            ("/?", "bad_characters"),
            ("/zz/?~1", "bad_characters"),
            ("/zz/y", "bad_characters"),
        ]

    @pytest.mark.parametrize(
        ("raw", "text"),
        [(b'"\\\\u0000"', "\\u0000"), (b'"\\ud83d\\ude00"', "😀"), (b'"\\\\ud800"', "\\ud800")],
    )
    def test_what_only_looks_like_it_is_read(self, raw: bytes, text: str) -> None:
        assert read(raw) == text

    def test_text_is_stripped_everywhere_but_in_names(self) -> None:
        raw = json.dumps({" a ": " x\n", "b": [" y ", [" z "], {"c": "\u00a0"}]}).encode()
        assert read(raw) == {" a ": "x", "b": ["y", ["z"], {"c": ""}]}
        assert read(b'" x "') == "x"
        # The careful reading strips alike.
        assert read(raw.replace(b'" y "', b'" 1e5 "')) == {" a ": "x", "b": ["1e5", ["z"], {"c": ""}]}

    def test_lengths_count_after_stripping(self) -> None:
        assert read(b'{"orderNumber":"   1234567890   "}', Order).order_number == "1234567890"
        assert refused(b'{"orderNumber":"     "}', Order) == [("/orderNumber", "blank")]


class TestNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            b"1e999",
            b"-1e400",
            b"1e99999999999999999999",
            b"9223372036854775808",
            b"-9223372036854775809",
            b"9" * 40,
            b"9" * 5000,
            b"1" * 900_000,
            b"1.5E+308000",
        ],
    )
    @pytest.mark.parametrize("member", [b"weight", b"variant", b"unknown"])
    def test_that_do_not_fit(self, member: bytes, number: bytes) -> None:
        raw = b'{"orderNumber":"abc","%s":%s}' % (member, number)
        assert refused(raw, Order) == [(f"/{member.decode()}", "number_too_large")]

    @pytest.mark.parametrize(
        ("raw", "value"),
        [
            (b"9223372036854775807", 2**63 - 1),
            (b"-9223372036854775808", -(2**63)),
            (b"1.0", 1),
            (b"-0.0", 0),
            (b"1E2", 100),
            (b"0.1", Decimal("0.1")),
            (b"1e-5", Decimal("0.00001")),
            (b"0E+999999999", 0),
            (b"12345678901.2345", Decimal("12345678901.2345")),
            (b"1e-999999", Decimal("1e-999999")),
        ],
    )
    def test_that_fit_are_kept_exactly(self, raw: bytes, value: Decimal | int) -> None:
        found = read(raw)
        assert found == value
        assert type(found) is type(value)

    def test_digits_in_text_are_text(self) -> None:
        assert read(b'{"orderNumber":"abc","variant":"420941049205500000000012345678"}', Order).variant == (
            "420941049205500000000012345678"
        )

    def test_money_is_a_number_kept_exactly(self) -> None:
        items = b'{"quantity":2.0,"unitCost":0.1},{"quantity":1,"unitCost":7}'
        raw = b'{"orderNumber":"abc","orderItems":[%s]}' % items
        found = read(raw, Order).order_items
        assert [(item.quantity, item.unit_cost) for item in found] == [(2, Decimal("0.1")), (1, Decimal(7))]
        raw = raw.replace(b"0.1", b'"0.1"').replace(b"7", b"true")
        assert refused(raw, Order) == [
            ("/orderItems/0/unitCost", "wrong_type"),
            ("/orderItems/1/unitCost", "wrong_type"),
        ]

    def test_an_amount_is_any_number(self) -> None:
        raw = b'{"orderNumber":"abc","orderItems":[{"quantity":1,"price":%s}]}'
        for number in (b"7", b"7.25"):
            (item,) = read(raw % number, Order).order_items
            assert item.price == Decimal(number.decode())
        for other in (b'"7"', b'"1_0"', b'"NaN"', b"true", b"{}"):
            assert refused(raw % other, Order) == [("/orderItems/0/price", "wrong_type")]
