"""How the contract is laid out as YAML: one line where it fits, a block elsewhere."""

import json
import textwrap
from functools import lru_cache
from typing import Any

import yaml

WIDTH = 140  # columns
# Mappings that are always blocks, and lists whose members have a line each: what people look for begins a line.
BLOCKS = frozenset(
    ["paths", "get", "put", "post", "patch", "delete", "components", "schemas", "parameters", "properties", "securitySchemes", "tags"]
)
LISTS = frozenset(("parameters", "tags"))


def document(data: dict[str, Any]) -> str:
    """`data` as YAML text that reads back as the same. Raises `ValueError` where it would not."""
    text = "".join(f"{_scalar(key)}:{_block(value, 2, key)}" for key, value in data.items())
    if yaml.load(text, Loader=yaml.CSafeLoader) != data:
        raise ValueError("The document cannot be laid out: its text does not read back as the same.")
    return text


def head_of(text: str) -> str:
    """The comments and empty lines that a file begins with."""
    lines = text.splitlines(keepends=True)
    length = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    return "".join(lines[:length])


def _block(value: Any, indent: int, key: str = "") -> str:
    """What follows `key:`, up to the end of its last line; what it holds is indented by `indent` columns."""
    if isinstance(value, dict) and value:
        line = None if key in BLOCKS else _flow(value)
        if line is None or indent + len(key) + 2 + len(line) > WIDTH:
            return "\n" + _members(value, indent)
    elif isinstance(value, list) and value:
        line = None if key in LISTS and any(isinstance(one, dict) for one in value) else _flow(value)
        if line is None or indent + len(line) > WIDTH:
            return "\n" + "".join(" " * indent + f"- {_element(one, indent + 2)}" for one in value)
    elif isinstance(value, str):
        return f" {_text(value, indent, len(key))}"
    else:
        line = _flow(value)
    return f" {line}\n"


def _members(value: dict[str, Any], indent: int) -> str:
    return "".join(f"{' ' * indent}{_scalar(key)}:{_block(one, indent + 2, key)}" for key, one in value.items())


def _element(value: Any, indent: int) -> str:
    """What follows the dash of a list's element."""
    if isinstance(value, str):
        return _text(value, indent, 0) if "\n" in value else f"{_scalar(value)}\n"
    line = _flow(value)
    if line is not None and indent + len(line) <= WIDTH:
        return f"{line}\n"
    return _block(value, indent).lstrip("\n").removeprefix(" " * indent)


def _text(value: str, indent: int, key_length: int) -> str:
    """A text after its key: its own lines, or folded where it is longer than a line."""
    margin = " " * indent
    if "\n" in value:
        lines = value.removesuffix("\n").split("\n")
        if lines[0][:1].strip() == "" or lines[-1] == "":  # YAML would take this white space for its own
            return json.dumps(value, ensure_ascii=False) + "\n"
        mark = "|" if value.endswith("\n") else "|-"
        return f"{mark}\n" + "".join(f"{margin}{line}\n" if line else "\n" for line in lines)
    if indent + key_length + len(value) > WIDTH:
        lines = textwrap.wrap(value, WIDTH - indent - 2, break_long_words=False, break_on_hyphens=False)
        if " ".join(lines) == value and not value.startswith(" "):
            return ">-\n" + "".join(f"{margin}{line}\n" for line in lines)
    return f"{_scalar(value)}\n"


def _flow(value: Any) -> str | None:
    """`value` on one line; None for a text of several lines, and for what holds one."""
    parts: list[str | None]
    if isinstance(value, dict):
        parts = [None if (inner := _flow(one)) is None else f"{_scalar(key, True)}: {inner}" for key, one in value.items()]
        return None if None in parts else "{" + ", ".join(map(str, parts)) + "}"
    if isinstance(value, list):
        parts = [_flow(one) for one in value]
        return None if None in parts else "[" + ", ".join(map(str, parts)) + "]"
    if isinstance(value, str):
        return None if "\n" in value else _scalar(value, True)
    return _scalar(value)


@lru_cache(None, typed=True)  # 1 and True are equal, and written differently
def _scalar(value: Any, in_flow: bool = False) -> str:
    """A scalar on one line; inside braces and brackets, more texts need quotes."""
    given = [value] if in_flow else value
    text = yaml.dump(given, Dumper=yaml.SafeDumper, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.rstrip("\n")[1:-1] if in_flow else text.rstrip("\n").removesuffix("\n...")
