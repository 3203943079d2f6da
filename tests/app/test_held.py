"""What a request's lines hold is told in the order of the lines, in whatever order the database gives it."""

import json

import pytest

from tests.domain.lines import make_line
from tests.domain.test_guards import state
from waypost.app.actor import system
from waypost.app.commands import Command, QuantityUpdate, StockRelease
from waypost.app.drafts import Draft, Holding
from waypost.app.quantities import release_stock
from waypost.domain.lifecycle import Action
from waypost.domain.statuses import Status
from waypost.domain.stock import commit


@pytest.mark.parametrize("details", [StockRelease(), QuantityUpdate(frozenset({70, 80}))], ids=["by hand", "told"])
def test_in_the_order_of_the_lines(details: StockRelease | QuantityUpdate) -> None:
    lines = (make_line(1, shipped=5), make_line(2, shipped=5))
    holding = Holding({line: commit(variant, line, 5, at=1) for line, variant in ((2, 80), (1, 70))})
    command = Command(Action.RELEASE_STOCK, 1, system(1), details=details)
    draft = release_stock(Draft(state(Status.PROCESSED), lines, holding), command, at=2)
    assert draft is not None
    assert draft.data is not None
    assert [entry.line_id for entry in draft.stock] == [1, 2]
    assert [told["id"] for told in json.loads(draft.data)["stock"]] == [1, 2]
