"""Computes parsed JMESPath expressions with a bounded number of steps.

A short expression may ask for any amount of work: each `map` inside a `map` multiplies it. The event loop computes
expressions, so each computation has a budget. It counts steps, not seconds: the same expression and document come to
the same end on a busy machine and on an idle one.
"""

from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import TYPES_MAP, Functions
from jmespath.visitor import Options, TreeInterpreter

# A body with 10 members for each of 1,000 items takes about 30,000. All of them take a few tenths of a second.
STEPS_AT_MOST = 100_000
# What the machine does with a whole value at once (compare, copy, write as text) is far quicker than a step.
WEIGHT_PER_STEP = 16
LONG_TEXT = 64  # characters
# These look at no more than the elements of what they are given; other functions may walk through all that is in it.
_SHALLOW = frozenset(("length", "map", "sort_by", "max_by", "min_by", "keys", "values", "to_array", "not_null", "merge",
                      "type"))  # fmt: skip


class TooManySteps(Exception):
    """The budget is used up. No error of JMESPath, as those may mean "no value"."""


class FailedFunction(Exception):
    """A function lets an error of Python through, such as `merge` with null; the message is for a person."""


class Budget:
    """The steps that are left to compute one expression, or several that belong together."""

    def __init__(self, steps: int = STEPS_AT_MOST) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises `TooManySteps`."""
        self.left -= steps
        if self.left < 0:
            raise TooManySteps

    def spend_on_whole(self, value: Any) -> None:
        """Spend what it costs to walk through all that is in the value; raises `TooManySteps`."""
        self.spend(weight(value, (self.left + 1) * WEIGHT_PER_STEP) // WEIGHT_PER_STEP)


def compute(parsed: Any, document: Any, budget: Budget) -> Any:
    """The value of a parsed expression; raises `TooManySteps`, `FailedFunction`, and what the library raises."""
    return _Interpreter(budget).visit(parsed, document)


def weight(value: Any, enough: int) -> int:
    """At most as many as the characters of the value as JSON: one for each value and name in it, and its text.

    A value that is in it several times counts as often, as it does in JSON. Counting ends when `enough` is reached:
    the value may be too large to walk through.
    """
    total = 0
    todo = [value]
    while todo and total < enough:
        one = todo.pop()
        total += 1
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, list):
            total += len(one)  # once more for each, so that pushing many of them is paid for before they are counted
            if total < enough:
                todo += one
        elif isinstance(one, dict):
            total += len(one)
            if total < enough:
                todo += one
                todo += one.values()
    return total


class _Functions(Functions):
    """The library's functions, paid for before they run."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        for given in resolved_args:
            if function_name not in _SHALLOW:
                self._budget.spend_on_whole(given)
            elif isinstance(given, list | dict):
                self._budget.spend(len(given))
        try:
            return super().call_function(function_name, resolved_args)
        except (JMESPathError, TooManySteps, FailedFunction, MemoryError, RecursionError):
            raise
        except Exception as error:
            given = ", ".join(TYPES_MAP.get(type(one).__name__, "unknown") for one in resolved_args)
            raise FailedFunction(f"{function_name}() cannot work with what it is given: {given}") from error


class _Interpreter(TreeInterpreter):
    """The library's interpreter: each visit of a node is a step, and what may be long is paid for before it is done."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=_Functions(budget)))
        self._budget = budget

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        value = TreeInterpreter.visit(self, node, *args, **kwargs)
        budget = self._budget
        budget.left -= 1  # not by `spend`: this is done for every node
        if budget.left < 0:
            raise TooManySteps
        if type(value) is str and len(value) > LONG_TEXT:
            budget.spend(len(value) // LONG_TEXT)  # sorting and comparing it takes that much longer
        return value

    def visit_comparator(self, node: Any, value: Any) -> Any:
        sides = [self.visit(child, value) for child in node["children"]]
        for side in sides:
            if isinstance(side, list | dict):
                self._budget.spend_on_whole(side)
        computed: Any = {**node, "children": [_literal(side) for side in sides]}
        return super().visit_comparator(computed, value)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        base = self.visit(node["children"][0], value)
        if isinstance(base, list):
            self._budget.spend(sum(len(one) for one in base if isinstance(one, list)))
        computed: Any = {**node, "children": [_literal(base)]}
        return super().visit_flatten(computed, value)

    def visit_slice(self, node: Any, value: Any) -> Any:
        if isinstance(value, list):
            self._budget.spend(len(value) // WEIGHT_PER_STEP)
        return super().visit_slice(node, value)


def _literal(value: Any) -> dict[str, Any]:
    """A node that stands for a value which was computed already."""
    return {"type": "literal", "value": value, "children": []}
