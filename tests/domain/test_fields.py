"""Custom fields, changed by name."""

import json

import pytest

from waypost.domain.fields import FieldChange, FieldMode, changed_fields

KEPT = '[{"id":1,"name":"a","value":"x"},{"id":4,"name":"b","value":null}]'


@pytest.mark.parametrize(
    ("mode", "given", "left"),
    [
        (FieldMode.MERGE, {"b": "y", "c": "z"}, [(1, "a", "x"), (4, "b", "y"), (5, "c", "z")]),
        (FieldMode.MERGE, {}, [(1, "a", "x"), (4, "b", None)]),
        (FieldMode.REPLACE, {"b": "y", "c": "z"}, [(4, "b", "y"), (5, "c", "z")]),
        (FieldMode.REPLACE, {}, []),
        (FieldMode.DELETE_INCLUDED, {"a": None, "q": None}, [(4, "b", None)]),
        (FieldMode.DELETE_ALL, {"a": "q"}, []),
        (FieldMode.NONE, {"a": "q"}, [(1, "a", "x"), (4, "b", None)]),
    ],
)
def test_each_mode(mode: FieldMode, given: dict[str, str | None], left: list[tuple[int, str, str | None]]) -> None:
    now = json.loads(changed_fields(KEPT, FieldChange(mode, tuple(given.items()))))
    assert [(field["id"], field["name"], field["value"]) for field in now] == left


@pytest.mark.parametrize(
    "change",
    [
        None, FieldChange(FieldMode.NONE, (("a", "q"),)), FieldChange(FieldMode.MERGE, (("a", "x"),)),
        FieldChange(FieldMode.DELETE_INCLUDED, (("q", None),)), FieldChange(FieldMode.REPLACE, (("a", "x"), ("b", None))),
    ],
)  # fmt: skip
def test_what_is_so_already_stays_to_the_letter(change: FieldChange | None) -> None:
    assert changed_fields(KEPT, change) is KEPT


def test_names_are_kept_as_they_are() -> None:
    now = changed_fields("[]", FieldChange(FieldMode.MERGE, (("größe", "ü"),)))
    assert now == '[{"id":1,"name":"größe","value":"ü"}]'
