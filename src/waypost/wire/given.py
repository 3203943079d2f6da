"""Bodies of records: a field that is absent stays as it is (or has its default), null empties it where it may be empty.

Elsewhere null is as good as absent, as existing clients have it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import fields as fields_of

from waypost.wire.bodies import money
from waypost.wire.faults import Fault

G = TypeVar("G")
Given: TypeAlias = G | UnsetType | None
"""A member that may be absent or null."""


class Fields(Struct, rename="camel"):
    """A body whose members are fields of a record, each named as its column."""

    emptied: ClassVar[Mapping[str, Any]] = {}  # what null makes of a field
    amounts: ClassVar[frozenset[str]] = frozenset()  # money; told by number, kept in ten-thousandths


def given(body: Fields | None, faults: list[Fault]) -> dict[str, Any]:
    """The fields that the body gives; a faulty body gives none."""
    found: dict[str, Any] = {}
    for info in fields_of(body) if body is not None else ():
        value = getattr(body, info.name)
        if value is None and body is not None and info.name in body.emptied:
            found[info.name] = body.emptied[info.name]
        elif value is not None and value is not UNSET:
            is_amount = body is not None and info.name in body.amounts
            found[info.name] = money(value, f"/{info.encode_name}", faults) if is_amount else value
    return found
