"""Everything that is measured, on one database."""

import fnmatch
from itertools import chain

from tests.growth.background import works
from tests.growth.changes import changes
from tests.growth.databases import Databases, Mode
from tests.growth.measuring import Cost
from tests.growth.reads import Target, reads


async def measure(databases: Databases, mode: Mode, count: int, only: str = "*") -> dict[str, Cost]:
    """The cost of each call whose name matches `only`, by its name; of those that change something, in their order."""
    template, plan = await databases.template(), await databases.plan(count)
    found: dict[str, Cost] = {}
    async with databases.opened(mode, count) as one:
        target = Target(template, plan)
        for call in chain(reads(target), changes(target)):
            if fnmatch.fnmatch(call.name, only):
                assert call.name not in found, f"two calls are named {call.name}"
                found[call.name] = await one.call(call)
        for work in works(target):
            if fnmatch.fnmatch(work.name, only):
                assert work.name not in found, f"two pieces of work are named {work.name}"
                found[work.name] = await one.run(work.run)
    return found
