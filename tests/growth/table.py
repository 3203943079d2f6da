"""The table of `docs/reference/growth.md`: what each operation costs at two sizes, in each mode."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.growth.databases import LARGE, SMALL, Mode
from tests.growth.judging import BUFFERS, LINEAR, STEPS, TIMES, grows, linear
from tests.growth.measuring import Cost

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "growth.md"
Costs = dict[Mode, tuple[dict[str, Cost], dict[str, Cost]]]

_HEAD = f"""# What each operation costs, and what of that grows

Made by `make growth`; do not edit. One account with {SMALL:,} requests, and one with {LARGE:,}: most of them ended long ago,
few are on their way; four of 50 sources have nine tenths. Each call was made on both. Two figures are its cost on the
small one and on the large one: for SQLite steps of its virtual machine, for PostgreSQL buffers (pages of 8 KB that it looked
at). A large figure may be {TIMES:g} times the small one and {STEPS} steps or {BUFFERS} buffers more; *linear* stands where the list below
explains why it may be more. Waypost runs as "SQLite without ANALYZE" and, as autovacuum goes on, between the first two
columns of PostgreSQL, whose statements it plans without their values; "custom plans" know them. Of the tokens that may make a call, the row shows the one that costs most on the large account.

A row called none is the call without a filter. Values of filters: `large` and `common` are what most have, `rare` what few have,
`none` and `never` are had by nothing, `closed` are statuses in which requests end, `ignored` is read as if it were not there,
`one`, `two` and `some` name so many; `start`, `middle`, `new`, `end` and `latest` are the places from which a list is read, or the
moments after which something changed (after `all` everything has, after `nothing` nothing); `far` is a page far back. "of a
source" and `sinceId` say that the filter was given together with that one.

`one_thing` stands for calls about one SKU, one request, its order, one source and one webhook in strict order: to these, something
happens in every hundred of requests. Their timelines are left out: they give everything that happened.

`make growth` measures more than these columns: PostgreSQL of whose tables only some are analysed, and whose tables seem 50 times
as large as they are. Nothing may grow there, either.
"""

_ELSEWHERE = """
## What else grows

Found by trying, and not measured by a call above:

- Lists of what hardly any request or order has, and of what filters have in common that let much through one by one:
  what was invoiced or sent, or was not, where all others are the other way round; a shipped status that few have, of a
  closed status; a failure code that few have, behind many of another; what may be released, where most of what is
  Unprocessed is held. The shortest list is looked through that an index has: of what has these statuses, of what belongs
  to the source or channel, or of what has changed.
- `PATCH /orders/link` by SKU looks at the items of that SKU that were never linked, also those of closed orders and of
  other accounts.
- `GET /attention`, where very many snoozes have just ended: until the hub has listed them, a hundred at a time. Each group of
  which all is snoozed costs a look-up, and beyond 1,000 groups, `total` costs a walk of all of them, and `codes` a look-up
  of each code at each source that has a group.
- A change of an order, or of one of its requests: it reads all requests of that order, also those that were canceled.
- After the clock was set back, a worker's sweep looks at what was rejected for now while it ran ahead, until that was tried.
- A look of a clock rule: each request that is snoozed no more, and is not overdue yet.
- A quantity of a source whose stock is let go with it (`quantity_update`): all requests that have shipped since the one before.
- What belongs to one thing: items that were taken out of its shipment.
- A page of orders or requests: all that they hold, without a bound. 1,000 orders of 1,000 items are a reply of 327 MB and take
  1.1 GB of memory while it is made: ask for smaller pages where orders are long.
- A timeline: it has no pages. A source's looks at all events from the release on, also those that it does not show.
- Routing by a group of more than 50 sources: it looks at what every source of the account has of the SKUs.
- To skip the backlog of a webhook in strict order: it looks at all that waits for this webhook.
- Single calls that arrive together share a transaction. 120 requests of 1,000 lines, acknowledged one by one at once,
  hold others up for 0.13 s.
"""


def groups(names: list[str]) -> dict[tuple[str, str], list[str]]:
    """The calls of each operation and filter, one for each token."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in names:
        call = name.rpartition(" as ")[0] or name
        operation, _, what = call.partition(" ")
        found.setdefault((operation, what), []).append(name)
    return found


def _cell(mode: Mode, names: list[str], small: dict[str, Cost], large: dict[str, Cost]) -> str:
    worst = max(names, key=lambda name: large[name].total)
    before, after = small[worst], large[worst]
    mark = " *linear*" if linear(worst) and grows(mode, before, after) else ""
    return f"{before.total:,} → {after.total:,}{mark}"


def told() -> list[str]:
    """What the page says besides the figures."""
    listed = [f"| `{one.pattern}` | {one.reason} | {one.steps:g} | {one.buffers:g} |" for one in LINEAR]
    return [*_HEAD.splitlines(), *listed, *_ELSEWHERE.rstrip().splitlines()]


def lines(costs: Costs) -> Iterator[str]:
    """The page, line by line."""
    yield from _HEAD.splitlines()
    first = next(iter(costs.values()))[0]
    rows: dict[str, list[str]] = {}
    for (operation, what), names in groups([*first]).items():
        cells = [_cell(mode, names, small, large) for mode, (small, large) in costs.items()]
        shown = f"`{what}`" if what else "none"
        rows.setdefault(operation, []).append(f"| {shown} | {' | '.join(cells)} |")
    every = [row for some in rows.values() for row in some]
    grow = [operation for operation, some in rows.items() for row in some if "*linear*" in row]
    counts = sum(operation.startswith("count_") for operation in grow)
    yield from ("", f"{len(every)} rows follow. {len(grow)} of them grow, of which {counts} only count:")
    yield from ("", "## What is linear by nature", "")
    yield from ("| calls | why | steps, at most, for each request | buffers |", "| --- | --- | ---: | ---: |")
    for one in LINEAR:
        yield f"| `{one.pattern}` | {one.reason} | {one.steps:g} | {one.buffers:g} |"
    yield from _ELSEWHERE.rstrip().splitlines()
    for operation, some in rows.items():
        yield from ("", f"## `{operation}`", "", head(costs), f"| --- |{' ---: |' * len(costs)}", *some)


def heads() -> set[str]:
    """The heads of the page's columns."""
    return {line for line in PAGE.read_text().splitlines() if line.startswith("| filter |")}


def head(modes: Iterable[Mode]) -> str:
    """The head of each table of operations."""
    return f"| filter | {' | '.join(mode.name for mode in modes)} |"


def shown() -> set[tuple[str, str]]:
    """The operations and filters that the page has rows of."""
    found: set[tuple[str, str]] = set()
    operation = ""
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            operation = line.strip("# `") if line.startswith("## `") else ""
        elif operation and (row := re.match(r"\| (?:`([^`]+)`|none) \|", line)):
            found.add((operation, row[1] or ""))
    return found
