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
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from waypost.app.first_format import POSITIONS
from waypost.app.ports.secrets import Secret

VERSION = 2  # of what is written; raised when names alone do not tell any more how it is to be read. 1: `first_format`
PLAIN_AT_MOST = 16 * 1024  # bytes

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_NOT_OF_IT = (msgspec.MsgspecError, zlib.error, TypeError, ValueError, LookupError, AttributeError)
_PACKED = "z"  # the first character of what is compressed: zlib, then base64
_JSON_SCALARS = frozenset({int, str, bool, float, NoneType})


class Unreadable(Exception):
    """What was stored is not of the type that it is read as, or of a version that this program does not know."""


def encode_record(record: Any) -> str:
    """The record as text; a long one compressed, as an order of many lines repeats its names many times."""
    text = _encode({"version": VERSION, "record": plain(record)})
    return text.decode() if len(text) <= PLAIN_AT_MOST else _PACKED + b64encode(zlib.compress(text, 1)).decode()


def decode_record(text: str, type_: Any, read_first_format: Callable[[list[Any]], Any] = list) -> Any:
    """The `type_` that was written so; raises `Unreadable`.

    `read_first_format` makes a record of a list, which is how earlier releases stored it.
    """
    try:
        found = _decode(zlib.decompress(b64decode(text[1:])) if text.startswith(_PACKED) else text)
        if isinstance(found, list):
            return _reader(type_)(read_first_format(found))
        if found["version"] == VERSION:
            return _reader(type_)(found["record"])
    except _NOT_OF_IT as error:
        raise Unreadable(f"It cannot be read as {type_}.") from error
    raise Unreadable(f"It is of version {found['version']}, and this program knows {VERSION}.")


def plain(value: Any) -> Any:
    """`value` of what JSON knows: named tuples as objects, other sequences as arrays."""
    if value.__class__ in _JSON_SCALARS:
        return value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return None if isinstance(value, Secret) else value


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
    chosen = dict(zip(getattr(made, "__parameters__", ()), get_args(type_), strict=False))
    hints = get_type_hints(made)
    readers = {name: _reader(chosen.get(hints[name], hints[name])) for name in made._fields}

    def read(value: Any) -> Any:
        if isinstance(value, list):
            value = dict(zip(POSITIONS[made.__name__], value, strict=False))
        return made(**{name: readers[name](one) for name, one in value.items() if name in readers})

    return read


def _of_union(args: tuple[Any, ...]) -> _Reader:
    others = [one for one in args if one is not NoneType]
    if len(others) > 1:
        return lambda value: msgspec.convert(value, Union[args], strict=False)  # noqa: UP007 - made of a tuple
    one = _reader(others[0])
    return lambda value: None if value is None else one(value)
