"""The query string, judged as raw bytes before any library mends it (contract section 1.1, Text input).

An operation declares its parameters once; reading gives parsed values and every fault at once. Unknown
parameters are ignored, an empty value is no value, array parameters come repeated or comma-separated.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from waypost.domain.failures import is_known_code
from waypost.wire.faults import Fault
from waypost.wire.scalars import parse_bool, parse_datetime, parse_id, parse_int

VALUES_AT_MOST = 50
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


class Problem(NamedTuple):
    """Why a value is not good."""

    code: str
    message: str


Parser = Callable[[str], Any]


class Param(NamedTuple):
    """One declared parameter. `parse` gives the value, or a Problem."""

    name: str
    parse: Parser
    many: bool = False
    required: bool = False


def text(name: str, max_len: int, required: bool = False) -> Param:
    """Text, stripped; its length counts code points."""

    def parse(value: str) -> Any:
        value = value.strip()
        if not value:
            return Problem("blank", f"{name} may not be blank.")
        if len(value) > max_len:
            return Problem("too_long", f"{name} may have at most {max_len} characters; this has {len(value)}.")
        return value

    return Param(name, parse, required=required)


def id_(name: str) -> Param:
    """An id."""
    return Param(name, _checked(lambda value: parse_id(value.strip()), f"{name} is a positive integer."))


def ids(name: str) -> Param:
    """Several ids."""
    return Param(name, _checked(lambda value: parse_id(value.strip()), f"{name} are positive integers."), many=True)


def integer(name: str, low: int, high: int = 2**63 - 1) -> Param:
    """An integer in a range."""

    def parse(value: str) -> Any:
        number = parse_int(value)
        if number is None:
            return Problem("not_an_integer", f"{name} is an integer.")
        if not low <= number <= high:
            return Problem("out_of_range", f"{name} is at least {low}{f' and at most {high}' if high < 2**60 else ''}.")
        return number

    return Param(name, parse)


def boolean(name: str) -> Param:
    """True or false."""
    return Param(name, _checked(parse_bool, f"{name} is true or false."))


def moment(name: str) -> Param:
    """A date-time, as microseconds since 1970 UTC."""

    def parse(value: str) -> Any:
        try:
            return parse_datetime(value)
        except ValueError as error:
            return Problem("bad_date", f"{name}: {error}")

    return Param(name, parse)


def choice(name: str, options: Sequence[str]) -> Param:
    """One of a few words."""
    return named(name, {option: option for option in options})


def named(name: str, values: Mapping[str, Any], many: bool = False) -> Param:
    """One of a few words, in any case, and what it stands for."""
    folded = {key.casefold(): value for key, value in values.items()}

    def parse(value: str) -> Any:
        found = folded.get(value.strip().casefold())
        if found is None:
            return Problem("unknown_value", f"{name}: {value.strip()[:60]!r} is not known; known: {', '.join(values)}.")
        return found

    return Param(name, parse, many=many)


def texts(name: str, max_len: int) -> Param:
    """Several texts."""
    return text(name, max_len)._replace(many=True)


def failure_codes(name: str, many: bool) -> Param:
    """Failure codes: the registry's, or a source's own."""
    message = f"{name}: no such failure code; see GET /failure-codes, or use one of your own: x_…"
    return Param(name, _checked(lambda v: v.strip() if is_known_code(v.strip()) else None, message), many=many)


def only(name: str, values: Mapping[str, Any]) -> Param:
    """Words of which others are ignored, like an unknown parameter."""
    folded = {key.casefold(): value for key, value in values.items()}
    return Param(name, lambda value: folded.get(value.strip().casefold()), many=True)


def _checked(parse: Callable[[str], Any], message: str) -> Parser:
    def checked(value: str) -> Any:
        found = parse(value)
        return Problem("invalid", message) if found is None else found

    return checked


def _decode(raw: bytes) -> str | None:
    """Percent-decoding; None when the escapes are broken, not UTF-8, or hide a U+0000."""
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        if _BAD_ESCAPE.search(raw):
            return None
        raw = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), raw)
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in decoded else decoded


class Params:
    """The declared parameters of one operation."""

    def __init__(self, *params: Param) -> None:
        self._params = {param.name: param for param in params}
        self._required = tuple(param for param in params if param.required)

    @property
    def names(self) -> tuple[str, ...]:
        """The declared names."""
        return tuple(self._params)

    def read(self, raw: bytes, faults: list[Fault]) -> dict[str, Any]:
        """The parsed values by name; absent ones are missing. Faults are appended."""
        given: dict[str, list[str]] = {}
        for pair in raw.split(b"&") if raw else ():
            self._collect(pair, given, faults)
        values: dict[str, Any] = {}
        for name, texts_ in given.items():
            self._parse(self._params[name], texts_, values, faults)
        for param in self._required:
            if param.name not in given:
                faults.append(Fault("parameter", param.name, "required", f"{param.name} is required."))
        return values

    def _collect(self, pair: bytes, given: dict[str, list[str]], faults: list[Fault]) -> None:
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _decode(raw_name), _decode(raw_value)
        if name is None or value is None:
            shown = (name or raw_name[:60].decode("ascii", "replace")) or "?"
            faults.append(
                Fault("parameter", shown, "bad_encoding", f"{shown} is not percent-encoded UTF-8 without U+0000.")
            )
            return
        # Some clients write arrays as `frNumbers[]=A`.
        name = name.removesuffix("[]")
        param = self._params.get(name)
        if param is None:
            return
        if not value and not param.required:
            return
        given.setdefault(name, []).append(value)

    def _parse(self, param: Param, given: list[str], values: dict[str, Any], faults: list[Fault]) -> None:
        name = param.name
        if not param.many:
            if len(given) > 1:
                faults.append(Fault("parameter", name, "repeated_parameter", f"{name} is given {len(given)} times."))
                return
            found = param.parse(given[0])
            if isinstance(found, Problem):
                faults.append(Fault("parameter", name, *found))
            elif found is not None:
                values[name] = found
            return
        parts = [part for value in given for part in value.split(",") if part.strip()]
        if len(parts) > VALUES_AT_MOST:
            message = f"{name} takes at most {VALUES_AT_MOST} values; this has {len(parts)}."
            faults.append(Fault("parameter", name, "too_many_values", message))
            return
        found_all = [param.parse(part) for part in parts]
        faults += [Fault("parameter", name, *bad) for bad in found_all if isinstance(bad, Problem)]
        good = tuple(one for one in found_all if one is not None and not isinstance(one, Problem))
        if good:
            values[name] = good
