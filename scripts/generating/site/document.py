"""The contract as pages see it: operations, capabilities, fields, refusals."""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

HOST = "http://127.0.0.1:8080"  # of the examples; a hub puts its own in its place
METHODS = ("get", "put", "post", "delete", "patch")
# Handled by the page's own section on headers.
ID_AT_MOST = 2**63 - 1
HEADERS = ("Idempotency-Key", "If-Match", "X-Request-Id")


class Capability(NamedTuple):
    """A chapter of the reference: its tags, and what one does there."""

    name: str
    tags: tuple[str, ...]
    says: str

    @property
    def slug(self) -> str:
        """Its anchor in the overview."""
        return re.sub(r"[^a-z]+", "-", self.name.lower()).strip("-")


CAPABILITIES = (
    Capability("Fulfillment requests", ("Fulfillment requests", "Fulfillment requests (native)", "Stock"),
               "Read, release, fail, acknowledge, adjust, cancel and void requests."),
    Capability("Attention", ("Attention",), "Everything that waits for a person, by source and reason."),
    Capability("Orders and routing", ("Orders", "Generation"),
               "Post orders, and see to which source each line goes, and why."),
    Capability("Shipments", ("Shipments",), "Post, correct and take back what has shipped."),
    Capability("Source invoices", ("Source invoices",), "What a source charges for a request."),
    Capability("Sources and channels", ("Sources", "Delivery", "Channels"),
               "Who ships, who sells, and how requests are handed over."),
    Capability("Inventory and listings", ("Inventory", "Products", "Listings"),
               "Stock of sources, and SKUs of channels."),
    Capability("Shipping and routing rules", ("Shipping", "Routing"),
               "Shipping methods, policies, and which source gets what."),
    Capability("Events and webhooks", ("Events", "Webhooks"), "Hear of every change without a gap."),
    Capability("Account and server", ("Account", "Server"),
               "Names and numbering of the account; health, readiness, this document."),
    Capability("Purchase orders", ("Purchase orders",), "Deprecated twins of the fulfillment request calls."),
)  # fmt: skip


def published(operation: Mapping[str, Any], body: Any) -> dict[str, Any]:
    """An operation as the served document has it: with its example body, without what only pages need."""
    found = {name: value for name, value in operation.items() if name != "x-next"}
    if body is not None and "requestBody" in found:
        media = found["requestBody"]["content"]["application/json"]
        content = {"application/json": {**media, "example": body}}
        found["requestBody"] = {**found["requestBody"], "content": content}
    return found


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


class Response(NamedTuple):
    """A reply that the document declares for an operation."""

    status: str
    description: str
    headers: tuple[tuple[str, str], ...]
    schema: Mapping[str, Any] | None


class Document:
    """The served document, with its references resolved on demand."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference points to; texts beside the reference win."""
        while "$ref" in node:
            found: Any = self.raw
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = {**found, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    @cached_property
    def operations(self) -> "dict[str, Operation]":
        """Every operation, by id, in the order of the document."""
        return {
            raw["operationId"]: Operation(self, method.upper(), path, raw)
            for path, item in self.raw["paths"].items()
            for method, raw in item.items()
            if method in METHODS
        }

    def of(self, capability: Capability) -> "list[Operation]":
        """The operations of a chapter."""
        return [one for one in self.operations.values() if one.tag in capability.tags]

    @cached_property
    def other_refusals(self) -> Mapping[str, Mapping[str, Any]]:
        """Example problems that any call may be refused with, by code."""
        media = self.raw["components"]["responses"]["Other"]["content"]["application/problem+json"]
        return {code: one["value"] for code, one in media["examples"].items()}


class Operation:
    """One operation of the document."""

    def __init__(self, document: Document, method: str, path: str, raw: Mapping[str, Any]) -> None:
        self.document = document
        self.method = method
        self.path = path
        self.raw = raw
        self.id: str = raw["operationId"]
        self.title: str = raw["summary"]
        self.tag: str = raw["tags"][0]
        self.tokens: tuple[str, ...] = tuple(raw.get("x-token-types", ()))
        self.action: str | None = raw.get("x-action")
        self.deprecated: bool = raw.get("deprecated", False)
        self.native: bool = raw.get("x-waypost") == "native"
        self.evidence: str = "Waypost only" if self.native else raw["x-evidence"]
        self.original: str | None = raw.get("x-original")
        self.events: tuple[str, ...] = tuple(raw.get("x-events", ()))
        self.next: Mapping[str, str] = raw.get("x-next", {})
        self.aliases: Mapping[str, str] = raw.get("x-aliases", {})

    @cached_property
    def capability(self) -> Capability:
        """The chapter it stands in."""
        return next(one for one in CAPABILITIES if self.tag in one.tags)

    @cached_property
    def parameters(self) -> list[Mapping[str, Any]]:
        """Its parameters, resolved."""
        return [self.document.resolve(one) for one in self.raw.get("parameters", ())]

    def takes(self, name: str) -> bool:
        """Whether it has this parameter."""
        return any(one["name"] == name for one in self.parameters)

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET" or self.id == "pull_processing_fulfillment_requests"

    @property
    def is_open(self) -> bool:
        """Whether it needs no token."""
        return self.raw.get("security") == []

    @cached_property
    def use_when(self) -> str:
        """The first paragraph of its description: when to call it."""
        return str(self.raw["description"]).strip().split("\n\n")[0]

    @cached_property
    def more(self) -> str:
        """The rest of its description."""
        return "\n\n".join(str(self.raw["description"]).strip().split("\n\n")[1:])

    def fields(self, place: str, example: Mapping[str, Any]) -> list[Field]:
        """Its parameters of one place."""
        return [
            self._field(one, example.get(one["name"], one.get("example")))
            for one in self.parameters
            if one["in"] == place
        ]

    def _field(self, raw: Mapping[str, Any], example: Any) -> Field:
        schema = self.document.resolve(raw.get("schema", {}))
        return Field(
            raw["name"], raw["in"], kind_of(self.document, schema), in_words(self.document, schema),
            raw.get("required", False), raw.get("x-waypost") == "native", raw.get("description", ""),
            tuple(str(one) for one in schema.get("enum", ()) if one is not None), schema.get("maxLength"),
            shown(schema["default"]) if "default" in schema else "", "" if example is None else shown(example),
            raw.get("deprecated", False),
        )  # fmt: skip

    @cached_property
    def body_schema(self) -> Mapping[str, Any] | None:
        """The schema of its body."""
        body = self.raw.get("requestBody")
        if body is None:
            return None
        content: Mapping[str, Any] = self.document.resolve(body)["content"]
        schema: Mapping[str, Any] = content["application/json"]["schema"]
        return schema

    @property
    def body_required(self) -> bool:
        """Whether the body may not be left out."""
        return bool(self.document.resolve(self.raw["requestBody"]).get("required")) if "requestBody" in self.raw else False

    def body_fields(self) -> list[Field]:
        """The members of its body, nested ones after the one that holds them."""
        return list(members(self.document, self.body_schema, "")) if self.body_schema is not None else []

    @cached_property
    def responses(self) -> list[Response]:
        """Its declared replies but `default`."""
        found = []
        for status, node in self.raw["responses"].items():
            if status == "default":
                continue
            reply = self.document.resolve(node)
            headers = tuple(
                (name, self.document.resolve(header)["description"]) for name, header in reply.get("headers", {}).items()
            )
            content = reply.get("content", {})
            schema = content.get("application/json", {}).get("schema")
            found.append(Response(status, reply["description"], headers, schema))
        return sorted(found, key=lambda one: (not one.status.startswith("2"), one.status == "200" and self.changes, one.status))


def kind_of(document: Document, schema: Mapping[str, Any]) -> str:
    """The type of a schema, in one word."""
    schema = document.resolve(schema)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            options = [one for one in schema[union] if one.get("type") != "null"]
            return kind_of(document, options[0]) if len(options) == 1 else "any"
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


def in_words(document: Document, schema: Mapping[str, Any]) -> str:
    """Type and limits of a schema, such as `string, 1 to 2,000 characters`."""
    schema = document.resolve(schema)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            options = [one for one in schema[union] if one.get("type") != "null"]
            words = " or ".join(dict.fromkeys(in_words(document, one) for one in options))
            return words + (", or null" if len(options) < len(schema[union]) else "")
    raw = schema.get("type")
    nullable = isinstance(raw, list) and "null" in raw
    kind = kind_of(document, schema)
    if "enum" in schema:
        said = "one of " + ", ".join(f"`{one}`" for one in schema["enum"] if one is not None)
        nullable = nullable or None in schema["enum"]
    elif "const" in schema:
        said = f"`{shown(schema['const'])}`"
    elif kind == "array":
        inner = in_words(document, schema.get("items", {}))
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


def members(document: Document, schema: Mapping[str, Any], inside: str, depth: int = 0) -> Iterator[Field]:
    """The fields of an object schema, or of the elements of a list of objects."""
    schema = document.resolve(schema)
    if "allOf" in schema:
        for part in schema["allOf"]:
            yield from members(document, part, inside, depth)
        return
    for union in ("anyOf", "oneOf"):
        for option in schema.get(union, ()):
            yield from members(document, option, inside, depth)
    if "items" in schema:
        yield from members(document, schema["items"], f"{inside}[]", depth)
    required = schema.get("required", ())
    for name, node in schema.get("properties", {}).items():
        field = document.resolve(node)
        path = f"{inside}.{name}" if inside else name
        examples = field.get("examples", ())
        yield Field(
            path, "body", kind_of(document, field), _member_words(document, node), name in required,
            field.get("x-waypost") == "native", node.get("description") or field.get("description", ""),
            default=shown(field["default"]) if "default" in field else "",
            example=shown(examples[0]) if examples and not isinstance(examples[0], dict) else "",
            deprecated=field.get("deprecated", False),
        )  # fmt: skip
        if depth < 3:
            yield from members(document, node, path, depth + 1)


def _member_words(document: Document, node: Mapping[str, Any]) -> str:
    field = document.resolve(node)
    if any("properties" in document.resolve(one) for one in (field, *field.get("anyOf", ()), *field.get("oneOf", ()))):
        return "object" + (", or null" if any(one.get("type") == "null" for one in field.get("anyOf", field.get("oneOf", ()))) else "")
    if kind_of(document, field) == "array" and "properties" in document.resolve(field.get("items", {})):
        most = _range(field, "minItems", "maxItems", "")
        return "list of objects" + (f"; {most} of them" if most else "")
    return in_words(document, field)
