"""A request on its way to its next version: what an action's effect makes of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from waypost.domain.fulfillment import Line, Particulars, State
from waypost.domain.stock import Entry, Release


class Holding(NamedTuple):
    """What a request's lines hold of their source's stock, by line id, and what makes the source let go of it."""

    entries: Mapping[int, Entry] = {}
    mode: Release = Release.SHIPMENT


class Draft(NamedTuple):
    """A request on its way to its next version, and what its event will say."""

    state: State
    lines: Sequence[Line]
    holding: Holding = Holding()
    touched: tuple[Line, ...] = ()
    stock: tuple[Entry, ...] = ()  # entries of the ledger as they become
    event: str = ""
    code: str | None = None
    reason: str | None = None
    data: str | None = None
    particulars: Particulars | None = None  # as they become, where the command changes them
