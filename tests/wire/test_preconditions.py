"""If-Match, Idempotency-Key and X-Request-Id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.wire.faults import Fault
from waypost.wire.preconditions import (
    clean_request_id,
    format_etag,
    parse_idempotency_key,
    parse_if_match,
    read_idempotency_key,
    read_if_match,
)


class TestIfMatch:
    @pytest.mark.parametrize(
        ("value", "versions"),
        [
            ('"3"', {3}),
            ('  "3" ', {3}),
            ('"3","4" , "5"', {3, 4, 5}),
            ('"3",, ,"4",', {3, 4}),
            ('W/"3"', set()),
            ('W/"3", "4"', {4}),
            ('"abc"', set()),
            ('"a,b", "2"', {2}),
            ('""', set()),
            ('"03"', set()),
            ('"3 "', None),
            ('"+3"', set()),
            ('"é"', set()),
            ('"' + "9" * 40 + '"', set()),
            ('"0"', set()),
        ],
    )
    def test_read(self, value: str, versions: set[int] | None) -> None:
        faults: list[Fault] = []
        found = parse_if_match(value, faults)
        assert found == (None if versions is None else frozenset(versions))
        assert bool(faults) == (versions is None)

    def test_any_version(self) -> None:
        faults: list[Fault] = []
        assert parse_if_match(" * ", faults) == "*"
        assert faults == []

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "  ",
            ",",
            "3",
            "'3'",
            '"3',
            '3"',
            '"3" "4"',
            '*, "3"',
            '"3", *',
            'w/"3"',
            'W/ "3"',
            "W/",
            '"3"x',
            "**",
        ],
    )
    def test_refused(self, value: str) -> None:
        faults: list[Fault] = []
        assert parse_if_match(value, faults) is None
        assert [(fault.where, fault.name, fault.code) for fault in faults] == [("header", "If-Match", "bad_etag")]

    @given(st.integers(1, 10**18))
    def test_what_is_sent_matches(self, version: int) -> None:
        assert parse_if_match(format_etag(version), []) == frozenset({version})

    @given(st.text('W/"123, *', max_size=12))
    def test_anything_is_read_or_refused(self, value: str) -> None:
        faults: list[Fault] = []
        assert (parse_if_match(value, faults) is None) == bool(faults)

    def test_a_long_run_of_blanks_costs_nothing(self) -> None:
        faults: list[Fault] = []
        assert parse_if_match('"1",' + " " * 500_000 + "x", faults) is None

    def test_out_of_raw_headers(self) -> None:
        assert read_if_match([(b"host", b"x")], []) is None
        assert read_if_match([(b"if-match", b'"1"'), (b"host", b"x"), (b"if-match", b'"2"')], []) == frozenset({1, 2})
        faults: list[Fault] = []
        assert read_if_match([(b"if-match", b"*"), (b"if-match", b'"2"')], faults) is None
        assert len(faults) == 1


class TestIdempotencyKey:
    @pytest.mark.parametrize("value", ["a", "!" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324", '"quoted"', "a,b"])
    def test_read(self, value: str) -> None:
        faults: list[Fault] = []
        assert parse_idempotency_key(value, faults) == value
        assert faults == []

    @pytest.mark.parametrize("value", ["", "a" * 256, "a b", "é", "a\tb", "a\n", "\x7f", "ключ"])
    def test_refused(self, value: str) -> None:
        faults: list[Fault] = []
        assert parse_idempotency_key(value, faults) is None
        assert [(fault.name, fault.code) for fault in faults] == [("Idempotency-Key", "bad_key")]

    def test_out_of_raw_headers(self) -> None:
        faults: list[Fault] = []
        assert read_idempotency_key([(b"host", b"x")], faults) is None
        assert read_idempotency_key([(b"idempotency-key", b" k1 ")], faults) == "k1"
        assert faults == []

    def test_given_twice_is_refused(self) -> None:
        faults: list[Fault] = []
        assert read_idempotency_key([(b"idempotency-key", b"a"), (b"idempotency-key", b"a")], faults) is None
        assert [fault.code for fault in faults] == ["repeated_header"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("abc-1._Z", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("a b", False),
        ("é", False),
        ("a\n", False),
    ],
)
def test_request_ids_are_echoed_or_replaced(value: str, kept: bool) -> None:
    assert clean_request_id(value) == (value if kept else None)
