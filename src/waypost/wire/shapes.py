"""Why plain JSON is not of a declared shape: every fault at once, with its pointer.

msgspec, which checks the shape, stops at the first fault; so a body that it refuses is walked here.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect as mi

from waypost.wire.faults import FAULTS_AT_MOST, Fault

_type_info = cache(mi.type_info)
_PATH_STEP = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")


def explain(value: Any, type_: Any) -> list[Fault]:
    """Every fault of plain `value` as a `type_`; none when it fits, or when only msgspec can tell."""
    return list(islice(_judge(value, _type_info(type_), ""), FAULTS_AT_MOST))


def in_words_of(error: msgspec.ValidationError) -> Fault:
    """What msgspec alone could tell, such as a refusal by the struct's own code."""
    words, _, path = str(error).partition(" - at `$")
    at = "".join(f"/{name or place}" for name, place in _PATH_STEP.findall(path.rstrip("`")))
    return Fault("pointer", at, "invalid", f"{at or 'The body'}: {words}.")


def pointer_to(parent: str, member: str) -> str:
    """The JSON pointer (RFC 6901) of a member; what is no text in its name is replaced."""
    safe = member.encode("utf-8", "replace").decode().replace("\0", "?")[:200]
    return f"{parent}/{safe.replace('~', '~0').replace('/', '~1')}"


def fault_at(at: str, code: str, says: str) -> Fault:
    """A fault of the value that the pointer names."""
    return Fault("pointer", at, code, f"{at or 'The body'} {says}.")


def _judge(value: Any, info: mi.Type, at: str) -> Iterator[Fault]:
    options = info.types if isinstance(info, mi.UnionType) else (info,)
    fitting = next((option for option in options if _is_kind(value, option)), None)
    if fitting is None:
        yield fault_at(at, "wrong_type", f"must be {_wanted(options)}, not {_kind(value)}")
    elif isinstance(fitting, mi.StructType):
        yield from _judge_members(value, fitting, at)
    elif isinstance(fitting, mi.ListType):
        yield from _judge_length(len(value), fitting, at)
        for place, item in enumerate(value):
            yield from _judge(item, fitting.item_type, f"{at}/{place}")
    elif isinstance(fitting, mi.DictType):
        for name, member in value.items():
            yield from _judge(member, fitting.value_type, pointer_to(at, name))
    elif isinstance(fitting, mi.StrType):
        yield from _judge_text(value, fitting, at)
    elif isinstance(fitting, mi.IntType | mi.FloatType | mi.DecimalType):
        yield from _judge_number(value, fitting, at)
    elif isinstance(fitting, mi.EnumType | mi.LiteralType) and value not in _values(fitting):
        known = ", ".join(map(str, _values(fitting)))
        yield fault_at(at, "unknown_value", f"must be one of {known}")


def _judge_members(value: dict[str, Any], info: mi.StructType, at: str) -> Iterator[Fault]:
    for field in info.fields:
        if field.encode_name in value:
            yield from _judge(value[field.encode_name], field.type, f"{at}/{field.encode_name}")
        elif field.required:
            yield fault_at(f"{at}/{field.encode_name}", "required", "is required")
    if info.cls.__struct_config__.forbid_unknown_fields:
        known = [field.encode_name for field in info.fields]
        for name in (name for name in value if name not in known):
            yield fault_at(pointer_to(at, name), "unknown_field", f"is not known; known are {', '.join(known)}")


def _judge_length(length: int, info: mi.ListType, at: str) -> Iterator[Fault]:
    if info.min_length is not None and length < info.min_length:
        yield fault_at(at, "too_few_items", f"must have at least {_items(info.min_length)}, not {length}")
    if info.max_length is not None and length > info.max_length:
        yield fault_at(at, "too_many_items", f"may have at most {_items(info.max_length)}, not {length}")


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count} items"


def _judge_text(value: str, info: mi.StrType, at: str) -> Iterator[Fault]:
    length = len(value)
    if info.min_length is not None and length < info.min_length:
        if length == 0:
            yield fault_at(at, "blank", "may not be blank")
        else:
            yield fault_at(at, "too_short", f"must have at least {info.min_length} characters, not {length}")
    if info.max_length is not None and length > info.max_length:
        yield fault_at(at, "too_long", f"may have at most {info.max_length} characters, not {length}")
    if info.pattern is not None and re.search(info.pattern, value) is None:
        yield fault_at(at, "wrong_form", f"must match {info.pattern}")


def _judge_number(value: Any, info: Any, at: str) -> Iterator[Fault]:
    bounds = {bound: getattr(info, bound, None) for bound in ("ge", "gt", "le", "lt")}
    low = [f"at least {bounds['ge']}"] if bounds["ge"] is not None else []
    low += [f"more than {bounds['gt']}"] if bounds["gt"] is not None else []
    high = [f"at most {bounds['le']}"] if bounds["le"] is not None else []
    high += [f"less than {bounds['lt']}"] if bounds["lt"] is not None else []
    too_low = _below(value, bounds["ge"]) or (bounds["gt"] is not None and value <= bounds["gt"])
    too_high = _below(bounds["le"], value) or (bounds["lt"] is not None and value >= bounds["lt"])
    if too_low or too_high:
        yield fault_at(at, "out_of_range", f"must be {' and '.join(low + high)}")


def _below(one: Any, other: Any) -> bool:
    return one is not None and other is not None and bool(one < other)


def _values(info: mi.EnumType | mi.LiteralType) -> tuple[Any, ...]:
    return tuple(member.value for member in info.cls) if isinstance(info, mi.EnumType) else info.values


def _is_kind(value: Any, info: mi.Type) -> bool:
    """Whether `value` is of the JSON kind that `info` wants; its limits are another matter."""
    kind = _KINDS.get(type(info), (None, ""))[0]
    if kind is None:
        return True  # anything, or no opinion: msgspec's own words will do
    if isinstance(value, bool):
        return kind is bool  # which Python takes for an integer
    return isinstance(value, kind)


_NUMBER = (int, float, Decimal)
_KINDS: dict[type[mi.Type], tuple[Any, str]] = {
    mi.AnyType: (None, "anything"),
    mi.NoneType: (type(None), "null"),
    mi.BoolType: (bool, "true or false"),
    mi.IntType: (int, "a whole number"),
    mi.FloatType: (_NUMBER, "a number"),
    mi.DecimalType: (_NUMBER, "a number"),
    mi.StrType: (str, "text"),
    mi.EnumType: ((str, int), "text"),
    mi.LiteralType: ((str, int), "text"),
    mi.StructType: (dict, "an object"),
    mi.DictType: (dict, "an object"),
    mi.ListType: (list, "a list"),
}

_WORDS = ((dict, "an object"), (list, "a list"), (str, "text"), (int, "a whole number"))


def _wanted(options: tuple[mi.Type, ...]) -> str:
    words = list(dict.fromkeys(_KINDS[type(option)][1] for option in options))
    if "a number" in words and "a whole number" in words:
        words.remove("a whole number")
    return " or ".join(words)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, words in _WORDS:
        if isinstance(value, kind):
            return words
    return "null" if value is None else "a number with decimals"
