"""The query string, judged as raw bytes before any library mends it (contract section 1.1, Text input).

An operation declares its parameters once; reading gives parsed values and every fault at once. Unknown
parameters are ignored, an empty value is no value, array parameters come repeated or comma-separated. The default
and the largest page size of a list are declared with its parameters, and nowhere else.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from waypost.domain.failures import is_known_code
from waypost.domain.texts import is_blank
from waypost.wire.faults import Fault
from waypost.wire.scalars import Misread, clean_text, parse_bool, parse_datetime, parse_id, parse_int, shown

VALUES_AT_MOST = 50  # of one array parameter, where the page size is not larger
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_HUGE = re.compile(r"0*[1-9][0-9]{18,}", re.ASCII)
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")
_encode = msgspec.json.Encoder(order="deterministic").encode
Parser = Callable[[str], Any]


class Param(NamedTuple):
    """One declared parameter. `parse` gives the value, None where it says nothing, or raises Misread.

    `whole`: of an array, a value that holds a comma also counts as a whole. `page_size`: the size that a page has by
    default; the parameter sets it.
    """

    name: str
    parse: Parser
    many: bool = False
    required: bool = False
    whole: bool = False
    page_size: int | None = None


def text(name: str, max_len: int, required: bool = False) -> Param:
    """Text, stripped; its length counts code points."""

    def parse(value: str) -> str:
        try:
            cleaned = clean_text(value, max_len)
        except Misread as error:
            raise Misread(error.code, f"{name}: {error.message}") from None
        if not cleaned:
            raise Misread("blank", f"{name} may not be blank.")
        return cleaned

    return Param(name, parse, required=required)


def texts(name: str, max_len: int) -> Param:
    """Several texts, matched by any of them. One may hold a comma: `A,B` is `A`, `B` and `A,B`."""
    return words(name, max_len)._replace(whole=True)


def words(name: str, max_len: int) -> Param:
    """Several texts of a kind that never holds a comma, such as codes."""
    return text(name, max_len)._replace(many=True)


def id_(name: str) -> Param:
    """An id."""
    return Param(name, _checked(_parse_id, "not_an_id", f"{name} is a positive integer"))


def ids(name: str) -> Param:
    """Several ids."""
    return Param(name, _checked(_parse_id, "not_an_id", f"{name} are positive integers"), many=True)


def integer(name: str, low: int, high: int = 2**63 - 1, capped: bool = False) -> Param:
    """An integer in a range. `capped`: a larger one counts as `high`."""
    upper = f" and at most {high}" if high < 2**60 and not capped else ""
    parse_whole = _checked(parse_int, "not_an_integer", f"{name} is an integer")

    def parse(value: str) -> int:
        if _HUGE.fullmatch(value.strip()) and parse_int(value) is None:
            if capped:
                return high
            raise Misread("not_an_integer", f"{name} is too large for 64 bits: {shown(value)}.")
        number = int(parse_whole(value))
        if number < low or (number > high and not capped):
            raise Misread("out_of_range", f"{name} is at least {low}{upper}, not {shown(value)}.")
        return min(number, high)

    return Param(name, parse)


def page_size(name: str, default: int, at_most: int) -> Param:
    """The size of a page, from 1; a larger one than `at_most` is capped, an absent one is `default`."""
    return integer(name, 1, at_most, capped=True)._replace(page_size=default)


def boolean(name: str) -> Param:
    """True or false."""
    return Param(name, _checked(parse_bool, "not_a_boolean", f"{name} is true or false"))


def moment(name: str) -> Param:
    """A date-time, as microseconds since 1970 UTC."""

    def parse(value: str) -> int:
        try:
            return parse_datetime(value)
        except Misread as error:
            raise Misread(error.code, f"{name}: {error.message}") from None

    return Param(name, parse)


def choice(name: str, options: Sequence[str]) -> Param:
    """One of a few words."""
    return named(name, {option: option for option in options})


def named(name: str, values: Mapping[str, Any], many: bool = False) -> Param:
    """One of a few words (or several, with `many`), in any case, and what it stands for."""
    folded = {key.casefold(): value for key, value in values.items()}
    known = ", ".join(values)

    def parse(value: str) -> Any:
        found = folded.get(value.strip().casefold())
        if found is None:
            raise Misread("unknown_value", f"{name}: {shown(value)} is not known; known: {known}.")
        return found

    return Param(name, parse, many=many)


def only(name: str, values: Mapping[str, Any]) -> Param:
    """Words of which others are ignored, like an unknown parameter."""
    folded = {key.casefold(): value for key, value in values.items()}
    return Param(name, lambda value: folded.get(value.strip().casefold()), many=True)


def failure_codes(name: str, many: bool) -> Param:
    """Failure codes: the registry's, or a source's own."""
    return codes(name, is_known_code, "is a code of GET /failure-codes, or one of your own that begins with x_", many)


def codes(name: str, is_code: Callable[[str], bool], words: str, many: bool) -> Param:
    """Codes of some kind; `words` say which."""
    parse = _checked(lambda value: code if is_code(code := value.strip()) else None, "unknown_value", f"{name} {words}")
    return Param(name, parse, many=many)


def _parse_id(value: str) -> int | None:
    return parse_id(value.strip())


def _checked(parse: Parser, code: str, message: str) -> Parser:
    def checked(value: str) -> Any:
        found = parse(value)
        if found is None:
            raise Misread(code, f"{message}, not {shown(value)}.")
        return found

    return checked


def fingerprint(values: Mapping[str, Any]) -> bytes:
    """What `Params.read` gave as bytes, the same in whatever order it came (contract section 1.4)."""
    return _encode(values)


class Params:
    """The declared parameters of one operation."""

    def __init__(self, *params: Param) -> None:
        self._params = {param.name: param for param in params}
        # Some clients write arrays as `frNumbers[]=A`.
        self._spelled = self._params | {f"{param.name}[]": param for param in params if param.many}
        self._plainly = {spelled.encode(): spelled for spelled in self._spelled}  # names that need no decoding
        self._required = tuple(param.name for param in params if param.required)
        self._page_size = next(((param.name, param.page_size) for param in params if param.page_size), None)

    @property
    def names(self) -> tuple[str, ...]:
        """The declared names."""
        return tuple(self._params)

    def read(self, raw: bytes, faults: list[Fault]) -> dict[str, Any]:
        """The parsed values by name. Absent parameters are left out, except the page size, which gets its default.

        Faults are appended, all of them.
        """
        given: dict[str, list[str | None]] = {}
        if raw:
            self._collect(raw, given, faults)
        values: dict[str, Any] = {}
        at_most = VALUES_AT_MOST
        if self._page_size is not None:
            # It bounds the number of values of an array, so it is read ahead; its faults are reported in their place.
            name, default = self._page_size
            values[name] = _read_one(self._params[name], given.get(name, [""]), []) or default
            at_most = max(at_most, values[name])
        for name, texts_ in given.items():
            param = self._params[name]
            found = _read_many(param, texts_, at_most, faults) if param.many else _read_one(param, texts_, faults)
            if found is not None:
                values[name] = found
        for name in self._required:
            if name not in given:
                faults.append(Fault("parameter", name, "required", f"{name} is required."))
        return values

    def _collect(self, raw: bytes, given: dict[str, list[str | None]], faults: list[Fault]) -> None:
        """What is given for each known parameter; None stands for a value that cannot be decoded."""
        for pair in raw.split(b"&"):
            raw_name, _, raw_value = pair.partition(b"=")
            name, value = self._plainly.get(raw_name), None
            try:
                if name is None:
                    name = _decode(raw_name)
                value = _decode(raw_value)
            except ValueError as error:
                # Of an unknown parameter, too: nothing that is not text may pass.
                faults.append(_undecodable(name or raw_name.decode("utf-8", "replace"), error))
            param = None if name is None else self._spelled.get(name)
            if param is not None:
                given.setdefault(param.name, []).append(value)


def _decode(raw: bytes) -> str:
    """Percent-decoding that mends nothing. Raises Misread on U+0000, ValueError on what is no UTF-8."""
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        raw = raw.replace(b"%20", b" ")  # most of the escapes of most texts; a blank completes no broken one
        if b"%" in raw:
            if _BAD_ESCAPE.search(raw) is not None:
                raise ValueError("bad escape")
            raw = _ESCAPES.sub(_unescape, raw)
    decoded = raw.decode("utf-8")
    if "\0" in decoded:
        raise Misread("bad_characters", "U+0000 is not text.")
    return decoded


def _unescape(run: re.Match[bytes]) -> bytes:
    return bytes.fromhex(run[0].replace(b"%", b"").decode("ascii"))


def _undecodable(name: str, error: ValueError) -> Fault:
    name = name[:60].replace("\0", "\N{REPLACEMENT CHARACTER}") or "?"
    if isinstance(error, Misread):
        return Fault("parameter", name, error.code, f"{name}: {error.message}")
    return Fault("parameter", name, "bad_encoding", f"{name} is not percent-encoded UTF-8.")


def _read_one(param: Param, given: list[str | None], faults: list[Fault]) -> Any:
    name = param.name
    if len(given) > 1:
        faults.append(Fault("parameter", name, "repeated_parameter", f"{name} is given {len(given)} times."))
        return None
    value = given[0]
    if value is None or (not param.required and is_blank(value)):
        return None
    try:
        return param.parse(value)
    except Misread as error:
        faults.append(Fault("parameter", name, error.code, error.message))
        return None


def _read_many(param: Param, given: list[str | None], at_most: int, faults: list[Fault]) -> tuple[Any, ...] | None:
    name = param.name
    parts: list[str] = []
    wholes: list[str] = []
    for value in filter(None, given):
        separate = [part for part in value.split(",") if not is_blank(part)]
        parts += separate
        if param.whole and separate and "," in value:
            wholes.append(value)
    if len(parts) > at_most:
        message = f"{name} has {len(parts)} values; the limit is {at_most}: send them in several calls."
        faults.append(Fault("parameter", name, "too_many_values", message))
        return None
    found = []
    for part in parts:
        try:
            found.append(param.parse(part))
        except Misread as error:
            fault = Fault("parameter", name, error.code, error.message)
            if fault not in faults:  # many bad values can be bad in the same words
                faults.append(fault)
    for whole in wholes:
        # One that is too long is longer than any stored value, so it cannot match.
        with suppress(Misread):
            found.append(param.parse(whole))
    # Each once, also where it was spelled in two ways: a list that is read by value would show its rows twice.
    return tuple(dict.fromkeys(one for one in found if one is not None)) or None
