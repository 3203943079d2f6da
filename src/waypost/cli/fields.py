"""Options that set the fields of a record: each is named as its column, and says nothing unless it is given."""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import click

from waypost.cli.options import AnyParam, IntParam
from waypost.cli.output import say

F = TypeVar("F", bound=Callable[..., Any])

NONE = "none"  # how a person empties a field
EMPTY = object()


class OrNone(AnyParam):
    """A value of another type, or `none`, which empties the field."""

    def __init__(self, inner: AnyParam) -> None:
        self._inner = inner
        self.name = inner.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value; EMPTY for `none`."""
        return EMPTY if value in (NONE, EMPTY) else self._inner.convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """With the word that empties."""
        inner = self._inner.get_metavar(param, ctx) or self.name.upper()
        return f"{inner}|{NONE}"


class Money(IntParam):
    """An amount, in ten-thousandths."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Ten-thousandths."""
        if isinstance(value, int):
            return value
        from waypost.wire.scalars import parse_money

        try:
            return parse_money(Decimal(value))
        except (InvalidOperation, ValueError):
            self.fail(f"{value!r} is not an amount such as 2.50, with at most 4 decimals.", param, ctx)


def with_options(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """All of these options, in their order."""

    def apply(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def fields_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that options give, by their columns; None where one is emptied."""
    return {
        name: None if value is EMPTY else value for name, value in given.items() if value is not None and value != ()
    }


def changes_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """As `fields_of`; nothing given is wrong usage."""
    fields = fields_of(given)
    if not fields:
        raise click.UsageError("Say what to change; --help lists what there is.")
    return fields


def say_changed(kind: str, row_id: int, name: str, changed: bool) -> None:
    """What a person is told of a change."""
    say(f"{kind} {row_id} changed: {name}." if changed else f"{kind} {row_id} was so already: {name}.")
