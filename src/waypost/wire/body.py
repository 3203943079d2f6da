"""JSON bodies: guarded against what parsers let pass, then checked with every fault at once.

Duplicate keys, depth over 32, lone surrogates, U+0000 and numbers that do not fit are refused before the body is
looked at as a whole (contract section 1.1).
"""

import json
import re
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from waypost.wire.faults import BadInput, Fault
from waypost.wire.scalars import has_bad_characters

T = TypeVar("T")

DEPTH_AT_MOST = 32
_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;\s*charset=\"?(utf-?8)\"?\s*)?", re.IGNORECASE)
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


def _bad(pointer: str, code: str, message: str) -> BadInput:
    return BadInput([Fault("pointer", pointer, code, message)])


def read_json(raw: bytes, content_type: str | None, limit: int, type_: type[T]) -> T:
    """The body as `type_`. No body at all is read as an empty object."""
    if len(raw) > limit:
        message = f"The body may have at most {limit} bytes."
        raise BadInput([Fault("header", "Content-Length", "content_too_large", message)], 413, "content_too_large")
    if not raw.strip():
        raw = b"{}"
    elif content_type is not None and _JSON_TYPE.fullmatch(content_type.strip()) is None:
        message = f"The body must be application/json in UTF-8, not {content_type[:80]}."
        raise BadInput([Fault("header", "Content-Type", "unsupported_media_type", message)], 415,
                       "unsupported_media_type")  # fmt: skip
    plain = _plain(raw)
    try:
        return msgspec.json.decode(raw, type=type_)
    except msgspec.ValidationError:
        faults = list(_faults(plain, type_, ""))
        raise BadInput(faults or [Fault("pointer", "", "invalid", "The body is not valid.")]) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise _bad("", "malformed_json", f"The body is not JSON: {error}.") from None


def _plain(raw: bytes) -> Any:
    """The body as plain objects, once it is known to be harmless."""
    _check_depth(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _bad("", "bad_encoding", "The body is not UTF-8.") from None
    faults: list[Fault] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(members)
        if len(found) != len(members):
            names = [name for name, _ in members]
            twice = sorted({name for name in names if names.count(name) > 1})
            faults.extend(Fault("pointer", f"/{n}", "duplicate_key", f"{n} is given twice.") for n in twice)
        return found

    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    try:
        plain = json.loads(text, object_pairs_hook=pairs, parse_constant=refuse, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise _bad("", "malformed_json", f"The body is not JSON: {error}.") from None
    _check_values(plain, "", faults)
    if faults:
        raise BadInput(faults)
    return plain


def _integer(text: str) -> int:
    return int(text) if len(text) <= 20 else 2**64


def _check_depth(raw: bytes) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", raw)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEPTH_AT_MOST:
            raise _bad("", "too_deep", f"The body is nested deeper than {DEPTH_AT_MOST}.")


def _check_values(value: Any, pointer: str, faults: list[Fault]) -> None:
    if isinstance(value, str):
        if has_bad_characters(value):
            faults.append(Fault("pointer", pointer, "bad_characters", "U+0000 and lone surrogates are not text."))
    elif isinstance(value, dict):
        for name, member in value.items():
            if has_bad_characters(name):
                faults.append(Fault("pointer", pointer, "bad_characters", "A name holds U+0000 or a lone surrogate."))
                continue
            _check_values(member, f"{pointer}/{_escaped(name)}", faults)
    elif isinstance(value, list):
        for place, member in enumerate(value):
            _check_values(member, f"{pointer}/{place}", faults)
    elif isinstance(value, int | float) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        faults.append(Fault("pointer", pointer, "number_too_large", "The number does not fit."))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _faults(value: Any, type_: Any, pointer: str) -> Any:
    """Every fault of `value` as a `type_`, deepest first; msgspec itself stops at the first."""
    struct = _struct_of(type_)
    if struct is not None and isinstance(value, dict):
        hints = get_type_hints(struct, include_extras=True)
        for field in msgspec.structs.fields(struct):
            at = f"{pointer}/{field.encode_name}"
            if field.encode_name in value:
                yield from _faults(value[field.encode_name], hints[field.name], at)
            elif field.required:
                yield Fault("pointer", at, "required", f"{field.encode_name} is required.")
        return
    element = _element_of(type_)
    if element is not None and isinstance(value, list):
        for place, member in enumerate(value):
            yield from _faults(member, element, f"{pointer}/{place}")
        value = [] if not value else value
        type_ = _without_element(type_)
    try:
        msgspec.convert(value, type_, strict=True)
    except msgspec.ValidationError as error:
        name = pointer.rsplit("/", 1)[-1] or "body"
        yield Fault("pointer", pointer, "invalid", f"{name}: {str(error).split(' - at ')[0]}.")


def _parts(type_: Any) -> list[Any]:
    if hasattr(type_, "__metadata__"):
        return _parts(get_args(type_)[0])
    if get_origin(type_) is None:
        return [type_]
    if get_origin(type_) is list:
        return [type_]
    return [part for option in get_args(type_) for part in _parts(option)]


def _struct_of(type_: Any) -> Any:
    found = [part for part in _parts(type_) if isinstance(part, type) and issubclass(part, msgspec.Struct)]
    return found[0] if found else None


def _element_of(type_: Any) -> Any:
    found = [part for part in _parts(type_) if get_origin(part) is list]
    return get_args(found[0])[0] if found else None


def _without_element(type_: Any) -> Any:
    """The list type with its length limits but any element, as the elements were judged one by one."""
    for option in get_args(type_) if not hasattr(type_, "__metadata__") else (type_,):
        if hasattr(option, "__metadata__") and get_origin(get_args(option)[0]) is list:
            from typing import Annotated

            return Annotated[list[Any], *option.__metadata__]
    return list[Any]
