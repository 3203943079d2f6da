"""The contract as pages see it: operations, capabilities, fields, refusals."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from generating.site.fields import Field, in_words, kind_of, members, shown

HOST = "http://localhost:8080"  # of the examples; a hub puts its own in its place. Guides name 127.0.0.1, which stays
METHODS = ("get", "put", "post", "delete", "patch")
# Handled by the page's own section on headers.
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
        return {code: problem for code, problem in self.problems.items() if code in self._examples("Other")}

    @cached_property
    def problems(self) -> Mapping[str, Mapping[str, Any]]:
        """Example problems of all refusals, by code."""
        return {code: one for name in self.raw["components"]["responses"] for code, one in self._examples(name).items()}

    def _examples(self, response: str) -> dict[str, Mapping[str, Any]]:
        media = self.raw["components"]["responses"][response].get("content", {}).get("application/problem+json", {})
        shown = [one["value"] for one in media.get("examples", {}).values()] + ([media["example"]] if "example" in media else [])
        return {one["code"]: one for one in shown}


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
            raw["name"], raw["in"], kind_of(self.document.resolve, schema), in_words(self.document.resolve, schema),
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
        return list(members(self.document.resolve, self.body_schema, "")) if self.body_schema is not None else []

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
