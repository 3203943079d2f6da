"""Everything that is measured, on one database."""

import fnmatch
from collections.abc import Iterator
from itertools import chain

from tests.growth import about_one, changes, changes_goods
from tests.growth.background import works
from tests.growth.databases import Databases, Mode
from tests.growth.measuring import Cost
from tests.growth.reads import Call, Target, reads


async def measure(
    databases: Databases, mode: Mode, count: int, only: str = "*", planted: str | None = None
) -> dict[str, Cost]:
    """The cost of each call whose name matches `only`, by its name; of those that change something, in their order.

    `planted`: SQL that spoils the database first.
    """
    template, plan = await databases.template(), await databases.plan(count)
    found: dict[str, Cost] = {}
    async with databases.opened(mode, count, planted) as one:
        target = Target(template, plan)
        for call in _calls(target):
            if fnmatch.fnmatch(call.name, only):
                assert call.name not in found, f"two calls are named {call.name}"
                found[call.name] = await one.call(call)
        for work in chain(works(target), about_one.works(target)):
            if fnmatch.fnmatch(work.name, only):
                assert work.name not in found, f"two pieces of work are named {work.name}"
                found[work.name] = await one.run(work.run)
    return found


def _calls(target: Target) -> Iterator[Call]:
    """What is read comes first: changes leave more to be read."""
    yield from reads(target)
    left_out = changes_goods.missing(target)
    assert not left_out, f"operations that nothing measures: {sorted(left_out)}"
    yield from chain(changes.changes(target), changes_goods.changes(target), about_one.calls(target))
