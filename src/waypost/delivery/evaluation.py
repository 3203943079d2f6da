"""The budget of JMESPath expressions, and their functions, which are paid for before they run.

A short expression may ask for any amount of work: each `map` inside a `map` multiplies it. The event loop computes
expressions, so each computation has a budget. It counts steps, not seconds: the same expression and document come to
the same end on a busy machine and on an idle one.
"""

from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import TYPES_MAP, Functions

# A body with 10 members for each of 1,000 items takes about 30,000. All of them take a few hundredths of a second.
STEPS_AT_MOST = 100_000
# What the machine does with a whole value at once (compare, copy, write as text) is quicker than a step.
STEPS_PER_CALL = 4  # of a function, beside what it does
CHARACTERS_PER_STEP = 16
LONG_TEXT = 64  # characters that are compared at once
_HOLDERS = (list, dict)
WHOLE_PER_SLICE = 16  # elements of a list that are copied at once
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
        self.functions = _Functions(self)

    def spend(self, steps: int) -> None:
        """Raises `TooManySteps`."""
        self.left -= steps
        if self.left < 0:
            raise TooManySteps

    def spend_on_whole(self, value: Any) -> None:
        """Spend what it costs to walk through all that is in the value; raises `TooManySteps`."""
        values, characters = measure(value, self.left + 1, (self.left + 1) * CHARACTERS_PER_STEP)
        self.spend(values + characters // CHARACTERS_PER_STEP)

    def spend_on_comparing(self, value: Any) -> None:
        """Spend what it costs to compare the value with another one; raises `TooManySteps`."""
        if isinstance(value, str):
            if len(value) > LONG_TEXT:
                self.spend(len(value) // LONG_TEXT)
        elif isinstance(value, list | dict):
            self.spend_on_whole(value)


def measure(value: Any, values_at_most: int, characters_at_most: int) -> tuple[int, int]:
    """How many values and names are in the value, and how many characters they have: no more than its JSON has.

    A value that is in it several times counts as often, as it does in JSON. Counting ends when there are more than so
    many of either: the value may be too large to walk through.
    """
    values = characters = 1
    if isinstance(value, str):
        characters += len(value)
    todo = [value] if isinstance(value, list | dict) else []
    while todo and values <= values_at_most and characters <= characters_at_most:
        one = todo.pop()
        count = 2 * len(one) if isinstance(one, dict) else len(one)
        values += count
        characters += count
        if values > values_at_most:  # there may be too many to look at
            break
        for child in (*one, *one.values()) if isinstance(one, dict) else one:
            if isinstance(child, str):
                characters += len(child)
            elif isinstance(child, _HOLDERS):
                todo.append(child)
    return values, characters


class _Functions(Functions):
    """The library's functions, paid for before they run."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: Any) -> Any:
        self._budget.spend(STEPS_PER_CALL)
        for given in resolved_args:
            if function_name not in _SHALLOW:
                self._budget.spend_on_whole(given)
            elif isinstance(given, list | dict):
                self._budget.spend(len(given))
        if function_name == "join":
            self._pay_for_separators(*resolved_args)
        try:
            made = super().call_function(function_name, resolved_args)
        except (JMESPathError, TooManySteps, FailedFunction, MemoryError, RecursionError):
            raise
        except Exception as error:
            given = ", ".join(TYPES_MAP.get(type(one).__name__, "unknown") for one in resolved_args)
            raise FailedFunction(f"{function_name}() cannot work with what it is given: {given}") from error
        if isinstance(made, str):  # with its escapes it may be longer than what was given
            self._budget.spend(len(made) // CHARACTERS_PER_STEP)
        return made

    def _pay_for_separators(self, separator: Any = None, array: Any = None, *_: Any) -> None:
        """One text between any two of many may come to any length."""
        if isinstance(separator, str) and isinstance(array, list):
            self._budget.spend(len(separator) * len(array) // CHARACTERS_PER_STEP)
