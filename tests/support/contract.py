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
POOL = re.compile(r"(x-)?(auth-|rate-?limit)")  # a header about a token's pool begins so
OF_A_BODY = {408, 413, 415}  # refusals of what an operation without a body is never sent
# What is answered where no operation is known: by the router, the gate, the limits, and an OPTIONS.
ELSEWHERE = {204, 401, 404, 405, 414, 429, 431, 503}


def is_of_the_reference(path: str) -> bool:
    """Whether a page or file of the reference may be there: the home page, and what lies below `/docs/`, too."""
    return path.startswith("/docs/") or path.rstrip("/") in ("", "/llms.txt", "/llms-full.txt", "/favicon.ico")


class Contract:
    """The document, with what a judge needs of it."""

    def __init__(self) -> None:
        self._codes: dict[str, frozenset[str]] = {}
        self.seen: set[tuple[str, int]] = set()  # (operationId, status) that some test has met

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document as plain objects."""
        found: dict[str, Any] = yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader)
        return found

    @cached_property
    def operations(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """Method, path template and operation, by operationId; an alias follows the operation it stands for."""
        found = {}
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                if method in METHODS:
                    found[operation["operationId"]] = (method.upper(), path, operation)
                    for alias, call in operation.get("x-aliases", {}).items():
                        found[alias] = (*call.split(" "), operation)
        return found

    @cached_property
    def aliases(self) -> set[str]:
        """The names that are declared as aliases only."""
        return {name for name, (_, _, operation) in self.operations.items() if operation["operationId"] != name}

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
            (method, pattern(path), operation) for name, (method, path, operation) in self.operations.items()
            if name not in self.not_yet
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

    def judge(self, method: str, path: str, reply: Any, has_pool: bool | None) -> None:
        """Fail when the contract does not know this reply, or the registry of codes a code of it.

        `has_pool`: the call had a good token, and the hub has a rate; None: that is not known, or may change meanwhile.
        """
        self._judge_keeping(method, path, reply)
        if reply.headers.get("content-type") == "application/problem+json" and reply.body:
            self._judge_codes(msgspec.json.decode(reply.body))
        operation = self.operation_of(method, path)
        what = f"{method} {path} {reply.status}" if operation is None else f"{operation['operationId']} {reply.status}"
        self._judge_common_headers(what, operation, reply, has_pool)
        if reply.status == 304:  # for a file that the caller has
            assert is_of_the_reference(path) or path.startswith("/openapi."), f"{method} {path}: 304"
            assert method in ("GET", "HEAD"), f"{method} {path}: 304"
            assert "etag" in reply.headers, f"{method} {path}: 304 without an ETag"
            assert reply.body == b"", f"{method} {path}: 304 has a body"
            return
        if operation is None:
            self._judge_elsewhere(what, method, path, reply)
            return
        declared = self._declared(operation, reply.status)
        assert declared is not None, f"{what} is not declared: {reply.body[:300]!r}"
        self.seen.add((operation["operationId"], reply.status))
        if reply.status >= 400 and reply.body:
            code = msgspec.json.decode(reply.body)["code"]
            assert code in self._codes_of(operation["operationId"]), f"{what}: its page does not name {code} (x-refusals)"
        content = declared.get("content")
        if method == "HEAD" or not content:
            assert reply.body == b"", f"{what} has a body: {reply.body[:200]!r}"
        else:
            self._judge_body(what, content, reply)
        self._judge_headers(what, declared.get("headers", {}), reply)

    def _declared(self, operation: dict[str, Any], status: int) -> dict[str, Any] | None:
        """The response that an operation declares for a status; `default` is for the statuses of its examples only."""
        responses = operation["responses"]
        if str(status) in responses:
            return self.resolve(responses[str(status)])
        default = self.resolve(responses.get("default", {}))
        if status not in self._statuses_of(default) or (status in OF_A_BODY and "requestBody" not in operation):
            return None
        return default

    @staticmethod
    def _statuses_of(response: dict[str, Any]) -> set[int]:
        """The statuses of the problems that a response shows as examples."""
        examples = response.get("content", {}).get("application/problem+json", {}).get("examples", {})
        return {one["value"]["status"] for one in examples.values()}

    def _judge_elsewhere(self, what: str, method: str, path: str, reply: Any) -> None:
        """A reply where no operation is known."""
        is_file = is_of_the_reference(path) and reply.status in (200, 308)  # pages of the reference are no operations
        assert is_file or reply.status in ELSEWHERE, what
        if reply.status == 405:
            self._judge_headers(what, self.document["components"]["responses"]["MethodNotAllowed"]["headers"], reply)
        if reply.status >= 400 and method != "HEAD":
            self._judge_problem(reply)

    def _judge_common_headers(self, what: str, operation: dict[str, Any] | None, reply: Any, has_pool: bool | None) -> None:
        """The headers that the document says once for all replies."""
        document, shown = self.document, reply.headers
        headers = {name: {"$ref": f"#/components/headers/{name}"} for name in document["x-headers-of-every-reply"]}
        for name in headers:
            assert name.lower() in shown, f"{what}: no {name}"
        of_pool = {name.lower(): name for name in document["x-headers-with-a-token"]}
        pool = {name for name in shown if POOL.match(name)}
        assert pool <= of_pool.keys(), f"{what}: undeclared {sorted(pool - of_pool.keys())}"
        if has_pool or (has_pool is None and pool):
            assert pool == of_pool.keys(), f"{what}: no {sorted(of_pool.keys() - pool)}"
        else:
            assert not pool, f"{what}: {sorted(pool)}, but no pool was drawn from"
        repeat = document["x-header-of-a-repeat"]
        if repeat.lower() in shown:
            takes_key = operation is not None and self.takes_key(operation)
            assert takes_key, f"{what}: {repeat}, but it takes no key"
        headers |= {name: {"$ref": f"#/components/headers/{name}"} for name in (*of_pool.values(), repeat)}
        self._judge_headers(what, headers, reply, all_=False)
        # What the refusals share one response for, each of them has always.
        for status, name in ((401, "www-authenticate"), (429, "retry-after")):
            assert reply.status != status or name in shown, f"{what}: no {name}"

    def takes_key(self, operation: dict[str, Any]) -> bool:
        """Whether an operation takes an `Idempotency-Key`."""
        return any(self.resolve(one)["name"] == "Idempotency-Key" for one in operation.get("parameters", ()))

    def _judge_headers(self, what: str, headers: dict[str, Any], reply: Any, all_: bool = True) -> None:
        """Headers that are declared are as declared; with `all_`, those that must be there are."""
        for name, node in headers.items():
            spec, value = self.resolve(node), reply.headers.get(name.lower())
            assert value is not None or not (all_ and spec.get("required")), f"{what}: no {name}"
            if value is not None:
                errors = [error.message for error in self.validator(spec["schema"]).iter_errors(value)]
                assert not errors, f"{what}: {name}: {errors}"

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

    @cached_property
    def _pages(self) -> Any:
        from tests.support.generator import document  # only for a refusal: most processes need no pages

        return document.Document(self.document)

    def _codes_of(self, name: str) -> frozenset[str]:
        """The codes of refusals that the page of an operation explains."""
        if name not in self._codes:
            from tests.support.generator import codes

            self._codes[name] = frozenset(codes.codes_of(self._pages.operations[name]))
        return self._codes[name]

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
