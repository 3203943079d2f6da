"""Records as JSON with their names: what is stored outlives the program that wrote it (architecture section 4).

A named tuple becomes an object with the names of its fields, never a list by position. When it is read, a field that
was not stored has its default, so each new field needs one; a field that is no longer known is left out. A field, or
the class of a record, that is renamed needs a new version. Secrets are never stored: they become null.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw

from waypost.app.first_format import POSITIONS
from waypost.app.ports.secrets import Secret
from waypost.domain.slices import Sliced, at_once

VERSION = 2  # of what is written; raised when names alone do not tell any more how it is to be read. 1: `first_format`
PLAIN_AT_MOST = 16 * 1024  # bytes

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_list = msgspec.json.Decoder(list[Raw]).decode
_NOT_OF_IT = (msgspec.MsgspecError, zlib.error, TypeError, ValueError, LookupError, AttributeError)
_WHOLE_AT_MOST = 64 * 1024  # bytes: what is longer is read in parts
_PART = 64 * 1024  # bytes that are packed and unpacked at once
_STEPS_OF_A_PART = 500
_BYTES_PER_STEP = 50
_SKIPPED_PER_STEP = 1000  # bytes of members that are only told apart: 1 ms for 1 MB
_PACKED = "z"  # the first character of what is compressed: zlib, then base64
_JSON_SCALARS = frozenset({int, str, bool, float, NoneType})


class Unreadable(Exception):
    """What was stored is not of the type that it is read as, or of a version that this program does not know."""


def encode_record(record: Any) -> str:
    """The record as text; a long one compressed, as an order of many lines repeats its names many times."""
    return at_once(encoded(record))


def encoded(record: Any) -> Sliced[str]:
    """As `encode_record`, in slices."""
    stored = yield from _plainly(record)
    text = _encode({"version": VERSION, "record": stored})
    if len(text) <= PLAIN_AT_MOST:
        return text.decode()
    packing, packed = zlib.compressobj(1), []
    for first in range(0, len(text), _PART):
        packed.append(packing.compress(text[first : first + _PART]))
        yield _STEPS_OF_A_PART
    return _PACKED + b64encode(b"".join([*packed, packing.flush()])).decode()


def decode_record(text: str, type_: Any, read_first_format: Callable[[list[Any]], Any] = list) -> Any:
    """The `type_` that was written so; raises `Unreadable`.

    `read_first_format` makes a record of a list, which is how earlier releases stored it.
    """
    return at_once(decoded(text, type_, read_first_format))


def decoded(text: str, type_: Any, read_first_format: Callable[[list[Any]], Any] = list) -> Sliced[Any]:
    """As `decode_record`, in slices."""
    try:
        raw = (yield from _unpacked(text)) if text.startswith(_PACKED) else text.encode()
        if raw.startswith(b"["):
            return _reader(type_)(read_first_format(_decode(raw)))
        found = yield from _parted(_decode_members, raw)
        version = _decode(found["version"])
        if version == VERSION:
            return (yield from _read(type_, found["record"]))
    except _NOT_OF_IT as error:
        raise Unreadable(f"It cannot be read as {type_}.") from error
    raise Unreadable(f"It is of version {version}, and this program knows {VERSION}.")


def _unpacked(text: str) -> Sliced[bytes]:
    unpacking, left, parts = zlib.decompressobj(), b64decode(text[1:]), []
    while left:
        parts.append(unpacking.decompress(left, _PART))
        left = unpacking.unconsumed_tail
        yield _STEPS_OF_A_PART
    parts.append(unpacking.flush())
    if not unpacking.eof:
        raise zlib.error("it ends too early")
    return b"".join(parts)


def _plainly(value: Any) -> Sliced[Any]:
    """`value` of what JSON knows: named tuples as objects, other sequences as arrays, their members encoded already."""
    if value.__class__ in _JSON_SCALARS:
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        made = {}
        for name, one in zip(value._fields, value, strict=True):
            made[name] = one if one.__class__ in _JSON_SCALARS else (yield from _plainly(one))
        yield len(made)
        return made
    if isinstance(value, tuple | list):
        members = []
        for one in value:
            members.append(one if one.__class__ in _JSON_SCALARS else Raw(_encode((yield from _plainly(one)))))
        yield len(members) // _BYTES_PER_STEP
        return members
    return None if isinstance(value, Secret) else value


def _read(type_: Any, raw: Raw) -> Sliced[Any]:
    """The `type_` of its JSON; a long one member by member."""
    size = len(memoryview(raw))
    if size > _WHOLE_AT_MOST:
        type_ = _without_none(type_)  # it is longer than `null`
        origin, args = get_origin(type_), get_args(type_)
        if _is_record(origin or type_) and bytes(memoryview(raw)[:1]) == b"{":
            return (yield from _read_record(type_, raw))
        if origin in (list, Sequence) or (origin is tuple and args[-1] is Ellipsis):
            members = []
            for one in (yield from _parted(_decode_list, raw)):
                members.append((yield from _read(args[0], one)))
            return members if origin is list else tuple(members)
    yield size // _BYTES_PER_STEP
    return _reader(type_)(_decode(raw))


def _parted(decode: Callable[[Any], T], raw: bytes | Raw) -> Sliced[T]:
    """An object or array whose members stay encoded. It goes over all of `raw` in one go."""
    yield len(memoryview(raw)) // _SKIPPED_PER_STEP
    return decode(raw)


def _without_none(type_: Any) -> Any:
    others = [one for one in get_args(type_) if one is not NoneType]
    return others[0] if get_origin(type_) in (Union, UnionType) and len(others) == 1 else type_


def _read_record(type_: Any, raw: Raw) -> Sliced[Any]:
    members, types = {}, _types_of(type_)
    for name, one in (yield from _parted(_decode_members, raw)).items():
        if name in types:
            members[name] = yield from _read(types[name], one)
    return (get_origin(type_) or type_)(**members)


_Reader = Callable[[Any], Any]


@cache
def _reader(type_: Any) -> _Reader:
    origin, args = get_origin(type_), get_args(type_)
    if _is_record(origin or type_):
        return _of_record(type_)
    if origin in (Union, UnionType):
        return _of_union(args)
    if origin is tuple and args[-1] is not Ellipsis:
        parts = [_reader(one) for one in args]
        return lambda value: tuple(part(one) for part, one in zip(parts, value, strict=True))
    if origin in (tuple, list, Sequence):
        one, make = _reader(args[0]), list if origin is list else tuple
        return lambda value: make(map(one, value))
    # Most values are what they should be; not strict, because SQLite has 0 and 1 for false and true.
    return lambda value: value if value.__class__ is type_ else msgspec.convert(value, type_, strict=False)


def _is_record(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, tuple) and hasattr(type_, "_fields")


def _of_record(type_: Any) -> _Reader:
    made: Any = get_origin(type_) or type_
    readers = {name: _reader(one) for name, one in _types_of(type_).items()}

    def read(value: Any) -> Any:
        if isinstance(value, list):
            value = dict(zip(POSITIONS[made.__name__], value, strict=False))
        return made(**{name: readers[name](one) for name, one in value.items() if name in readers})

    return read


@cache
def _types_of(type_: Any) -> dict[str, Any]:
    """The types of a record's fields."""
    made: Any = get_origin(type_) or type_
    chosen = dict(zip(getattr(made, "__parameters__", ()), get_args(type_), strict=False))
    hints = get_type_hints(made)
    return {name: chosen.get(hints[name], hints[name]) for name in made._fields}


def _of_union(args: tuple[Any, ...]) -> _Reader:
    others = [one for one in args if one is not NoneType]
    if len(others) > 1:
        return lambda value: msgspec.convert(value, Union[args], strict=False)  # noqa: UP007 - made of a tuple
    one = _reader(others[0])
    return lambda value: None if value is None else one(value)
