"""JSON in pieces, so that a long reply need not be rendered in one go. A piece is not longer than one record."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode

Pieces = Iterator[bytes]
"""Parts of one JSON text. Each is rendered when it is asked for, and nothing is waited for meanwhile."""


def array(things: Iterable[T], show: Callable[[T], Any]) -> Pieces:
    """A bare array. `show` gives an element as plain values, or its pieces."""
    before = b"["
    for thing in things:
        yield from _value(before, show(thing))
        before = b","
    yield b"]" if before == b"," else b"[]"


def document(members: Mapping[str, Any]) -> Pieces:
    """An object, in which each value is a plain one or its pieces."""
    before, plain = b"{", dict[str, Any]()  # plain ones that follow each other are one piece
    for name, value in members.items():
        if isinstance(value, Iterator):
            yield before + (_encode(plain)[1:-1] + b"," if plain else b"") + _encode(name) + b":"
            yield from value
            before, plain = b",", {}
        else:
            plain[name] = value
    yield before + _encode(plain)[1:] if plain or before == b"{" else b"}"


def _value(before: bytes, value: Any) -> Iterable[bytes]:
    if isinstance(value, Iterator):
        return itertools.chain((before,), value)
    return (before + _encode(value),)


def joined(pieces: Iterable[bytes], at_least: int) -> Pieces:
    """The same text in pieces of at least so many bytes each, but for the last."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= at_least:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)
