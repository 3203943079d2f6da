"""What the contract's samples are run upon: one module a tag, each with `PREPARES`.

`PREPARES[operationId]` makes, in the merchant `world.ours`, the things that the sample speaks of, afresh for every
run, and gives the texts of the sample that stand for them with what is really there. A sample without an entry is
run upon a fulfillment request in Processing (1001, its first item 9001, its order 501), source 11 and channel 21.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from pkgutil import iter_modules

from tests.support.world import World

Real = dict[str, object]
Preparer = Callable[[World], Awaitable[Real]]


def preparers() -> dict[str, Preparer]:
    """Every tag's, by operationId."""
    found: dict[str, Preparer] = {}
    for module in iter_modules(__path__):
        mine: dict[str, Preparer] = import_module(f"{__name__}.{module.name}").PREPARES
        assert not found.keys() & mine.keys(), f"{module.name} prepares what another module prepares"
        found |= mine
    return found
