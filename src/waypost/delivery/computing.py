"""Parsed JMESPath expressions as functions of Python: each node is compiled once, and is a step when it is computed.

The values are those of the library's interpreter, which a test compares; it takes about four times as long. A step is
counted in line in each of them: a call of its own would take as long as the step.
"""

from collections.abc import Callable
from numbers import Number
from typing import Any

from jmespath.visitor import TreeInterpreter

from waypost.delivery.evaluation import WHOLE_PER_SLICE, Budget, TooManySteps

Compute = Callable[[Any, Budget], Any]
"""The value for a document; raises `TooManySteps`, `FailedFunction`, and what the library's functions raise."""

_EQUAL, _UNEQUAL = (TreeInterpreter.COMPARATOR_FUNC[name] for name in ("eq", "ne"))


def compiled(node: Any) -> Compute:
    """The function of a node and all that is below it."""
    return _COMPILERS[node["type"]](node)


def _children(node: Any) -> list[Compute]:
    return [compiled(child) for child in node["children"]]


def _chain(node: Any) -> Compute:
    """A subexpression, a pipe or an index: each works on what the one before gives."""
    links = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        for link in links:
            value = link(value, budget)
        return value

    return compute


def _field(node: Any) -> Compute:
    name = node["value"]

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return value.get(name) if isinstance(value, dict) else None

    return compute


def _current(node: Any) -> Compute:
    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return value

    return compute


def _literal(node: Any) -> Compute:
    literal = node["value"]

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return literal

    return compute


def _index(node: Any) -> Compute:
    place = node["value"]

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return value[place] if isinstance(value, list) and -len(value) <= place < len(value) else None

    return compute


def _slice(node: Any) -> Compute:
    part = slice(*node["children"])

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        if not isinstance(value, list):
            return None
        budget.spend(len(value) // WHOLE_PER_SLICE)
        return value[part]

    return compute


def _comparator(node: Any) -> Compute:
    left, right = _children(node)
    compare = TreeInterpreter.COMPARATOR_FUNC[node["value"]]
    orders = compare not in (_EQUAL, _UNEQUAL)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        one, other = left(value, budget), right(value, budget)
        budget.spend_on_comparing(one)
        budget.spend_on_comparing(other)
        if orders and not (_is_ordered(one) and _is_ordered(other)):
            return None
        return compare(one, other)

    return compute


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _is_ordered(value: Any) -> bool:
    return _is_number(value) or isinstance(value, str)


def _is_false(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _either(node: Any) -> Compute:
    """`||` and `&&`: the right side where the left one does not decide."""
    left, right = _children(node)
    is_or = node["type"] == "or_expression"

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        found = left(value, budget)
        return right(value, budget) if _is_false(found) is is_or else found

    return compute


def _not(node: Any) -> Compute:
    (inner,) = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        found = inner(value, budget)
        return not found and not _is_number(found)  # zero is a value

    return compute


def _projection(node: Any) -> Compute:
    base, each = _children(node)
    by_values = node["type"] == "value_projection"

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        found = base(value, budget)
        if by_values and isinstance(found, dict):
            found = list(found.values())
        elif by_values or not isinstance(found, list):
            return None
        return [made for one in found if (made := each(one, budget)) is not None]

    return compute


def _filter(node: Any) -> Compute:
    base, each, holds = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        found = base(value, budget)
        if not isinstance(found, list):
            return None
        return [
            made
            for one in found
            if not _is_false(holds(one, budget)) and (made := each(one, budget)) is not None
        ]

    return compute


def _flatten(node: Any) -> Compute:
    (base,) = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        found = base(value, budget)
        if not isinstance(found, list):
            return None
        budget.spend(len(found))
        merged: list[Any] = []
        for one in found:
            if isinstance(one, list):
                budget.spend(len(one))
                merged += one
            else:
                merged.append(one)
        return merged

    return compute


def _list(node: Any) -> Compute:
    members = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return None if value is None else [member(value, budget) for member in members]

    return compute


def _dict(node: Any) -> Compute:
    members = [(child["value"], compiled(child)) for child in node["children"]]

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return None if value is None else {name: member(value, budget) for name, member in members}

    return compute


class _Expression:
    """What the library's functions are given for `&…`; they know it by the name of its class."""

    def __init__(self, expression: Compute, budget: Budget) -> None:
        self.expression = expression
        self._budget = budget

    def visit(self, expression: Compute, value: Any) -> Any:
        """The value for one element; what it gives may be sorted, and is compared then."""
        found = expression(value, self._budget)
        self._budget.spend_on_comparing(found)
        return found


def _reference(node: Any) -> Compute:
    (inner,) = _children(node)

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return _Expression(inner, budget)

    return compute


def _function(node: Any) -> Compute:
    arguments, name = _children(node), node["value"]

    def compute(value: Any, budget: Budget) -> Any:
        budget.left -= 1
        if budget.left < 0:
            raise TooManySteps
        return budget.functions.call_function(name, [argument(value, budget) for argument in arguments])

    return compute


_COMPILERS: dict[str, Callable[[Any], Compute]] = {
    "subexpression": _chain, "pipe": _chain, "index_expression": _chain, "key_val_pair": _chain, "field": _field,
    "current": _current, "identity": _current, "literal": _literal, "index": _index, "slice": _slice,
    "comparator": _comparator, "or_expression": _either, "and_expression": _either, "not_expression": _not,
    "projection": _projection, "value_projection": _projection, "filter_projection": _filter, "flatten": _flatten,
    "multi_select_list": _list, "multi_select_dict": _dict, "expref": _reference, "function_expression": _function,
}  # fmt: skip
