"""Computes parsed JMESPath expressions with the library's interpreter: each visit of a node is a step of the budget.

A method is written anew where it must pay for a whole value first, or where the library's takes two to seven times as
long: a whole budget must not hold the event loop for long.
"""

from typing import Any

from jmespath.visitor import Options, TreeInterpreter

from waypost.delivery.evaluation import WHOLE_PER_SLICE, Budget, TooManySteps

_LARGE = (str, list, dict)  # these may take more than a step to compare
_ORDERED = (str, int, float)  # but no bool


def compute(parsed: Any, document: Any, budget: Budget) -> Any:
    """The value; raises `TooManySteps`, `FailedFunction`, and what the library raises."""
    return _Interpreter(budget).visit(parsed, document)


class _Interpreter(TreeInterpreter):
    def __init__(self, budget: Budget) -> None:
        super().__init__(Options(custom_functions=budget.functions))
        self.budget = budget

    def visit(self, node: Any, value: Any) -> Any:
        budget = self.budget
        budget.left -= 1  # not by `spend`: a call takes as long as the step
        if budget.left < 0:
            raise TooManySteps
        return _METHODS[node["type"]](self, node, value)

    def visit_field(self, node: Any, value: Any) -> Any:
        return value.get(node["value"]) if isinstance(value, dict) else None

    def visit_comparator(self, node: Any, value: Any) -> Any:
        left, right = node["children"]
        one, other = self.visit(left, value), self.visit(right, value)
        if isinstance(one, _LARGE):
            self.budget.spend_on_comparing(one)
        if isinstance(other, _LARGE):
            self.budget.spend_on_comparing(other)
        name = node["value"]
        if name not in ("eq", "ne") and not (_is_ordered(one) and _is_ordered(other)):
            return None
        return self.COMPARATOR_FUNC[name](one, other)

    def visit_filter_projection(self, node: Any, value: Any) -> Any:
        base, each, holds = node["children"]
        found = self.visit(base, value)
        if not isinstance(found, list):
            return None
        made = [self.visit(each, one) for one in found if _is_true(self.visit(holds, one))]
        return [one for one in made if one is not None]

    def visit_slice(self, node: Any, value: Any) -> Any:
        if isinstance(value, list):
            self.budget.spend(len(value) // WHOLE_PER_SLICE)
        return super().visit_slice(node, value)

    def visit_flatten(self, node: Any, value: Any) -> Any:
        (base,) = node["children"]
        found = self.visit(base, value)
        if not isinstance(found, list):
            return None
        self.budget.spend(len(found) + sum(len(one) for one in found if isinstance(one, list)))
        merged: list[Any] = []
        for one in found:
            if isinstance(one, list):
                merged += one
            else:
                merged.append(one)
        return merged

    def visit_expref(self, node: Any, value: Any) -> Any:
        return _Expression(node["children"][0], self)


class _Expression:
    """What the library's functions are given for `&…`; they know it by the name of its class."""

    def __init__(self, expression: Any, interpreter: _Interpreter) -> None:
        self.expression = expression
        self._interpreter = interpreter

    def visit(self, expression: Any, value: Any) -> Any:
        """The value for one element; what it gives may be sorted, and is compared then."""
        found = self._interpreter.visit(expression, value)
        if isinstance(found, _LARGE):
            self._interpreter.budget.spend_on_comparing(found)
        return found


def _is_ordered(value: Any) -> bool:
    return isinstance(value, _ORDERED) and not isinstance(value, bool)


def _is_true(value: Any) -> bool:
    return value is True or not (value is None or value is False or value in ("", [], {}))


_METHODS = {
    name.removeprefix("visit_"): getattr(_Interpreter, name) for name in dir(_Interpreter) if name.startswith("visit_")
}
