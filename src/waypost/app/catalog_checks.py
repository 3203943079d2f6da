"""What the fields of accounts, sources and channels may hold, judged by themselves; all faults, by their columns."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from waypost.app.names import LONGEST, checked_name, checked_optional
from waypost.domain.numbering import NumberStrategy
from waypost.domain.refusals import Problem
from waypost.domain.stock import Release
from waypost.domain.texts import trimmed

LONGEST_NUMBER = 255  # code points; what `max_number_length` may allow at most
MOST_REQUIRED_FIELDS = 50
MOST_REFUSED_CHARACTERS = 100
LONGEST_SHIPPING_TEXT = 500  # code points, as of an order
LONGEST_SETTINGS = 64 * 1024  # code points of their JSON

Problems = list[Problem]
Check = Callable[[str, Any, Problems], Any]


def _name(words: str, longest: int = LONGEST) -> Check:
    """Text that may not be blank; missing text is told of elsewhere."""

    def check(field: str, given: str | None, problems: Problems) -> str | None:
        return None if given is None else checked_name(field, given, problems, words, longest)

    return check


def _optional(words: str) -> Check:
    """Text that may be missing; blank is missing."""

    def check(field: str, given: str | None, problems: Problems) -> str | None:
        return checked_optional(field, trimmed(given or "") or None, problems, words)

    return check


def _length(field: str, given: int | None, problems: Problems) -> int | None:
    if given is not None and not 1 <= given <= LONGEST_NUMBER:
        message = f"The longest number must be from 1 to {LONGEST_NUMBER} characters, not {given}."
        problems.append(Problem(field, "out_of_range", message))
    return given


def required_fields(field: str, given: Sequence[str], problems: Problems) -> str:
    """Names of custom fields, each once, as they are stored."""
    if len(given) > MOST_REQUIRED_FIELDS:
        message = f"{len(given)} required fields are too many; at most {MOST_REQUIRED_FIELDS} are allowed."
        problems.append(Problem(field, "too_many", message))
    names = [
        checked_name(f"/{field}/{place}", name, problems, "required field's name") for place, name in enumerate(given)
    ]
    return json.dumps(list(dict.fromkeys(names)), ensure_ascii=False)


def _refused(field: str, given: str, problems: Problems) -> str:
    characters = "".join(dict.fromkeys(given))
    if len(characters) > MOST_REFUSED_CHARACTERS:
        message = f"A source may refuse at most {MOST_REFUSED_CHARACTERS} characters; these are {len(characters)}."
        problems.append(Problem(field, "too_long", message))
    return characters


def _one_of(kinds: type[StrEnum]) -> Check:
    def check(field: str, given: str | None, problems: Problems) -> str | None:
        known = [kind.value for kind in kinds]
        if given is not None and given not in known:
            message = f"The {field.replace('_', ' ')} is one of {', '.join(known)}."
            problems.append(Problem(field, "unknown_value", message))
        return given

    return check


def _amount(field: str, given: int | None, problems: Problems) -> int | None:
    if given is not None and given < 0:
        problems.append(Problem(field, "negative", f"The {field.replace('_', ' ')} is not negative."))
    return given


def _settings(field: str, given: str, problems: Problems) -> str:
    """A JSON object, as it is stored."""
    if len(given) > LONGEST_SETTINGS:
        message = f"The settings have {len(given)} characters; at most {LONGEST_SETTINGS} are allowed."
        problems.append(Problem(field, "too_long", message))
    return given


_STRATEGY = _one_of(NumberStrategy)
_SOURCE: dict[str, Check] = {
    "name": _name("name"),
    "required_fields": required_fields,
    "max_number_length": _length,
    "reference": _optional("reference"),
    "number_strategy": _STRATEGY,
    "exceed_strategy": _STRATEGY,
    "refused_characters": _refused,
    "stock_release": _one_of(Release),
    "dropship_fee": _amount,
    "shipping_estimate": _amount,
    "settings": _settings,
}
_NAMED: dict[str, Check] = {"name": _name("name")}
_SHIPPING_TEXT: dict[str, Check] = {"name": _name("shipping text", LONGEST_SHIPPING_TEXT)}
_SOURCE_METHOD: dict[str, Check] = {
    "name": _name("name"),
    "carrier": _optional("carrier"),
    "method": _optional("method"),
    "estimated_cost": _amount,
}
_ACCOUNT: dict[str, Check] = {
    "company_name": _name("company name"),
    "brand_name": _optional("brand name"),
    "subdomain": _optional("subdomain"),
    "number_strategy": _STRATEGY,
}


def _checked(checks: Mapping[str, Check], fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """The fields as they are stored, in the order of their checks; those without a check need none."""
    checked = {name: check(name, fields[name], problems) for name, check in checks.items() if name in fields}
    return {**fields, **checked}


def source(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Of a source."""
    return _checked(_SOURCE, fields, problems)


def named(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Of what has a name to be judged and nothing else: a channel, a shipping policy."""
    return _checked(_NAMED, fields, problems)


def source_method(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Of a shipping method of a source."""
    return _checked(_SOURCE_METHOD, fields, problems)


def shipping_text(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Of a shipping text of a channel."""
    return _checked(_SHIPPING_TEXT, fields, problems)


def account(fields: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    """Of an account."""
    return _checked(_ACCOUNT, fields, problems)
