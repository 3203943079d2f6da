"""Parameters and members of bodies in words: type, limits, examples."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Resolve = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Gives what a reference points to."""

ID_AT_MOST = 2**63 - 1
DEPTH = 3  # of members that are shown


class Field(NamedTuple):
    """A parameter, or a member of a body, as a reader sees it. `path`: as in `items[].quantity`."""

    name: str
    place: str  # path, query, body
    type: str  # for the tester: integer, number, string, boolean, array, date-time, object
    says: str  # type and limits in words
    required: bool
    native: bool
    description: str
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    default: str = ""
    example: str = ""
    deprecated: bool = False


def kind_of(resolve: Resolve, schema: Mapping[str, Any]) -> str:
    """The type of a schema, in one word."""
    schema = resolve(schema)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            options = [one for one in schema[union] if one.get("type") != "null"]
            return kind_of(resolve, options[0]) if len(options) == 1 else "any"
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else "any"
    if kind is None:
        kind = "string" if "enum" in schema or "const" in schema else "object" if "properties" in schema else "any"
    return "date-time" if schema.get("format") == "date-time" else str(kind)


def shown(value: Any) -> str:
    """A value as it is written in a URL or in JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(shown, value)) if isinstance(value, list) else str(value)


def _range(schema: Mapping[str, Any], low: str, high: str, unit: str) -> str:
    least, most = schema.get(low), schema.get(high)
    if least is not None and most is not None:
        return f"{least:,} to {most:,}{unit}"
    if most is not None:
        return f"at most {most:,}{unit}"
    return f"at least {least:,}{unit}" if least is not None else ""


def in_words(resolve: Resolve, schema: Mapping[str, Any]) -> str:
    """Type and limits of a schema, such as `string, 1 to 2,000 characters`."""
    schema = resolve(schema)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            options = [one for one in schema[union] if one.get("type") != "null"]
            words = " or ".join(dict.fromkeys(in_words(resolve, one) for one in options))
            return words + (", or null" if len(options) < len(schema[union]) else "")
    raw = schema.get("type")
    nullable = isinstance(raw, list) and "null" in raw
    kind = kind_of(resolve, schema)
    if "enum" in schema:
        said = "one of " + ", ".join(f"`{one}`" for one in schema["enum"] if one is not None)
        nullable = nullable or None in schema["enum"]
    elif "const" in schema:
        said = f"`{shown(schema['const'])}`"
    elif kind == "array":
        inner = in_words(resolve, schema.get("items", {}))
        most = _range(schema, "minItems", "maxItems", "")
        said = f"list of {inner}" if "," not in inner else f"list: each {inner}"
        said += f"; {most} of them" if most else ""
    else:
        limits = "1 to 19 digits" if schema.get("maximum") == ID_AT_MOST else {
            "string": _range(schema, "minLength", "maxLength", " characters"),
            "integer": _range(schema, "minimum", "maximum", ""), "number": _range(schema, "minimum", "maximum", ""),
        }.get(kind, "")  # fmt: skip
        name = {"date-time": "date and time", "any": "any value"}.get(kind, kind)
        said = f"{name}, {limits}" if limits else name
    return said + (", or null" if nullable else "")


def members(resolve: Resolve, schema: Mapping[str, Any], inside: str, depth: int = 0) -> Iterator[Field]:
    """The fields of an object schema, or of the elements of a list of objects."""
    schema = resolve(schema)
    if "allOf" in schema:
        for part in schema["allOf"]:
            yield from members(resolve, part, inside, depth)
        return
    for union in ("anyOf", "oneOf"):
        for option in schema.get(union, ()):
            yield from members(resolve, option, inside, depth)
    if "items" in schema:
        yield from members(resolve, schema["items"], f"{inside}[]", depth)
    required = schema.get("required", ())
    for name, node in schema.get("properties", {}).items():
        field = resolve(node)
        path = f"{inside}.{name}" if inside else name
        examples = field.get("examples", ())
        yield Field(
            path, "body", kind_of(resolve, field), _member_words(resolve, node), name in required,
            field.get("x-waypost") == "native", node.get("description") or field.get("description", ""),
            default=shown(field["default"]) if "default" in field else "",
            example=shown(examples[0]) if examples and not isinstance(examples[0], dict) else "",
            deprecated=field.get("deprecated", False),
        )  # fmt: skip
        if depth < DEPTH:
            yield from members(resolve, node, path, depth + 1)


def _member_words(resolve: Resolve, node: Mapping[str, Any]) -> str:
    field = resolve(node)
    if any("properties" in resolve(one) for one in (field, *field.get("anyOf", ()), *field.get("oneOf", ()))):
        return "object" + (", or null" if any(one.get("type") == "null" for one in field.get("anyOf", field.get("oneOf", ()))) else "")
    if kind_of(resolve, field) == "array" and "properties" in resolve(field.get("items", {})):
        most = _range(field, "minItems", "maxItems", "")
        return "list of objects" + (f"; {most} of them" if most else "")
    return in_words(resolve, field)
