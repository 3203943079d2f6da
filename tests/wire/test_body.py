"""JSON bodies: what is refused before anything is looked at."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.bodies import Order, read, refused
from waypost.wire.body import DEPTH_AT_MOST, VALUES_AT_MOST, _needs_care
from waypost.wire.faults import FAULTS_AT_MOST, BadInput


class TestContentType:
    @pytest.mark.parametrize(
        "content_type",
        [
            None,
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            'application/json;charset="UTF-8"',
            "application/json ; charset=utf8; v=1",
            "application/problem+json",
            "application/vnd.acme.v2+json; profile=x",
            "application/json;",
        ],
    )
    def test_json(self, content_type: str | None) -> None:
        assert read(b'{"a":1}', object, content_type) == {"a": 1}

    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
            "application/json; charset=latin-1",
            "application/json; charset=utf-16",
            "application/jsonp",
            "json",
            "application/json, text/plain",
            "application/xml",
        ],
    )
    def test_anything_else_is_a_415(self, content_type: str) -> None:
        with pytest.raises(BadInput) as caught:
            read(b'{"a":1}', object, content_type)
        assert (caught.value.status, caught.value.code) == (415, "unsupported_media_type")
        assert [(f.where, f.name) for f in caught.value.faults] == [("header", "Content-Type")]

    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/json", ""])
    @pytest.mark.parametrize("raw", [b"", b" \r\n"])
    def test_no_body_may_have_any_type(self, raw: bytes, content_type: str | None) -> None:
        assert read(raw, object, content_type) == {}

    def test_no_body_lacks_what_is_required(self) -> None:
        assert refused(b"", Order) == [("/orderNumber", "required")]


def test_the_size_is_limited() -> None:
    assert read(b'"123"', limit=5) == "123"
    with pytest.raises(BadInput) as caught:
        read(b'"1234"', limit=5)
    assert (caught.value.status, caught.value.code) == (413, "content_too_large")


def test_the_number_of_values_is_limited() -> None:
    assert len(read(b"[" + b"1," * (VALUES_AT_MOST - 1) + b"1]", limit=10**6)) == VALUES_AT_MOST
    nested = b'{"":' * 30 + b"1" + b"}" * 30
    for raw in (b"[" + b"1," * (VALUES_AT_MOST + 1) + b"1]", b'{"a":[' + b"{}," * (VALUES_AT_MOST // 2) + b"{}]}",
                b"[" + (nested + b",") * 4000 + b"1]", b"[" + b"[]" * VALUES_AT_MOST + b"]",
                b"[" + b'""' * (2 * VALUES_AT_MOST + 1) + b"]"):  # fmt: skip
        assert refused(raw) == [("", "too_many_values")]


@given(st.text(st.sampled_from('0123456789eE\\ud8Fax"'), max_size=60))
def test_what_needs_care_is_found(text: str) -> None:
    said = re.search(r"[0-9]{19}|[0-9][eE]|\\u0000|\\u[dD][89a-fA-F]", text)
    assert _needs_care(text.encode()) == (said is not None)


class TestMalformed:
    @pytest.mark.parametrize(
        "raw",
        [
            b"{",
            b"}",
            b"[1,2",
            b'{"a"}',
            b'{"a":}',
            b'{"a":1,}',
            b"[1,]",
            b"{'a':1}",
            b'{"a":1} x',
            b"{}{}",
            b"nul",
            b"NaN",
            b'{"a":NaN}',
            b'{"a":-Infinity}',
            b'{"a":01}',
            b'{"a":.5}',
            b'{"a":+1}',
            b'{"a":1.}',
            b'"abc',
            b'"a\nb"',
            b'"\\x41"',
            b'"\\u12"',
            b"\0",
            b'{"a":1\0}',
            b"//x\n{}",
            b"\x0b{}",
            b'"\\',
        ],
    )
    def test_refused(self, raw: bytes) -> None:
        assert refused(raw) == [("", "malformed_json")]

    @pytest.mark.parametrize(
        "raw", [b'{"a":"\xff"}', b'{"\xff":1}', b'"\xed\xa0\x80"', b'"\xc0\x80"', b"\xff\xfe{\0}\0"]
    )
    def test_not_utf_8(self, raw: bytes) -> None:
        assert refused(raw, Order) == [("", "bad_encoding")]

    def test_a_byte_order_mark_is_no_harm(self) -> None:
        assert read(b"\xef\xbb\xbf{}") == {}


class TestDepth:
    @pytest.mark.parametrize("depth", [1, 2, 16, DEPTH_AT_MOST])
    def test_allowed(self, depth: int) -> None:
        read(b"[" * depth + b"]" * depth)
        read(b'{"a":' * depth + b"1" + b"}" * depth)

    def test_breadth_is_no_depth(self) -> None:
        read(b"[" * (DEPTH_AT_MOST - 1) + b"[]," * 50 + b"{}" + b"]" * (DEPTH_AT_MOST - 1))

    @pytest.mark.parametrize(
        "raw",
        [
            b"[" * 33 + b"]" * 33,
            b'{"a":' * 33 + b"1" + b"}" * 33,
            b'[{"a":' * 17 + b"1" + b"}]" * 17,
            b"[" + b"[]," * 9 + b"[" * 32 + b"]" * 32 + b"]",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
        ],
    )
    def test_refused(self, raw: bytes) -> None:
        assert refused(raw) == [("", "too_deep")]

    @pytest.mark.parametrize("raw", [b"[" * 20 + b"[]" * 20, b"[" * 10 + b"[" * 30 + b"]" * 30, b"]" * 100 + b"[" * 30])
    def test_brackets_that_do_not_match_are_refused_in_any_case(self, raw: bytes) -> None:
        assert refused(raw)[0][1] in ("malformed_json", "too_deep")

    def test_brackets_in_text_do_not_count(self) -> None:
        text = '[{"\\' * 100
        assert read(json.dumps({"a": text, "b": [text] * 40}).encode()) == {"a": text, "b": [text] * 40}

    @pytest.mark.parametrize(
        "raw",
        [
            b"[" * 33 + b'"' + b'\\"' * 500_000,
            b'"' * 1_000_000,
            b"[]" * 500_000,
            b"\\" * 1_000_000 + b"[" * 99,
        ],
    )
    def test_hostile_bodies_cost_no_more_than_their_length(self, raw: bytes) -> None:
        assert refused(raw)[0][0] == ""

    @given(
        st.recursive(
            st.none() | st.text('[]{}\\"', max_size=4),
            lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text('[]{}\\"', max_size=2), c, max_size=3),
            max_leaves=20,
        ),
        st.integers(20, 40),
    )
    def test_counts_as_a_walk_would(self, value: Any, wrapped: int) -> None:
        for _ in range(wrapped):
            value = [value, "]"]
        raw = json.dumps(value).encode()
        if _depth(value) > DEPTH_AT_MOST:
            assert refused(raw) == [("", "too_deep")]
        else:
            assert read(raw) == value


def _depth(value: Any) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(_depth, members), default=0)


class TestDuplicateKeys:
    @pytest.mark.parametrize(
        ("raw", "pointers"),
        [
            (b'{"a":1,"a":1}', ["/a"]),
            (b'{"a":1,"\\u0061":2}', ["/a"]),
            (b'{"x":{"a":1,"a":2,"a":3}}', ["/x/a"]),
            (b'[{"b":[0,{"c/d~":1,"c/d~":2}]}]', ["/0/b/1/c~1d~0"]),
            (
                b'{"unknown":{"a":1,"a":2},"orderNumber":"abc","orderNumber":"abc"}',
                ["/orderNumber", "/unknown/a"],
            ),
            (b'{"":1,"":2}', ["/"]),
        ],
    )
    def test_refused_at_any_level(self, raw: bytes, pointers: list[str]) -> None:
        assert sorted(refused(raw, Order)) == [(pointer, "duplicate_key") for pointer in pointers]

    def test_many_at_once_are_bounded(self) -> None:
        members = b",".join(b'"k%d":1,"k%d":2' % (n, n) for n in range(20_000))
        assert len(refused(b"{" + members + b"}")) == FAULTS_AT_MOST

    @given(
        st.recursive(
            st.integers(0, 9) | st.text("ab ", max_size=2),
            lambda c: st.lists(c, max_size=2).map(tuple) | st.lists(st.tuples(st.sampled_from("abé"), c), max_size=3),
            max_leaves=10,
        )
    )
    def test_found_exactly_where_they_are(self, pairs: Any) -> None:
        raw, doubled = _spelled(pairs).encode(), sorted(_doubled(pairs, ""))
        if doubled:
            assert sorted(set(refused(raw))) == [(pointer, "duplicate_key") for pointer in doubled]
        else:
            read(raw)


def _spelled(value: Any) -> str:
    """JSON of a model in which an object is a list of pairs and an array is a tuple."""
    if isinstance(value, list):
        return "{" + ",".join(f"{json.dumps(name)}:{_spelled(member)}" for name, member in value) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(_spelled, value)) + "]"
    return json.dumps(value)


def _doubled(value: Any, at: str) -> set[str]:
    """Pointers of the keys given more than once; of doubled members the last one counts."""
    found: set[str] = set()
    if isinstance(value, list):
        found = {f"{at}/{name}" for name, count in Counter(name for name, _ in value).items() if count > 1}
        value = dict(value)
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    return found.union(*(_doubled(member, f"{at}/{name}") for name, member in members))


@given(st.binary(max_size=40) | st.text('[]{}:,"1.e-ntrufalsNI ', max_size=12).map(str.encode))
def test_what_the_standard_library_cannot_read_is_refused(raw: bytes) -> None:
    try:
        expected = json.loads(raw.decode())
    except ValueError:
        if raw.strip():
            assert refused(raw)
        return
    try:
        found = read(raw)
    except BadInput:
        # What it reads beyond JSON and beyond what fits.
        assert any(text in raw for text in (b"NaN", b"Infinity", b"e", b"{", b"\\"))
        return
    assert json.loads(json.dumps(found, default=float)) == _stripped(expected)


def _stripped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stripped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_stripped(member) for member in value]
    return value.strip() if isinstance(value, str) else value
