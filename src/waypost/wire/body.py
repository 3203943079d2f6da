"""JSON bodies: guarded against what parsers let pass, then checked with every fault at once.

Duplicate keys, depth over 32, lone surrogates, U+0000 and numbers that do not fit are refused before the
body is looked at as a whole (contract section 1.1). Text loses the white space around it before its length
counts; text of invisible characters only is empty.
"""

import json
import math
import re
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, TypeVar

import msgspec

from waypost.domain.texts import trimmed
from waypost.wire.faults import FAULTS_AT_MOST, BadInput, Fault
from waypost.wire.scalars import has_bad_characters
from waypost.wire.shapes import explain, fault_at, in_words_of, pointer_to

T = TypeVar("T")

DEPTH_AT_MOST = 32
VALUES_AT_MOST = 100_000  # commas, brackets and braces: each value costs time and memory, however short it is
_FITS = range(-(2**63), 2**63)
_TOO_LARGE = math.inf  # stands for a number that does not fit, until the careful reading names its place

# Unterminated strings match to the end, and nothing backtracks: the guard itself must be linear.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ALL_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")

_ODD_CHARACTERS = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]")
_ONE_DIGIT = bytes.maketrans(b"123456789E", b"000000000e")


def read_json(raw: bytes, content_type: str | None, limit: int, type_: type[T]) -> T:
    """The body as `type_`. No body at all is read as an empty object, whatever its type.

    Raises BadInput: 413 over `limit` bytes, 415 when it is not JSON in UTF-8, else 400 with every fault.
    """
    if len(raw) > limit:
        message = f"The body may have at most {limit} bytes."
        fault = Fault("header", "Content-Length", "content_too_large", message)
        raise BadInput([fault], 413, fault.code)
    if not raw or raw.isspace():
        raw = b"{}"
    elif content_type is not None and content_type != "application/json" and not _is_json(content_type):
        message = f"The body must be application/json in UTF-8, not {content_type[:80]}."
        fault = Fault("header", "Content-Type", "unsupported_media_type", message)
        raise BadInput([fault], 415, fault.code)
    return fitted(_plain(raw), type_)


def fitted(plain: Any, type_: type[T]) -> T:
    """Plain objects as `type_`; raises BadInput with every fault. Texts have lost their white space already."""
    try:
        # Decimal is declared built in, so that no text is taken for a number; alas no whole number either.
        return msgspec.convert(plain, type_, builtin_types=(Decimal,))
    except msgspec.ValidationError:
        return _judged(plain, type_)


def _judged(plain: Any, type_: type[T]) -> T:
    """The slow road: every fault, or the body after all, when a Decimal was only given as a whole number."""
    faults = explain(plain, type_)
    if not faults:
        try:
            return msgspec.convert(plain, type_)
        except msgspec.ValidationError as error:
            faults = [in_words_of(error)]
    raise BadInput(faults)


def _is_json(content_type: str) -> bool:
    main, *parameters = (part.strip() for part in content_type.lower().split(";"))
    if main != "application/json" and not (main.startswith("application/") and main.endswith("+json")):
        return False
    named = (parameter.partition("=") for parameter in parameters)
    return all(value.strip('"') in ("utf-8", "utf8") for name, _, value in named if name == "charset")


def _bad(code: str, message: str) -> BadInput:
    return BadInput([Fault("pointer", "", code, message)])


def _plain(raw: bytes) -> Any:
    """The body as plain objects with stripped texts, once it is known to be harmless."""
    if _has_too_many_values(raw):
        message = f"The body may have at most {VALUES_AT_MOST} values: commas, [ and {{ are counted, in texts as well."
        raise _bad("too_many_values", message)
    if _is_too_deep(raw):
        raise _bad("too_deep", f"The body is nested deeper than {DEPTH_AT_MOST}.")
    try:
        text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("bad_encoding", f"The body is not UTF-8: see byte {error.start}.") from None
    if not _needs_care(raw):
        try:
            return _stripped(_QUICK.decode(text))
        except ValueError:
            pass  # the careful reading says what and where
    try:
        plain = _CAREFUL.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _bad("malformed_json", f"The body is not JSON: {error.msg} at {place}.") from None
    except ValueError as error:
        raise _bad("malformed_json", f"The body is not JSON: {error}.") from None
    faults: list[Fault] = []
    _collect_faults(plain, "", faults)
    if faults:
        raise BadInput(faults)
    return _stripped(plain)


def _has_too_many_values(raw: bytes) -> bool:
    """Whether it would take long to read; a value that is counted has a name and a text at most, of two quotes each."""
    values = raw.count(b",") + raw.count(b"[") + raw.count(b"{")
    return values > VALUES_AT_MOST or raw.count(b'"') > 4 * VALUES_AT_MOST


def _needs_care(raw: bytes) -> bool:
    """Whether there may be what the quick reading cannot judge: long or exponent numbers, U+0000, surrogates.

    It looks inside strings as well, so that yes means no more than the careful reading.
    """
    digits = raw.translate(_ONE_DIGIT)
    if b"0e" in digits or b"0" * 19 in digits:
        return True
    return b"\\u" in raw and _ODD_CHARACTERS.search(raw) is not None


def _is_too_deep(raw: bytes) -> bool:
    """Whether anything is nested too deep: told before any recursive parser sees it, in linear time."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_AT_MOST:
        return False
    brackets = _STRINGS.sub(b"", raw).translate(_ALL_SQUARE, _NO_BRACKETS)
    for _ in range(DEPTH_AT_MOST):  # each round takes away the innermost level of everything
        outer = brackets.replace(b"[]", b"")
        if len(outer) == len(brackets):
            break
        brackets = outer
    return b"[]" in brackets or brackets.count(b"[") > DEPTH_AT_MOST


class _DuplicateKeyError(ValueError):
    """The quick reading met an object with a key given twice."""


class _Object(dict[str, Any]):
    """An object of the careful reading, which remembers the keys given more than once."""

    def __init__(self, members: list[tuple[str, Any]]) -> None:
        super().__init__((name, _stripped(value)) for name, value in members)
        self.doubled: set[str] = set()
        if len(self) != len(members):
            counts = Counter(name for name, _ in members)
            self.doubled = {name for name, count in counts.items() if count > 1}


def _members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {
        name: trimmed(value) if type(value) is str else _stripped(value) if type(value) is list else value
        for name, value in members
    }
    if len(found) != len(members):
        raise _DuplicateKeyError
    return found


def _stripped(value: Any) -> Any:
    """Texts without the white space around them; objects were done when they were read."""
    if type(value) is str:
        return trimmed(value)
    return [_stripped(item) for item in value] if type(value) is list else value


def _number(text: str) -> Decimal | int | float:
    """A number with a point or an exponent, exactly; a whole one as integer, as JSON Schema has it."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _TOO_LARGE
    if math.isinf(float(number)):
        return _TOO_LARGE
    is_whole = _FITS.start <= number < _FITS.stop and number == number.to_integral_value()
    return int(number) if is_whole else number


def _whole(text: str) -> int | float:
    return int(text) if len(text) <= 20 and int(text) in _FITS else _TOO_LARGE


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"it knows no {word}")


_QUICK = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_refuse)
_CAREFUL = json.JSONDecoder(object_pairs_hook=_Object, parse_float=_number, parse_int=_whole, parse_constant=_refuse)


def _collect_faults(value: Any, at: str, faults: list[Fault]) -> None:
    """What the careful reading let pass so that its place can be named."""
    if len(faults) >= FAULTS_AT_MOST:
        return
    if isinstance(value, _Object):
        for name in value.doubled:
            faults.append(fault_at(pointer_to(at, name), "duplicate_key", "is given more than once"))
        for name, member in value.items():
            if has_bad_characters(name):
                faults.append(fault_at(pointer_to(at, name), "bad_characters", "has a name that is not text"))
            _collect_faults(member, pointer_to(at, name), faults)
    elif isinstance(value, list):
        for place, member in enumerate(value):
            _collect_faults(member, f"{at}/{place}", faults)
    elif isinstance(value, str) and has_bad_characters(value):
        faults.append(fault_at(at, "bad_characters", "holds U+0000 or a lone surrogate, which are not text"))
    elif value == _TOO_LARGE:
        faults.append(fault_at(at, "number_too_large", "is a number that does not fit"))
