"""Who calls, and what that caller may see: the scope that every query is bound to (contract section 1.3)."""

from typing import NamedTuple


class Scope(NamedTuple):
    """The account, and the one source or channel within it, that a query may touch. Bound in the SQL."""

    account_id: int
    source_id: int | None = None
    channel_id: int | None = None


class Actor(NamedTuple):
    """The author of a change. `type` is account, source, channel, user, worker or system."""

    type: str
    scope: Scope
    id: int | None
    name: str | None
    family: int | None = None  # of tokens: survives rotation; idempotency keys belong to it

    def signature(self) -> str:
        """`type:id:name`, as kept beside a failure."""
        return f"{self.type}:{'' if self.id is None else self.id}:{self.name or ''}"


def system(account_id: int, name: str = "waypost") -> Actor:
    """The hub itself, or a command line, acting on one account."""
    return Actor("system", Scope(account_id), None, name)
