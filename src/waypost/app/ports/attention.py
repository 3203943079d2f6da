"""What needs somebody: how it is raised, settled and read."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.fulfillment import State

GROUPS_AT_MOST = 1000  # that are shown: a source may have as many as it makes codes of its own


class Attention(NamedTuple):
    """Something that somebody must look at, until it is settled. One at a time of each code for a subject."""

    account_id: int
    source_id: int | None
    subject: str  # fulfillment_request, source or webhook
    subject_id: int
    code: str
    message: str
    raised_at: int


class Place(NamedTuple):
    """A place in a group: items after this moment, and of this moment those with a larger id. Microseconds."""

    source_id: int  # 0: no source
    code: str
    since: int
    subject_id: int


class AttentionQuery(NamedTuple):
    """Filters of what needs somebody; None means no filter."""

    scope: Scope
    source_id: int | None = None
    codes: tuple[str, ...] = ()  # each once
    assignee: str | None = None
    unassigned: bool = False
    snoozed: bool = False  # with what is snoozed
    now: int = 0
    after: Place | None = None  # only its group


class AttentionGroup(NamedTuple):
    """What needs somebody at one source for one reason: how many, and since when the oldest does."""

    source_id: int  # 0: no source
    source_name: str | None
    code: str
    total: int
    oldest: int


class AttentionGroups(NamedTuple):
    """Groups, the one with the oldest item first, and how many items they have: with those of groups not shown."""

    total: int
    shown: list[AttentionGroup]
    has_more: bool


class AttentionItem(NamedTuple):
    """One thing that needs somebody. `state`, `number` and `assignee` are of its request, if it is about one."""

    source_id: int
    code: str
    subject: str
    subject_id: int
    since: int
    message: str | None
    number: str | None
    assignee: str | None
    state: State | None


class AttentionReads(Protocol):
    """The part of `Reads` that is about what needs somebody."""

    async def attention_groups(self, query: AttentionQuery) -> AttentionGroups:
        """How many need somebody, by source and code. Of more than `GROUPS_AT_MOST` groups, the first by these."""
        ...

    async def attention_items(self, query: AttentionQuery, places: Sequence[Place], limit: int) -> list[AttentionItem]:
        """From each of these places on the next items of its group, `limit` at most; by group, the oldest first."""
        ...

    async def accounts_with_outdated_snoozes(self, now: int) -> list[int]:
        """Where some items are listed as snoozed, although that has ended; or as not, although it has not."""
        ...


class AttentionTx(Protocol):
    """The part of `Tx` that is about what needs somebody."""

    async def raise_attention(self, raised: Sequence[Attention]) -> int:
        """Where it is not raised already; how many were.

        A clock rule's only where the request stands in the status that the rule watches, and no rule has raised
        anything about it there before: the request must be locked.
        """
        ...

    async def settle_attention(
        self, account_id: int, subject: str, subject_id: int, codes: Sequence[str], at: int
    ) -> list[int]:
        """It needs nobody any more; the ids of those that did."""
        ...

    async def list_snoozes(self, account_id: int, now: int, limit: int) -> int:
        """List so many items as snoozed or not, whichever they are now and are not listed as; how many.

        The account's counter must be locked.
        """
        ...
