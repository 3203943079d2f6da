"""The event log: how it is read in order, and how a commit of this process is heard of."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.events import Event


class FeedQuery(NamedTuple):
    """Events after `after` (a seq), oldest first, as far as `scope` may see them. No patterns: every type."""

    scope: Scope
    after: int = 0
    patterns: tuple[str, ...] = ()  # of domain.catalogue
    limit: int = 100
    upto: int | None = None  # the last seq that is looked at; None: as far as one look reaches
    seqs: tuple[int, ...] = ()  # only these


class FeedPage(NamedTuple):
    """What one look found. It looked at everything up to `reached`; the account's last event is `head`."""

    events: list[Event]
    reached: int
    head: int


class EventReads(Protocol):
    """The part of `Reads` that is about the event log."""

    async def feed(self, query: FeedQuery) -> FeedPage:
        """One look, bounded in what it costs: it may find nothing and still not have reached the head."""
        ...

    async def events_by_seq(self, scope: Scope, seqs: Sequence[int]) -> dict[int, Event]:
        """Those of these events that `scope` sees, by seq."""
        ...

    async def heads(self, account_ids: Sequence[int]) -> dict[int, int]:
        """The seq of the last event of each account."""
        ...


class EventTx(Protocol):
    """The part of `Tx` that is about the event log."""

    async def events(self, query: FeedQuery) -> list[Event]:
        """As `feed`, within the transaction, from `after` as far as `upto`."""
        ...


Heard = Callable[[Iterable[int]], None]
"""Told, after a commit of this process, of which accounts it wrote events. Must not wait, nor raise."""
