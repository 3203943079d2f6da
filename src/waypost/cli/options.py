"""Options that commands share, made from the declared settings, and the kinds of values they take."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from waypost.settings import Setting, SettingError, setting

if TYPE_CHECKING:  # generic in newer versions of click only
    from pathlib import Path

    AnyParam = click.ParamType[Any]
    IntParam = click.ParamType[int]
else:
    AnyParam = IntParam = click.ParamType

F = TypeVar("F", bound=Callable[..., Any])

DAY_S = 24 * 60 * 60
LONGEST_DAYS = 36_500
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)


class SettingValue(AnyParam):
    """A value of a declared setting."""

    def __init__(self, declared: Setting) -> None:
        self.declared = declared
        self.name = declared.unit or declared.name.replace("_", " ")

    def split_envvar_value(self, rv: str) -> list[str]:
        """All of it is one written form, of a list too."""
        return [rv]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The parsed value; a written form that the setting cannot take is wrong usage."""
        if not isinstance(value, str):
            return value
        try:
            return self.declared.parse(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


class SettingOption(click.Option):
    """A setting: the command's own, else the one before the command, else from environment or default."""

    def __init__(self, *args: Any, declared: Setting, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.declared = declared

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        """From the variable, or from the file that a secret's other variable names."""
        try:
            return self.declared.written(os.environ)
        except SettingError as error:
            raise click.UsageError(str(error), ctx) from error

    def consume_value(self, ctx: click.Context, opts: Any) -> tuple[Any, ParameterSource]:
        """See the class."""
        value, source = super().consume_value(ctx, opts)
        root = ctx.find_root()
        if source is not ParameterSource.COMMANDLINE and root is not ctx and self.name in root.params:
            return root.params[self.name], root.get_parameter_source(self.name) or source
        return value, source


def _joined(context: click.Context, parameter: click.Parameter, values: tuple[tuple[Any, ...], ...]) -> tuple[Any, ...]:
    return tuple(one for value in values for one in value)


def setting_option(name: str, **more: Any) -> Callable[[F], F]:
    """The option of the setting `name`; the command gets its parsed value as the argument `name`. `more`: of click."""
    declared = setting(name)
    words = declared.help
    if declared.file_variable:
        words += f" {declared.file_variable} may name a file that holds it."
    if declared.is_list:
        words += " The option may be repeated."
        more |= {"multiple": True, "callback": _joined}
    return click.option(
        declared.option,
        name,
        cls=SettingOption,
        declared=declared,
        type=SettingValue(declared),
        default=(declared.default,) if declared.is_list else declared.default,
        show_default=True,
        envvar=declared.variable,
        show_envvar=True,
        metavar=(declared.unit or name).upper().replace(" ", "-"),
        help=words,
        **more,
    )


_KEY_FILE = "waypost.secret_key_file"  # where click's context keeps it: every command that opens a database has it


def _keep_key_file(context: click.Context, parameter: click.Parameter, value: "Path | None") -> None:
    """Keep what is written before the command, unless the command says otherwise."""
    source = context.get_parameter_source(str(parameter.name))
    if source is ParameterSource.COMMANDLINE or _KEY_FILE not in context.meta:
        context.meta[_KEY_FILE] = value


def secret_key_file() -> "Path | None":
    """The key file that the command was given; None: the database's own."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_KEY_FILE)


def database_option(command: F) -> F:
    """`--database` as the argument `database`, and `--secret-key-file`, which `secret_key_file()` gives."""
    keys = setting_option("secret_key_file", expose_value=False, callback=_keep_key_file)
    return setting_option("database")(keys(command))

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

account_option = click.option(
    "--account", "-a", metavar="ID|NAME", help="The account; may be left out where there is only one."
)


class Duration(IntParam):
    """A length of time such as 90d, in whole seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        seconds = duration_s(value)
        if seconds is None:
            self.fail(f"{value!r} is not a duration such as 30m, 24h, 90d or 2w.", param, ctx)
        return seconds


class Expiry(IntParam):
    """A moment: a duration from now, or a date or date-time in ISO 8601; in microseconds since 1970 UTC."""

    name = "expiry"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Microseconds."""
        if isinstance(value, int):
            return value
        seconds = duration_s(value)
        if seconds is not None:
            return int(datetime.now(UTC).timestamp() * 1_000_000) + seconds * 1_000_000
        from waypost.wire.scalars import parse_datetime

        try:
            return parse_datetime(value)
        except ValueError:
            self.fail(f"{value!r} is neither a duration such as 90d nor a date such as 2027-01-31.", param, ctx)


def duration_s(written: str) -> int | None:
    """Seconds of `30m`, `24h`, `90d` or `2w`, up to a hundred years; None for anything else."""
    found = _DURATION.fullmatch(written.strip())
    if found is None:
        return None
    seconds = int(found[1]) * _UNITS[found[2]]
    return seconds if seconds <= LONGEST_DAYS * DAY_S else None
