"""Custom fields of a thing, changed by name: ids stay with their names, and new ones are numbered on."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

FIELDS_AT_MOST = 100  # of a thing, and in a call


class FieldMode(StrEnum):
    """What a list of custom fields does to those that are there."""

    NONE = "none"
    REPLACE = "replace"
    MERGE = "merge"
    DELETE_INCLUDED = "deleteIncluded"
    DELETE_ALL = "deleteAll"


class FieldChange(NamedTuple):
    """Names and values as given, and what to do with them."""

    mode: FieldMode
    given: tuple[tuple[str, str | None], ...] = ()


def changed_fields(kept: str, change: FieldChange | None) -> str:
    """The JSON array of {id, name, value} as it becomes; `kept` itself where nothing changes."""
    if change is None or change.mode is FieldMode.NONE:
        return kept
    given = dict(change.given)
    was: list[dict[str, object]] = json.loads(kept)
    if change.mode is FieldMode.DELETE_ALL:
        return "[]"
    if change.mode is FieldMode.DELETE_INCLUDED:
        left = [field for field in was if field["name"] not in given]
        return kept if len(left) == len(was) else _stored(left)
    now = [{**field, "value": given.pop(str(field["name"]))} for field in was if field["name"] in given]
    if change.mode is FieldMode.MERGE:
        named = {field["name"]: field for field in now}
        now = [named.get(field["name"], field) for field in was]
    highest = max([int(str(field["id"])) for field in was], default=0)
    now += [{"id": highest + place, "name": name, "value": given[name]} for place, name in enumerate(given, 1)]
    return kept if now == was else _stored(now)


def too_many(was: str, now: str) -> str | None:
    """Why a thing may not have these fields now, in words; what has more already need not lose them."""
    if now == was:
        return None
    count = len(json.loads(now))
    if count <= max(FIELDS_AT_MOST, len(json.loads(was))):
        return None
    return f"At most {FIELDS_AT_MOST} custom fields are kept; there would be {count}. Remove some first."


def _stored(fields: Sequence[dict[str, object]]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
