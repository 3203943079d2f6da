"""JMESPath expressions in settings: what picks values out of a request, and out of a source's answer.

The language has no assignments and no way out of the document it is given. What is left to bound is how deep an
expression may be, how often it may copy parts of the document, and how many steps it may take (`evaluation`).
"""

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions

from waypost.delivery.computing import compute
from waypost.delivery.evaluation import STEPS_AT_MOST, Budget, FailedFunction, TooManySteps
from waypost.domain.texts import trimmed

EXPRESSION_AT_MOST = 8192  # characters
SHOWN_AT_MOST = 120  # characters of an expression that a message quotes
COPIES_AT_MOST = 1000
URL_TEXT_AT_MOST = 2000  # characters that one expression fills in
DEPTH_AT_MOST = 40

# Of these the right side works on all that the left side gives; every other node puts its children side by side.
_CHAINED = ("subexpression", "pipe", "projection", "value_projection", "filter_projection", "index_expression",
            "flatten")  # fmt: skip


class BadExpression(ValueError):
    """The expression cannot be used; the message is for a person."""


class FailedExpression(BadExpression):
    """The expression cannot be computed for one document; the message is for a person."""


class Expression:
    """A compiled expression.

    `budget`: the steps that it shares with the other expressions of one call; without one, it has its own.
    """

    def __init__(self, text: str) -> None:
        if len(text) > EXPRESSION_AT_MOST:
            raise BadExpression(f"may have at most {EXPRESSION_AT_MOST} characters")
        try:
            self._parsed = jmespath.compile(text).parsed
            copies = _copies(self._parsed, DEPTH_AT_MOST)
        except JMESPathError as error:
            raise BadExpression(f"is no JMESPath expression: {_reason(error)}") from error
        except RecursionError:
            raise BadExpression("is nested too deep") from None
        if copies > COPIES_AT_MOST:
            raise BadExpression("copies the document too often")
        self.shown = text if len(text) <= SHOWN_AT_MOST else f"{text[:SHOWN_AT_MOST]}…"
        # Words for a person. New settings are refused for it; those of an older release go on as they did.
        self.never_computed = next(_calls_in_vain(self._parsed), None)

    def __call__(self, document: Any, budget: Budget | None = None) -> Any:
        """The value; None where there is none, and where a function is given a type that it does not take.

        Raises `FailedExpression` where it fails in any other way, or takes too many steps.
        """
        try:
            return self._computed(document, budget)
        except JMESPathError:
            return None

    def strict(self, document: Any, budget: Budget | None = None) -> Any:
        """The value; raises `BadExpression` where it cannot be computed."""
        try:
            return self._computed(document, budget)
        except JMESPathTypeError as error:
            # The library's own message would quote the value, however large that is.
            words = f"{error.function_name}() does not take a value of the type {error.actual_type}"
            raise BadExpression(words) from None
        except JMESPathError as error:
            raise BadExpression(str(error).splitlines()[0]) from error

    def text(self, document: Any, budget: Budget | None = None) -> str | None:
        """The value as text; None where there is none, and where it is neither text nor a finite number.

        Raises `FailedExpression`.
        """
        value = self(document, budget)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return trimmed(str(value)) or None

    def text_if_any(self, document: Any, budget: Budget | None = None) -> str | None:
        """The value as text; None also where it fails."""
        try:
            return self.text(document, budget)
        except FailedExpression:
            return None

    def holds(self, document: Any, budget: Budget | None = None) -> bool:
        """Whether the value is true, as JMESPath understands it: not false, null or empty.

        Raises `FailedExpression`.
        """
        value = self(document, budget)
        return value is not None and value is not False and value not in ("", [], {})

    def _computed(self, document: Any, budget: Budget | None) -> Any:
        """As the library has it. Its functions let errors of Python through: `merge` with null, `floor` of NaN."""
        try:
            return compute(self._parsed, document, budget or Budget())
        except JMESPathError:
            raise
        except TooManySteps:
            words = f"the expression {self.shown} takes too long to compute: more than {STEPS_AT_MOST:,} steps"
            raise FailedExpression(words) from None
        except FailedFunction as error:
            raise FailedExpression(f"in the expression {self.shown}, {error}") from error
        except Exception as error:
            words = f"the expression {self.shown} was given values that it cannot work with"
            raise FailedExpression(words) from error


def _reason(error: JMESPathError) -> str:
    """What the library says, without its own beginning and the expression itself."""
    words = str(error).splitlines()[0].removesuffix(", for expression:").rstrip(":. ")
    return words.removeprefix("Invalid jmespath expression: ").removeprefix("Bad jmespath expression: ")


def _copies(node: Any, depth: int) -> int:
    """How many times at most the result can hold a part of the document."""
    if depth == 0:
        raise RecursionError
    if node["type"] == "slice":
        if node["children"][2] == 0:
            raise BadExpression("has a slice whose step is 0")
        return 1
    children = [child for child in node["children"] if isinstance(child, dict)]
    parts = [_copies(child, depth - 1) for child in children] or [1]
    # What `map` is given as &expression works on all that its other side gives, too.
    if node["type"] not in _CHAINED and all(child["type"] != "expref" for child in children):
        return sum(parts)
    product = 1
    for part in parts:
        product *= part
    return product


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression:
    """The expression, compiled once; raises `BadExpression`."""
    return Expression(text)


class UrlTemplate:
    """A URL with `{expression}` in it; what is filled in is percent-encoded."""

    def __init__(self, text: str) -> None:
        self._parts: list[str | Expression] = []
        rest = text
        while rest:
            literal, brace, rest = rest.partition("{")
            self._parts.append(literal)
            if brace:
                inner, closing, rest = rest.partition("}")
                if not closing:
                    raise BadExpression("has a { without its }")
                self._parts.append(expression(inner))

    def filled(self, document: Mapping[str, Any], budget: Budget | None = None) -> str:
        """The URL; raises `BadExpression` where an expression has no value, or it is too long."""
        budget = budget or Budget()
        return "".join(part if isinstance(part, str) else _encoded(part, document, budget) for part in self._parts)

    @property
    def never_computed(self) -> str | None:
        """Why an expression in it can never be computed, in words that follow its place; None where none is."""
        for part in self._parts:
            if isinstance(part, Expression) and part.never_computed is not None:
                return f"holds {{{part.shown}}}, which {part.never_computed}"
        return None

    def example(self) -> str:
        """The URL with every expression replaced, to be judged as a URL."""
        return "".join(part if isinstance(part, str) else "x" for part in self._parts)


def _encoded(part: Expression, document: Mapping[str, Any], budget: Budget) -> str:
    value = part.text(document, budget)
    if value is None:
        raise BadExpression(f"the expression {{{part.shown}}} of the URL has no value that can stand in a URL")
    if len(value) > URL_TEXT_AT_MOST:
        words = f"gives {len(value):,} characters, at most {URL_TEXT_AT_MOST:,} are sent"
        raise BadExpression(f"the expression {{{part.shown}}} of the URL {words}")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise BadExpression(f"the expression {{{part.shown}}} of the URL gives text that is no Unicode") from None


def fault_of(text: str) -> str | None:
    """Why this text cannot be set as an expression; None where it can."""
    try:
        return expression(text).never_computed
    except BadExpression as error:
        return str(error)


def _calls_in_vain(node: Any) -> Iterator[str]:
    """Why calls of functions in this part of an expression can never be computed."""
    for child in node["children"]:
        if isinstance(child, dict):
            yield from _calls_in_vain(child)
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        if name not in Functions.FUNCTION_TABLE:
            yield f"calls {name}(), which is no function of JMESPath"
            return
        takes = Functions.FUNCTION_TABLE[name]["signature"]
        variadic = bool(takes) and takes[-1].get("variadic", False)
        if given < len(takes) or (given > len(takes) and not variadic):
            arguments = "1 argument" if given == 1 else f"{given} arguments"
            yield f"calls {name}() with {arguments}; it takes {len(takes)}{' or more' if variadic else ''}"
        has_reference = any(child["type"] == "expref" for child in node["children"])
        if has_reference and not any("expref" in one["types"] for one in takes):
            yield f"calls {name}() with an expression reference (&…), which it does not take"
