"""What a file is made of once it is read: orders or variants with their rows, or what is wrong with those rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from waypost.wire.faults import Fault


class Bad(NamedTuple):
    """One thing wrong: the row, the column (empty: the row as a whole), a stable code, words for a person."""

    row: int
    column: str
    code: str
    why: str


class Item(NamedTuple):
    """One order, or one variant, out of the rows `first` to `last`. No draft: refused, with the reasons."""

    first: int
    last: int
    rows: int
    draft: Any
    bads: tuple[Bad, ...] = ()


def column_of(pointer: str, fields: Sequence[str] = ()) -> str:
    """The column that a JSON pointer of the body means; `fields`: the custom fields' names, in their order."""
    parts = pointer.lstrip("/").split("/")
    if len(parts) > 1 and parts[0] == "customFields" and parts[1].isdecimal() and int(parts[1]) < len(fields):
        return f"customFields.{fields[int(parts[1])]}"
    return ".".join(parts)


def bad_of(fault: Fault, row: int, column: str) -> Bad:
    """A fault of the body, told of its column."""
    why = fault.message.replace(fault.name, column, 1) if fault.name and column else fault.message
    return Bad(row, column, fault.code, why)
