"""Clock rules, and what needs somebody: how they are read and written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.app.actor import Scope
from waypost.domain.clock_rules import ClockRule


class Overdue(NamedTuple):
    """A request that stands longer than a rule allows; `since` in microseconds."""

    request_id: int
    source_id: int
    since: int


class OverdueQuery(NamedTuple):
    """Requests that a rule is about. `source_id` None: all sources but `but`."""

    account_id: int
    condition: str
    status: str
    source_id: int | None
    but: tuple[int, ...]
    since: int  # came into the status at this moment or before, and were not held after it
    now: int
    limit: int
    after: int = 0  # with ids above this
    look: int = 1000  # requests in the status that one look looks at, overdue or not


class OverduePage(NamedTuple):
    """What one look found. It looked at everything up to the id `reached`; None: nothing follows."""

    found: list[Overdue]
    reached: int | None


class AttentionQuery(NamedTuple):
    """Filters of what needs somebody; None means no filter."""

    scope: Scope
    source_id: int | None = None
    codes: tuple[str, ...] = ()
    assignee: str | None = None
    unassigned: bool = False
    snoozed: bool = False  # with what is snoozed
    now: int = 0
    shown: int = 20  # of each group


class AttentionItem(NamedTuple):
    """One thing that needs somebody, with the figures of its group."""

    source_id: int | None
    code: str
    subject: str
    subject_id: int
    since: int
    message: str | None
    settleable: bool
    group_total: int
    group_since: int


class ClockRuleReads(Protocol):
    """The part of `Reads` that is about clock rules and attention."""

    async def clock_rules(self, account_id: int) -> list[ClockRule]:
        """The rules of an account, in their order."""
        ...

    async def ruled_accounts(self) -> list[int]:
        """The accounts that have rules."""
        ...

    async def overdue(self, query: OverdueQuery) -> OverduePage:
        """Requests that a rule finds overdue and that nobody has been told of; by id. One look, bounded in its cost."""
        ...

    async def attention(self, query: AttentionQuery) -> list[AttentionItem]:
        """What needs somebody: of each group (source and code) the oldest; groups by their oldest."""
        ...


class ClockRuleTx(Protocol):
    """The part of `Tx` that is about clock rules and attention."""

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None: ...

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]: ...

    async def settle_outdated(self, account_id: int, at: int) -> int:
        """Settle what clock rules have raised about requests that have moved on; how many."""
        ...
