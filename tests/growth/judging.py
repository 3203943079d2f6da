"""What may grow, and how much: nothing, but for what a reviewed list names."""

import fnmatch
from collections.abc import Iterator
from typing import NamedTuple

from tests.growth.databases import Mode
from tests.growth.measuring import Cost

TIMES = 1.5
STEPS, BUFFERS = 500, 16  # more than that many times as much


class Linear(NamedTuple):
    """What is linear by nature: calls whose name matches, why, and what they may cost for each request of the account."""

    pattern: str
    reason: str
    steps: float
    buffers: float

    def bound(self, mode: Mode, count: int) -> float:
        """For an account of `count` requests."""
        return count * (self.steps if mode.engine == "sqlite" else self.buffers)


LINEAR: tuple[Linear, ...] = (
    Linear("count_*", "It counts what matches, and shows nothing of it.", 27, 7),
    Linear("list_* *age*=far*", "A page far back, by its number: what comes before it is passed over. Read on by id instead.", 12, 1.5),
    Linear("one_thing cancel*", "On PostgreSQL, what all sources have of these SKUs is locked, where it is routed again.", 0.03, 0.25),
    Linear("one_thing inventory", "Very many sources have this SKU: all of it is looked at, and sorted.", 2, 0.3),
    Linear("list_events types=*", "Events of a type that never, or hardly ever, occurred: the log is looked through.", 25, 4),
    Linear("list_events after=middle as *", "Of the events after this one, none is the caller's for a long time.", 75, 100),
    Linear(
        "*After=middle*", "Half of all has changed since, and lies behind the other half, which is looked at first.",
        26, 7,
    ),
    Linear("*UpdatedAt=middle*", "As above; of each moment, it is counted whether more than 500 changed since.", 40, 11),
    Linear("list_orders includeTags=none*", "No order has this tag: all are looked at.", 23, 4),
    Linear(
        "list_fulfillment_requests filterStatus=Canceled filterAcknowledgedAfter=all *",
        "None of what was canceled had been acknowledged: all of it is looked at.", 0.7, 0.4,
    ),
    Linear("*filterFailureCode=none*", "No request has this code: all that stand in Processing Error are looked at.", 0.25, 0.1),
    Linear(
        "clock rules unrepaired *", "What stands in Processing Error is in no index of the rules, which a failure would have to"
        " write to: all of it is looked at.", 4.5, 0.4,
    ),
    Linear("clock rules *", "Each source of the account is looked up: one has few that are late, another has many.", 6.5, 0.5),
    Linear(
        "list_fulfillment_requests filterInvoiced=true of a source*",
        "Nearly all that this source has was canceled before it was released: none of that was invoiced.", 1, 0.3,
    ),
    Linear(
        "worker routing without a group", "Without a routing group, every source of the account may be chosen: each is looked at.",
        2.5, 0.15,
    ),
    Linear("commands *", "A command lists all that there are.", 6, 0.3),
    Linear("start keys", "Each start looks at every secret, so that none has lost its key.", 1.2, 0.1),
    Linear("link_orders of a channel*", "All open orders of the channel are looked through.", 22, 1.1),
    Linear(
        "list_source_invoices isForSyncedAccountingPurchaseOrder=true*",
        "The flag is the request's, and none of this source's invoices has it: all of them are looked at.", 0.1, 0.02,
    ),
)  # fmt: skip


_KEYED = ("count_* findOrderId=*", "count_* *Numbers=*")  # counts of what is looked up: these must not grow


def bound(mode: Mode, small: Cost) -> float:
    """What the same call may cost on the large database."""
    return TIMES * small.total + (STEPS if mode.engine == "sqlite" else BUFFERS)


def grows(mode: Mode, small: Cost, large: Cost) -> bool:
    """Whether it costs more than it may."""
    return large.total > bound(mode, small)


def linear(name: str) -> Linear | None:
    """The entry of the reviewed list that names this call."""
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in _KEYED):
        return None
    return next((one for one in LINEAR if fnmatch.fnmatchcase(name, one.pattern)), None)


def judge(mode: Mode, small: dict[str, Cost], large: dict[str, Cost], count: int) -> Iterator[str]:
    """What is wrong with the costs of the same calls on the small database and on the large one, of `count` requests."""
    assert small.keys() == large.keys()
    for name, before in small.items():
        after = large[name]
        if before.problem or after.problem:
            yield f"{name}: {before.problem or after.problem}"
            continue
        allowed = linear(name)
        if allowed is not None:
            if after.total > max(allowed.bound(mode, count), bound(mode, before)):
                yield f"{name}: {before.total:,} -> {after.total:,} {mode.unit}, more than {allowed.reason!r} explains"
        elif before.returned != after.returned:
            yield f"{name}: gives {before.returned} things and {after.returned}: they cannot be compared"
        elif grows(mode, before, after):
            most = max(after.by_statement, key=lambda text: after.by_statement[text] - before.by_statement.get(text, 0))
            change = f"{before.by_statement.get(most, 0):,} -> {after.by_statement[most]:,}"
            yield f"{name}: {before.total:,} -> {after.total:,} {mode.unit}, at most {bound(mode, before):,.0f}; most ({change}) by {' '.join(most.split())}"


def outdated(costs: dict[Mode, tuple[dict[str, Cost], dict[str, Cost]]]) -> Iterator[str]:
    """Entries of the list that nothing needs any more in any of the modes."""
    for one in LINEAR:
        needed = any(
            fnmatch.fnmatchcase(name, one.pattern) and grows(mode, before, large[name])
            for mode, (small, large) in costs.items() for name, before in small.items()
        )  # fmt: skip
        if not needed:
            yield f"{one.pattern} ({one.reason}) does not grow any more: remove it from LINEAR"
