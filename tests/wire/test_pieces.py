"""JSON in pieces is the JSON that would have been rendered in one go."""

import json
from typing import Any

import pytest

from waypost.wire.pieces import array, document, joined
from waypost.wire.rendered import SHORT, as_list


@pytest.mark.parametrize("things", [[], [1], [{"a": "é"}, None, []], list(range(1000))])
def test_an_array(things: list[Any]) -> None:
    assert json.loads(b"".join(array(things, lambda thing: thing))) == things


@pytest.mark.parametrize("members", [{}, {"a": 1}, {"é": "b", "c": None}])
def test_a_document(members: dict[str, Any]) -> None:
    assert json.loads(b"".join(document(members))) == members


def test_pieces_within_pieces_are_made_when_they_are_asked_for() -> None:
    made: list[int] = []

    def shown(number: int) -> int:
        made.append(number)
        return number

    pieces = document({"of": array(range(2), lambda group: document({"items": array(range(3), shown), "n": group}))})
    while len(made) < 2:
        next(pieces)
    assert made == [0, 1]
    rest = list(pieces)
    assert made == [0, 1, 2] * 2
    assert rest[-1] == b"}"


def test_short_pieces_are_joined_and_long_ones_go_alone() -> None:
    assert list(joined(iter([b"ab", b"c", b"defgh", b"i"]), 3)) == [b"abc", b"defgh", b"i"]
    assert list(joined(iter([]), 3)) == []


@pytest.mark.parametrize("size", [1, SHORT // 2, SHORT])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_bodies_as_a_list(size: int, count: int) -> None:
    body = b'"' + b"x" * size + b'"'
    assert b"".join(as_list([body] * count)) == b"[" + b",".join([body] * count) + b"]"
