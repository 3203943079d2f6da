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


class ClockRuleReads(Protocol):
    """The part of `Reads` that is about clock rules."""

    async def clock_rules(self, account_id: int) -> list[ClockRule]:
        """The rules of an account, in their order."""
        ...

    async def ruled_accounts(self) -> list[int]:
        """The accounts that have rules."""
        ...

    async def overdue(self, query: OverdueQuery) -> OverduePage:
        """Requests that a rule finds overdue and that nobody has been told of; by id. One look, bounded in its cost."""
        ...


class ClockRuleTx(Protocol):
    """The part of `Tx` that is about clock rules."""

    async def replace_clock_rules(self, account_id: int, rules: Sequence[ClockRule]) -> None: ...

    async def clock_rules_of(self, account_id: int) -> list[ClockRule]: ...
