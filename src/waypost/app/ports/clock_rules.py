"""Clock rules: how they are read and written."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from waypost.domain.clock_rules import ClockRule


class Overdue(NamedTuple):
    """A request that stands longer than a rule allows; `since` in microseconds."""

    request_id: int
    source_id: int
    since: int


class OverdueQuery(NamedTuple):
    """Requests that a rule is about. `source_id` None: all sources but `but`."""

    account_id: int
    status: str
    source_id: int | None
    but: tuple[int, ...]
    since: int  # came into the status at this moment or before, and were not held after it
    now: int
    limit: int
    after_source: int = 0  # sources with ids above this come first
    left: tuple[int, ...] = ()  # without these requests


class ClockRuleReads(Protocol):
    """The part of `Reads` that is about clock rules."""

    async def clock_rules(self, account_id: int) -> list[ClockRule]:
        """The rules of an account, in their order."""
        ...

    async def ruled_accounts(self) -> list[int]:
        """The accounts that have rules."""
        ...

    async def overdue(self, query: OverdueQuery) -> list[Overdue]:
        """Requests that a rule finds overdue and that nobody has been told of, source by source."""
        ...


class ClockRuleTx(Protocol):
    """The part of `Tx` that is about clock rules."""

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None: ...

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]: ...
