"""The query string, judged as raw bytes: lenient where clients rely on it, strict on everything else."""

from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.texts import is_blank
from waypost.wire import query as q
from waypost.wire.faults import Fault

FAIL = q.Params(
    q.text("error", 2000, required=True),
    q.failure_codes("code", many=False),
    q.boolean("retryable"),
    q.ids("itemIds"),
    q.boolean("dryRun"),
)
LIST = q.Params(
    q.integer("filterPageNumber", 1, 10**9),
    q.integer("filterPageSize", 1),
    q.id_("filterSourceId"),
    q.texts("frNumbers", 20),
    q.moment("filterSentAfter"),
    q.boolean("filterIsSent"),
    q.named(
        "filterStatus",
        {"Processing Error": "pe", "processing_error": "pe", "Failed": "pe", "Voided": "v"},
        many=True,
    ),
    q.only("status", {"NEW": "p"}),
    q.choice("killOrFillType", ("fill", "kill")),
    q.text("reason", 10),
)
GOODS = q.Params(q.texts("skus", 20), q.words("codes", 20), q.ids("ids"), q.integer("page", 1), q.page_size("pageSize", 50, 100))


def read(params: q.Params, raw: bytes) -> dict[str, Any]:
    """The values of a query that must be good."""
    faults: list[Fault] = []
    values = params.read(raw, faults)
    assert faults == []
    return values


def codes(params: q.Params, raw: bytes) -> list[tuple[str, str]]:
    """Parameter and code of every fault."""
    faults: list[Fault] = []
    params.read(raw, faults)
    assert all(fault.where == "parameter" and fault.message for fault in faults)
    return [(fault.name, fault.code) for fault in faults]


class TestDecoding:
    @pytest.mark.parametrize(
        ("raw", "text"),
        [
            (b"out of stock", "out of stock"),
            (b"out+of%20stock", "out of stock"),
            (b"1%2B1%3d2", "1+1=2"),
            (b"a=b", "a=b"),
            ("é".encode(), "é"),
            (b"%C3%a9", "é"),
            (b"%F0%9D%92%B3", "𝒳"),
            (b"%2520", "%20"),
            (b"a%26b%23", "a&b#"),
            (b"line%0Aone", "line\none"),
            (b"a;b", "a;b"),
        ],
    )
    def test_read(self, raw: bytes, text: str) -> None:
        assert read(FAIL, b"error=" + raw) == {"error": text}

    @pytest.mark.parametrize(
        "raw",
        [
            b"%zz",
            b"%4",
            b"%",
            b"a%",
            b"%%20",
            b"%ff",
            b"%C3",
            b"%C3%28",
            b"%ed%a0%80",
            b"%c0%80",
            b"%f8%88%80%80%80",
            b"\xff",
            b"\xed\xa0\x80",
            b"%u0041",
            b"% 41",
        ],
    )
    def test_bad_encoding_is_refused_once_and_named(self, raw: bytes) -> None:
        assert codes(FAIL, b"error=" + raw) == [("error", "bad_encoding")]

    @pytest.mark.parametrize("raw", [b"a%00b", b"%00", b"a\0"])
    def test_nul_is_refused(self, raw: bytes) -> None:
        assert codes(FAIL, b"error=" + raw) == [("error", "bad_characters")]

    def test_also_in_what_is_not_known(self) -> None:
        assert codes(FAIL, b"error=x&utm=%zz") == [("utm", "bad_encoding")]
        assert codes(FAIL, b"error=x&%zz=1") == [("%zz", "bad_encoding")]
        assert codes(FAIL, b"error=x&%00=1&\xff") == [
            ("%00", "bad_characters"),
            ("\N{REPLACEMENT CHARACTER}", "bad_encoding"),
        ]
        assert codes(FAIL, b"error=x&=%zz") == [("?", "bad_encoding")]

    def test_a_name_may_be_encoded(self) -> None:
        assert read(FAIL, b"%65rror=x&dry%52un=1") == {"error": "x", "dryRun": True}
        assert codes(FAIL, b"%65rror=%zz") == [("error", "bad_encoding")]

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50))
    def test_reads_what_clients_write(self, text: str) -> None:
        expected = None if is_blank(text) else {"error": text.strip()}
        for written in (
            urlencode({"error": text}),
            "error=" + quote(text, safe=""),
            "error=" + quote_plus(text),
        ):
            if expected is None:
                assert codes(FAIL, written.encode()) == [("error", "blank")]
            else:
                assert read(FAIL, written.encode()) == expected

    @given(st.binary(max_size=30).map(lambda b: b.replace(b"&", b"").replace(b"\0", b"")))
    def test_agrees_with_the_standard_library_or_refuses(self, raw: bytes) -> None:
        faults: list[Fault] = []
        values = FAIL.read(b"error=" + raw, faults)
        if not faults:
            assert values["error"] == unquote_plus(raw.decode(), errors="strict").strip()

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, raw: bytes) -> None:
        faults: list[Fault] = []
        values = FAIL.read(raw, faults)
        assert faults or values["error"]
        for fault in faults:
            assert "\0" not in fault.name
            assert fault.message.encode()


class TestErrorText:
    def test_missing_and_blank(self) -> None:
        assert codes(FAIL, b"") == codes(FAIL, b"other=1") == [("error", "required")]
        for raw in (b"error", b"error=", b"error=+%09", b"error=%C2%A0", b"error=%E3%80%80"):
            assert codes(FAIL, raw) == [("error", "blank")]

    def test_length_is_counted_in_code_points_after_stripping(self) -> None:
        long = quote("𝒳" * 2000).encode()
        assert read(FAIL, b"error=+" + long + b"+") == {"error": "𝒳" * 2000}
        assert codes(FAIL, b"error=a" + long) == [("error", "too_long")]

    def test_twice_is_refused_even_when_empty(self) -> None:
        for raw in (b"error=a&error=b", b"error=a&error=a", b"error=&error=a", b"error=%zz&error=a"):
            assert ("error", "repeated_parameter") in codes(FAIL, raw)

    def test_every_fault_at_once(self) -> None:
        raw = b"code=nonsense&retryable=perhaps&itemIds=1,x,%D9%A1&dryRun=2"
        assert codes(FAIL, raw) == [
            ("code", "unknown_value"),
            ("retryable", "not_a_boolean"),
            ("itemIds", "not_an_id"),
            ("itemIds", "not_an_id"),
            ("dryRun", "not_a_boolean"),
            ("error", "required"),
        ]

    def test_companions(self) -> None:
        raw = b"error=x&code=out_of_stock&retryable=TRUE&itemIds=1,2&itemIds=3&dryRun=0"
        assert read(FAIL, raw) == {
            "error": "x",
            "code": "out_of_stock",
            "retryable": True,
            "itemIds": (1, 2, 3),
            "dryRun": False,
        }
        assert read(FAIL, b"error=x&code=x_ours") == {"error": "x", "code": "x_ours"}

    def test_a_token_here_is_ignored(self) -> None:
        assert read(FAIL, b"error=x&X-API-TOKEN=wp_abc&token=wp_abc") == {"error": "x"}


class TestFilters:
    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"&",
            b"&&=",
            b"unknown=1&unknown=2",
            b"filterPageNumber=",
            b"filterPageNumber=+",
            b"frNumbers=,,+,",
            b"filterIsSent=&filterSourceId=%20&filterSentAfter=",
            b"reason=%20",
            b"status=OLD",
            b"FILTERISSENT=nonsense",
        ],
    )
    def test_says_nothing(self, raw: bytes) -> None:
        assert read(LIST, raw) == {}

    @pytest.mark.parametrize(
        ("raw", "values"),
        [
            (b"filterPageNumber=+2%20&filterPageSize=5000", {"filterPageNumber": 2, "filterPageSize": 5000}),
            (b"filterSourceId=%207", {"filterSourceId": 7}),
            (b"frNumbers=A&frNumbers=B", {"frNumbers": ("A", "B")}),
            (b"frNumbers=A,B", {"frNumbers": ("A", "B", "A,B")}),
            (b"frNumbers=A%2CB", {"frNumbers": ("A", "B", "A,B")}),
            (b"frNumbers[]=A&frNumbers%5B%5D=+B", {"frNumbers": ("A", "B")}),
            (b"filterIsSent=+true+", {"filterIsSent": True}),
            (b"filterSentAfter=+1970-01-01T00:00:01Z", {"filterSentAfter": 1_000_000}),
            (b"filterSentAfter=1970-01-01T01:00:00%2B01:00", {"filterSentAfter": 0}),
            (b"filterSentAfter=0001-01-01", {"filterSentAfter": -62_135_596_800_000_000}),
            (b"filterStatus=processing+error,VOIDED", {"filterStatus": ("pe", "v")}),
            (b"filterStatus=Failed", {"filterStatus": ("pe",)}),
            (b"status=new", {"status": ("p",)}),
            (b"killOrFillType=Kill", {"killOrFillType": "kill"}),
        ],
    )
    def test_read(self, raw: bytes, values: dict[str, Any]) -> None:
        assert read(LIST, raw) == values

    @pytest.mark.parametrize(
        ("raw", "name", "code"),
        [
            (b"filterPageNumber=0", "filterPageNumber", "out_of_range"),
            (b"filterPageNumber=10000000000", "filterPageNumber", "out_of_range"),
            (b"filterPageSize=-1", "filterPageSize", "out_of_range"),
            (b"filterPageSize=abc", "filterPageSize", "not_an_integer"),
            (b"filterPageSize=1_0", "filterPageSize", "not_an_integer"),
            (b"filterPageSize=%2B1", "filterPageSize", "not_an_integer"),
            (b"filterPageSize=" + b"1" * 40, "filterPageSize", "not_an_integer"),
            (b"filterPageSize=%D9%A1%D9%A2", "filterPageSize", "not_an_integer"),
            (b"filterSourceId=[object%20Object]", "filterSourceId", "not_an_id"),
            (b"filterSentAfter=2026-04-20T10:00:00+02:00", "filterSentAfter", "bad_date"),
            (b"filterSentAfter=0001-01-01T00:00:00%2B01:00", "filterSentAfter", "bad_date"),
            (b"filterStatus=Voided,Nonsense", "filterStatus", "unknown_value"),
            (b"killOrFillType=maim", "killOrFillType", "unknown_value"),
            (b"filterIsSent=true&filterIsSent=true", "filterIsSent", "repeated_parameter"),
            (b"frNumbers=" + b"a" * 21, "frNumbers", "too_long"),
            (b"frNumbers=" + b",".join(b"%d" % n for n in range(51)), "frNumbers", "too_many_values"),
            (b"&".join(b"frNumbers=%d" % n for n in range(51)), "frNumbers", "too_many_values"),
            (b"reason=12345678901", "reason", "too_long"),
        ],
    )
    def test_refused(self, raw: bytes, name: str, code: str) -> None:
        assert codes(LIST, raw) == [(name, code)]

    @pytest.mark.parametrize(
        ("raw", "words"),
        [
            (b"filterPageNumber=-1", "filterPageNumber is at least 1 and at most 1000000000, not '-1'."),
            (b"filterPageSize=0", "filterPageSize is at least 1, not '0'."),
            (b"filterPageSize=" + b"9" * 23, f"filterPageSize is too large for 64 bits: '{'9' * 23}'."),
            (b"filterPageSize=" + b"9" * 61, f"filterPageSize is too large for 64 bits: '{'9' * 60}…'."),
            (b"filterPageSize=9223372036854775808", "filterPageSize is too large for 64 bits: '9223372036854775808'."),
        ],
    )
    def test_a_bad_number_is_told_with_its_value(self, raw: bytes, words: str) -> None:
        faults: list[Fault] = []
        LIST.read(raw, faults)
        assert [fault.message for fault in faults] == [words]

    def test_fifty_values_are_read(self) -> None:
        numbers = tuple(str(n) for n in range(50))
        assert read(LIST, b"frNumbers=" + b"&frNumbers=".join(n.encode() for n in numbers)) == {"frNumbers": numbers}

    def test_what_is_wrong_alike_is_told_once(self) -> None:
        assert codes(FAIL, b"error=x&itemIds=" + b"z," * 50) == [("itemIds", "not_an_id")]


class TestPageSize:
    @pytest.mark.parametrize(
        ("raw", "size"),
        [(b"", 50), (b"pageSize=", 50), (b"pageSize=%20", 50), (b"pageSize=1", 1), (b"pageSize=+100+", 100), (b"pageSize=101", 100)],
    )
    def test_an_absent_one_has_its_default_and_a_large_one_is_capped(self, raw: bytes, size: int) -> None:
        assert read(GOODS, raw) == {"pageSize": size}

    @pytest.mark.parametrize(
        ("raw", "code"),
        [(b"pageSize=0", "out_of_range"), (b"pageSize=x", "not_an_integer"), (b"pageSize=5&pageSize=5", "repeated_parameter")],
    )
    def test_what_is_no_size_is_refused(self, raw: bytes, code: str) -> None:
        assert codes(GOODS, raw) == [("pageSize", code)]


    def test_faults_keep_the_order_of_the_query(self) -> None:
        for raw in (b"page=0&pageSize=x&ids=y", b"ids=y&pageSize=x&page=0"):
            assert [name for name, _ in codes(GOODS, raw)] == [pair.split("=")[0] for pair in raw.decode().split("&")]


class TestArrays:
    @pytest.mark.parametrize(
        ("raw", "skus"),
        [
            (b"A", ("A",)),
            (b"A,B", ("A", "B", "A,B")),
            (b"A%2CB", ("A", "B", "A,B")),
            (b"A%2cB", ("A", "B", "A,B")),
            (b"A, B", ("A", "B", "A, B")),
            (b"+A,B+", ("A", "B", "A,B")),
            (b"A,", ("A", "A,")),
            (b",A", ("A", ",A")),
            (b"A&skus=B", ("A", "B")),
            (b"A,B&skus=C&skus=D,E", ("A", "B", "C", "D", "E", "A,B", "D,E")),
        ],
    )
    def test_a_value_that_holds_a_comma_also_matches_as_a_whole(self, raw: bytes, skus: tuple[str, ...]) -> None:
        assert read(GOODS, b"skus=" + raw)["skus"] == skus

    @pytest.mark.parametrize("raw", [b"skus=,", b"skus=,+,", b"skus=%2C%2c"])
    def test_commas_alone_are_no_filter(self, raw: bytes) -> None:
        assert "skus" not in read(GOODS, raw)

    def test_a_whole_that_is_longer_than_any_value_is_a_list_only(self) -> None:
        raw = ",".join(("A" * 20, "B" * 20))
        assert read(GOODS, b"skus=" + raw.encode())["skus"] == ("A" * 20, "B" * 20)

    def test_codes_and_ids_hold_no_comma(self) -> None:
        values = read(GOODS, b"codes=a,b&ids=1,2")
        assert (values["codes"], values["ids"]) == (("a", "b"), (1, 2))

    @pytest.mark.parametrize(
        ("raw", "values"),
        [
            (b"filterStatus=failed,Voided,FAILED&filterStatus=Processing%20Error", {"filterStatus": ("pe", "v")}),
            (b"frNumbers=b,a&frNumbers=b", {"frNumbers": ("b", "a", "b,a")}),
            (b"ids=3,1,3", {"ids": (3, 1), "pageSize": 50}),
        ],
    )
    def test_each_value_counts_once_however_it_is_spelled(self, raw: bytes, values: dict[str, Any]) -> None:
        assert read(GOODS if raw.startswith(b"ids") else LIST, raw) == values

    @pytest.mark.parametrize(
        ("size", "at_most"), [(b"", 50), (b"&pageSize=10", 50), (b"&pageSize=80", 80), (b"&pageSize=5000", 100)]
    )
    @pytest.mark.parametrize("name", ["skus", "codes", "ids"])
    def test_there_are_at_most_50_or_as_many_as_a_page_holds(self, name: str, size: bytes, at_most: int) -> None:
        def ask(count: int) -> bytes:
            return f"{name}=".encode() + b",".join(b"%d" % n for n in range(1, count + 1)) + size

        # The whole does not count.
        assert len([one for one in read(GOODS, ask(at_most))[name] if "," not in str(one)]) == at_most
        faults: list[Fault] = []
        GOODS.read(ask(at_most + 1), faults)
        assert [(fault.name, fault.code) for fault in faults] == [(name, "too_many_values")]
        assert faults[0].message == f"{name} has {at_most + 1} values; the limit is {at_most}: send them in several calls."

    def test_the_page_size_counts_wherever_it_stands(self) -> None:
        many = b"skus=" + b"&skus=".join(b"%d" % n for n in range(80))
        assert len(read(GOODS, b"pageSize=80&" + many)["skus"]) == len(read(GOODS, many + b"&pageSize=80")["skus"]) == 80


class TestFingerprint:
    def test_is_the_same_for_the_same_input(self) -> None:
        one = read(FAIL, b"error=x&retryable=1&itemIds=1,2&foo=1")
        other = read(FAIL, b"itemIds=1&retryable=true&itemIds=2&error=%78")
        assert q.fingerprint(one) == q.fingerprint(other)

    @pytest.mark.parametrize("raw", [b"error=y", b"error=x&retryable=0", b"error=x&itemIds=1", b"error=x&code=other"])
    def test_tells_other_input_apart(self, raw: bytes) -> None:
        assert q.fingerprint(read(FAIL, raw)) != q.fingerprint(read(FAIL, b"error=x"))


def test_declared_names_are_listed() -> None:
    assert FAIL.names == ("error", "code", "retryable", "itemIds", "dryRun")
