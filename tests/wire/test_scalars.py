"""Single values: what is read, what is refused, and that what is shown reads back."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.wire.scalars import (
    MONEY_BELOW,
    Misread,
    clean_text,
    format_datetime,
    has_bad_characters,
    money,
    parse_bool,
    parse_datetime,
    parse_id,
    parse_int,
    parse_money,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_US = (datetime(1, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
LAST_US = (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


class TestIds:
    @pytest.mark.parametrize(("text", "id_"), [("1", 1), ("0", 0), ("007", 7), (str(2**63 - 1), 2**63 - 1)])
    def test_read(self, text: str, id_: int) -> None:
        assert parse_id(text) == id_

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "١٢",
            "1_0",
            "+1",
            "-1",
            "1" * 40,
            str(2**63),
            "[object Object]",
            " 1",
            "1 ",
            "1\n",
            "1.0",
            "0x1",
            "１",
            "²",
        ],
    )
    def test_refused(self, text: str) -> None:
        assert parse_id(text) is None

    @given(st.integers(0, 2**63 - 1))
    def test_every_id_reads_back(self, id_: int) -> None:
        assert parse_id(str(id_)) == id_

    @given(st.text(max_size=25))
    def test_nothing_but_ascii_digits(self, text: str) -> None:
        if parse_id(text) is not None:
            assert set(text) <= set("0123456789")


class TestIntegersAndBooleans:
    @pytest.mark.parametrize(("text", "value"), [(" 20 ", 20), ("-5", -5), ("0", 0), ("\t7\n", 7)])
    def test_integers_read(self, text: str, value: int) -> None:
        assert parse_int(text) == value

    @pytest.mark.parametrize("text", ["", "abc", "1.0", "+1", "1_0", "١٢", "--1", "1 2", "9" * 19, "1" * 40, "1e3"])
    def test_integers_refused(self, text: str) -> None:
        assert parse_int(text) is None

    @pytest.mark.parametrize(
        ("text", "value"),
        [("true", True), ("FALSE", False), (" True ", True), ("1", True), ("0", False)],
    )
    def test_booleans_read(self, text: str, value: bool) -> None:
        assert parse_bool(text) is value

    @pytest.mark.parametrize("text", ["", "yes", "2", "truee", "t", "null", "-1", "ｔrue"])
    def test_booleans_refused(self, text: str) -> None:
        assert parse_bool(text) is None


class TestMoments:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("2026-04-20", "2026-04-20T00:00:00.000000Z"),
            ("20260420", "2026-04-20T00:00:00.000000Z"),
            ("2026-W17-1", "2026-04-20T00:00:00.000000Z"),
            ("2026W171", "2026-04-20T00:00:00.000000Z"),
            ("2026-04-20T10", "2026-04-20T10:00:00.000000Z"),
            ("2026-04-20T10:30", "2026-04-20T10:30:00.000000Z"),
            ("2026-04-20 10:30:15", "2026-04-20T10:30:15.000000Z"),
            ("20260420T103015Z", "2026-04-20T10:30:15.000000Z"),
            ("  2026-04-20T10:30:15z\n", "2026-04-20T10:30:15.000000Z"),
            ("2026-04-20t10:30:15Z", "2026-04-20T10:30:15.000000Z"),
            ("2026-04-20T10:30:15.5Z", "2026-04-20T10:30:15.500000Z"),
            ("2026-04-20T10:30:15,123", "2026-04-20T10:30:15.123000Z"),
            ("2026-04-20T10:30:15.123456789Z", "2026-04-20T10:30:15.123456Z"),
            ("2026-04-20T10:30:15.9999999Z", "2026-04-20T10:30:15.999999Z"),
            ("2026-04-20T10:30:15+02:00", "2026-04-20T08:30:15.000000Z"),
            ("2026-04-20T10:30:15-0530", "2026-04-20T16:00:15.000000Z"),
            ("2026-04-20T10:30+02", "2026-04-20T08:30:00.000000Z"),
            ("2026-04-20T10:30-00:00", "2026-04-20T10:30:00.000000Z"),
            ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000000Z"),
            ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000000Z"),
        ],
    )
    def test_read(self, text: str, shown: str) -> None:
        assert format_datetime(parse_datetime(text)) == shown

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "yesterday",
            "2026",
            "2026-13-01",
            "2026-02-29",
            "2026-4-2",
            "2026-04-20T25:00",
            "2026-04-20T",
            "2026-04-20T10:00:00 02:00",  # a + that the query turned to a blank is not repaired
            "2026-04-20T10:00:00 Z",
            "2026-04-20x10:00",
            "2026-04-20+02:00",
            "2026-04-20Z",
            "1776643200",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "0000-01-01",
            "-2026-04-20",
            "2026-04-20T10:00+24:00",
            "2026-04-20T10:00:00.",
            "٢٠٢٦-04-20",
            "2026-04-20T10:00:00.٢",
            "2026-04-20\ud80010:00",
            "2026-04-20\x0010:00",
            "2026-04-20T10:00:00" + "0" * 10_000,
            "2" * 10_000,
        ],
    )
    def test_refused(self, text: str) -> None:
        with pytest.raises(Misread) as refused:
            parse_datetime(text)
        assert refused.value.code == "bad_date"
        assert len(refused.value.message) < 200

    def test_a_plus_that_became_a_blank_is_explained(self) -> None:
        with pytest.raises(Misread, match="write %2B"):
            parse_datetime("2026-04-20T08:00:00 02:00")

    @given(st.integers(FIRST_US, LAST_US))
    def test_shown_as_the_standard_library_would(self, us: int) -> None:
        expected = (EPOCH + timedelta(microseconds=us)).strftime("%m-%dT%H:%M:%S.%fZ")
        shown = format_datetime(us)
        assert shown[5:] == expected
        assert int(shown[:4]) == (EPOCH + timedelta(microseconds=us)).year
        assert parse_datetime(shown) == us

    @given(
        st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
        st.integers(-23 * 60 - 59, 23 * 60 + 59),
    )
    def test_any_zone_is_turned_to_utc(self, local: datetime, offset: int) -> None:
        moment = local.replace(tzinfo=timezone(timedelta(minutes=offset)))
        assert EPOCH + timedelta(microseconds=parse_datetime(moment.isoformat())) == moment
        assert parse_datetime(local.isoformat()) == parse_datetime(local.isoformat() + "Z")

    @given(st.text("0123456789-:TWZ+., ", max_size=40))
    def test_nothing_else_is_ever_raised(self, text: str) -> None:
        try:
            us = parse_datetime(text)
        except Misread:
            return
        assert FIRST_US <= us <= LAST_US

    @pytest.mark.parametrize("us", [FIRST_US - 1, LAST_US + 1])
    def test_outside_the_calendar_is_never_shown(self, us: int) -> None:
        with pytest.raises(OverflowError):
            format_datetime(us)


class TestMoney:
    @pytest.mark.parametrize(
        ("given_", "kept"),
        [
            (1, 10_000),
            (0, 0),
            (-3, -30_000),
            (Decimal("1.5"), 15_000),
            (Decimal("0.0001"), 1),
            (Decimal("-0.0001"), -1),
            (Decimal("1.50000000"), 15_000),
            (Decimal("1E+5"), 10**9),
            (Decimal("0E+999999999"), 0),
            (Decimal("-0"), 0),
            (Decimal("99999999999.9999"), 999_999_999_999_999),
            (Decimal("-99999999999.9999"), -999_999_999_999_999),
        ],
    )
    def test_read(self, given_: Decimal | int, kept: int) -> None:
        assert parse_money(given_) == kept

    @pytest.mark.parametrize(
        "given_",
        [
            Decimal("0.00001"),
            Decimal("1.23456"),
            Decimal("99999999999.99999"),
            Decimal("NaN"),
            Decimal("sNaN"),
            Decimal("Infinity"),
            Decimal("-Infinity"),
            Decimal(10**11),
            Decimal(-(10**11)),
            10**11,
            10**4000,
            Decimal("1E+999999999"),
            Decimal("1E-999999999"),
            Decimal("1." + "0" * 100_000 + "1"),
        ],
    )
    def test_refused(self, given_: Decimal | int) -> None:
        with pytest.raises(Misread) as refused:
            parse_money(given_)
        assert refused.value.code == "bad_amount"

    @given(st.integers(-MONEY_BELOW * 10_000 + 1, MONEY_BELOW * 10_000 - 1))
    def test_every_amount_read_is_shown_exactly(self, amount: int) -> None:
        shown = msgspec.json.encode(money(amount))
        assert parse_money(Decimal(shown.decode())) == amount
        assert Decimal(shown.decode()) == Decimal(amount).scaleb(-4)

    def test_whole_amounts_have_no_point(self) -> None:
        assert msgspec.json.encode([money(120_000), money(0), money(125_000)]) == b"[12,0,12.5]"


class TestText:
    def test_stripped_and_counted_in_code_points(self) -> None:
        assert clean_text("\u00a0 \t𝒳é \n", 2) == "𝒳é"
        assert clean_text("a" * 2000 + "  ", 2000) == "a" * 2000
        assert clean_text("  ", 5) == ""

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("abc", "too_long"),
            ("a\0", "bad_characters"),
            ("\ud800", "bad_characters"),
            ("é\0", "bad_characters"),
        ],
    )
    def test_refused(self, text: str, code: str) -> None:
        with pytest.raises(Misread) as refused:
            clean_text(text, 2)
        assert refused.value.code == code

    @given(st.text(st.characters(exclude_categories=()), max_size=8))
    def test_bad_characters_are_exactly_nul_and_surrogates(self, text: str) -> None:
        assert has_bad_characters(text) == any(c == "\0" or 0xD800 <= ord(c) <= 0xDFFF for c in text)
