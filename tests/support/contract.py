"""The contract as a judge: every reply that the test suite sees is held against `contract/openapi.yaml`."""

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import yaml

from waypost.wire.codes import FIELD_CODES, PROBLEMS, type_of

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "contract" / "openapi.yaml"
NOT_YET = ROOT / "contract" / "not-yet.txt"
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def is_of_the_reference(path: str) -> bool:
    """Whether a page or file of the reference may be there: the home page, and what lies below `/docs/`, too."""
    return path.startswith("/docs/") or path.rstrip("/") in ("", "/llms.txt", "/llms-full.txt", "/favicon.ico")


class Contract:
    """The document, with what a judge needs of it."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()  # (operationId, status) that some test has met

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document as plain objects."""
        found: dict[str, Any] = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
        return found

    @cached_property
    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """Method, path template and operation, by operationId."""
        return {
            operation["operationId"]: (method.upper(), path, operation)
            for path, item in self.document["paths"].items()
            for method, operation in item.items()
            if method in METHODS
        }

    @cached_property
    def not_yet(self) -> set[str]:
        """operationIds of the reviewed list of what is still to be built."""
        lines = NOT_YET.read_text().splitlines()
        return {line.strip() for line in lines if line.strip() and not line.startswith("#")}

    @cached_property
    def _routes(self) -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
        def pattern(path: str) -> re.Pattern[str]:
            return re.compile(re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path.rstrip("/") or "/")) + "/?")

        routes = [
            (method, pattern(path), operation) for method, path, operation in self.operations.values()
            if operation["operationId"] not in self.not_yet
        ]  # fmt: skip
        # A literal path wins over a template.
        return sorted(routes, key=lambda route: route[1].pattern.count("[^/]+"))

    def operation_of(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation a call is for; HEAD counts as GET. The pages of the reference are no operations."""
        if path.startswith("/docs/"):
            return None
        wanted = "GET" if method == "HEAD" else method
        for known, pattern, operation in self._routes:
            if known == wanted and pattern.fullmatch(path):
                return operation
        return None

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """The thing a $ref points to."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def validator(self, schema: dict[str, Any]) -> Any:
        """A validator of `schema`, with the document's components in reach."""
        key = msgspec.json.encode(schema)
        if key not in self._validators:
            whole = {"components": self.document["components"], **schema}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return self._validators[key]

    @cached_property
    def _validators(self) -> dict[bytes, Any]:
        return {}

    def judge(self, method: str, path: str, reply: Any) -> None:
        """Fail when the contract does not know this reply, or the registry of codes a code of it."""
        self._judge_keeping(method, path, reply)
        if reply.headers.get("content-type") == "application/problem+json" and reply.body:
            self._judge_codes(msgspec.json.decode(reply.body))
        if reply.status == 304:  # for a file that the caller has
            assert is_of_the_reference(path) or path.startswith("/openapi."), f"{method} {path}: 304"
            assert method in ("GET", "HEAD"), f"{method} {path}: 304"
            assert "etag" in reply.headers, f"{method} {path}: 304 without an ETag"
            assert reply.body == b"", f"{method} {path}: 304 has a body"
            return
        operation = self.operation_of(method, path)
        if operation is None:
            known = (200, 308) if is_of_the_reference(path) else ()
            assert reply.status in (*known, 204, 401, 404, 405, 414, 429, 431, 503), f"{method} {path}: {reply.status}"
            if reply.status >= 400 and method != "HEAD":
                self._judge_problem(reply)
            return
        name = operation["operationId"]
        responses = operation["responses"]
        assert str(reply.status) in responses, f"{name} does not declare {reply.status}: {reply.body[:300]!r}"
        self.seen.add((name, reply.status))
        declared = self.resolve(responses[str(reply.status)])
        content = declared.get("content")
        if method == "HEAD":
            assert reply.body == b""
        elif not content:
            assert reply.body == b"", f"{name} {reply.status} has a body: {reply.body[:200]!r}"
        else:
            self._judge_body(f"{name} {reply.status}", content, reply)
        for header, spec in declared.get("headers", {}).items():
            if self.resolve(spec).get("required"):
                assert header.lower() in reply.headers, f"{name} {reply.status}: no {header}"

    @staticmethod
    def _judge_keeping(method: str, path: str, reply: Any) -> None:
        """No reply is guessed at, and none is kept by a browser or a proxy but as the document's introduction says."""
        assert reply.headers.get("x-content-type-options") == "nosniff", f"{method} {path}: {reply.headers}"
        expected = "no-store"
        if method in ("GET", "HEAD") and reply.status in (200, 304) and "etag" in reply.headers:
            expected = "max-age=300" if is_of_the_reference(path) else "private, no-cache"
        assert reply.headers.get("cache-control") == expected, f"{method} {path}: {reply.headers}"

    def _judge_body(self, what: str, content: dict[str, Any], reply: Any) -> None:
        kind = reply.headers.get("content-type", "").split(";")[0]
        assert kind in content, f"{what}: undeclared content type {kind!r}"
        schema = content[kind].get("schema")
        if schema and kind.endswith("json"):
            errors = [f"{list(e.instance_path)}: {e.message}" for e in
                      self.validator(schema).iter_errors(msgspec.json.decode(reply.body))]  # fmt: skip
            assert not errors, f"{what}: {errors[:5]} in {reply.body[:500]!r}"

    @staticmethod
    def _judge_codes(problem: dict[str, Any]) -> None:
        assert (problem["code"], problem["type"]) in {(one.code, type_of(one.code)) for one in PROBLEMS}, problem
        assert {one["code"] for one in problem.get("errors", ())} <= FIELD_CODES, problem

    def _judge_problem(self, reply: Any) -> None:
        assert reply.headers["content-type"] == "application/problem+json"
        schema = {"$ref": "#/components/schemas/Problem"}
        errors = [e.message for e in self.validator(schema).iter_errors(msgspec.json.decode(reply.body))]
        assert not errors, errors


CONTRACT = Contract()
