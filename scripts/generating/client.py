"""The Python client's models and operations, written from the contract that is served."""

import keyword
import re
from collections.abc import Iterator
from typing import Any

HEAD = '"""{doc}\n\nMade by `make generate` from the contract. Do not edit.\n"""\n\n'
METHODS = ("get", "put", "post", "delete", "patch")
_PAGES = (("filterPageNumber", "filterPageSize"), ("page", "pageSize"))
# Handled by the client itself, not by the caller's arguments.
_OWN = {"dryRun", "Idempotency-Key", "If-Match", "X-Request-Id"}
_OPEN = {"get_docs", "get_openapi_yaml"}  # nothing a program calls


def snake(name: str) -> str:
    """`filterPageSize` as `filter_page_size`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


class Models:
    """TypedDicts and literals, by schema name."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.made: dict[str, str] = {}

    def of(self, schema: dict[str, Any], name: str) -> str:
        """The annotation of a schema; `name` is for objects that have none of their own."""
        if "$ref" in schema:
            own: str = schema["$ref"].rsplit("/", 1)[-1]
            self._define(own, self._document["components"]["schemas"][own])
            return own
        if "enum" in schema:
            return f"Literal[{', '.join(repr(value) for value in schema['enum'])}]"
        if "const" in schema:
            return f"Literal[{schema['const']!r}]"
        for union in ("oneOf", "anyOf"):
            if union in schema:
                return self._union([self.of(option, f"{name}{place}") for place, option in enumerate(schema[union], 1)])
        if "allOf" in schema:
            return self.of(schema["allOf"][0], name) if len(schema["allOf"]) == 1 else "dict[str, Any]"
        kind = schema.get("type")
        if isinstance(kind, list):
            return self._union([self.of({**schema, "type": one}, name) for one in kind])
        return self._plain(kind, schema, name)

    def _plain(self, kind: str | None, schema: dict[str, Any], name: str) -> str:
        if kind == "array":
            return f"list[{self.of(schema.get('items', {}), f'{name}Item')}]"
        if kind == "object" or "properties" in schema:
            if not schema.get("properties"):
                return "dict[str, Any]"
            self._define(name, schema)
            return name
        return {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}.get(kind or "", "Any")

    @staticmethod
    def _union(options: list[str]) -> str:
        unique = list(dict.fromkeys(options))
        return "Any" if "Any" in unique else " | ".join(sorted(unique, key=lambda one: one == "None"))

    def _define(self, name: str, schema: dict[str, Any]) -> None:
        if name in self.made:
            return
        self.made[name] = ""  # a schema may speak of itself
        if "properties" not in schema:
            self.made[name] = f"{name} = {self.of(schema, f'{name}Of')}\n"
            return
        required = set(schema.get("required", ()))
        fields = {key: self.of(value, f"{name}{key[:1].upper()}{key[1:]}") for key, value in schema["properties"].items()}
        plain = all(key.isidentifier() and not keyword.iskeyword(key) for key in fields)
        typed = {key: hint if key in required else f"NotRequired[{hint}]" for key, hint in fields.items()}
        told = (schema.get("description") or f"`{name}` of the contract.").strip().splitlines()[0].replace('"""', "'''")
        if plain:
            lines = [f"class {name}(TypedDict):", f'    """{told}"""', "", *(f"    {k}: {v}" for k, v in typed.items())]
        else:
            pairs = ", ".join(f'"{key}": "{hint}"' for key, hint in typed.items())
            lines = [f'{name} = TypedDict("{name}", {{{pairs}}})', f'"""{told}"""']
        self.made[name] = "\n".join(lines) + "\n"

    def text(self) -> str:
        """The module. Aliases come last: they are made when it is loaded."""
        parts = [self.made[name] for name in sorted(self.made)]
        classes = [part for part in parts if part.startswith("class ")]
        aliases = self._sorted({name: self.made[name] for name in sorted(self.made) if not self.made[name].startswith("class ")})
        names = ",\n    ".join(f'"{name}"' for name in sorted(self.made))
        head = HEAD.format(doc="The shapes of the contract, as typed dictionaries with the wire's own names.")
        return (
            f"{head}from __future__ import annotations\n\nfrom typing import Any, Literal, NotRequired, TypedDict\n\n"
            f"__all__ = [\n    {names},\n]\n\n" + "\n\n".join([*aliases, *classes])
        )

    @staticmethod
    def _sorted(aliases: dict[str, str]) -> list[str]:
        """Those that others speak of first."""
        out: list[str] = []
        left = dict(aliases)
        while left:
            ready = [n for n, text in left.items() if not any(re.search(rf"\b{o}\b", text.split("=", 1)[1]) for o in left if o != n)]
            for name in ready or list(left):
                out.append(left.pop(name))
        return out


class Operation:
    """One operation of the document, as a method."""

    def __init__(self, document: dict[str, Any], models: Models, method: str, path: str, operation: dict[str, Any]) -> None:
        self._document = document
        self.name: str = operation["operationId"]
        self.method = method.upper()
        self.path = path
        self.summary: str = operation["summary"].rstrip(".")
        self.aliases: list[str] = list(operation.get("x-aliases", ()))
        self.parameters = [self._resolved(one) for one in operation.get("parameters", ())]
        self.native = operation.get("x-waypost") == "native"
        camel = "".join(part.title() for part in self.name.split("_"))
        body = operation.get("requestBody")
        self.body_required = bool(body and self._resolved(body).get("required"))
        self.body = None
        if body is not None:
            schema = self._resolved(body)["content"]["application/json"]["schema"]
            self.body = models.of(schema, f"{camel}Body")
        self.reply = self._reply(operation["responses"], models, f"{camel}Reply")

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def _reply(self, responses: dict[str, Any], models: Models, name: str) -> str:
        kinds: list[str] = []
        for status, reply in responses.items():
            if not status.startswith("2"):
                continue
            content = self._resolved(reply).get("content")
            schema = content["application/json"].get("schema", {}) if content and "application/json" in content else None
            for option in [None] if schema is None else schema.get("oneOf", schema.get("anyOf", [schema])):
                if option is None:
                    kinds.append("None")
                elif option.get("$ref", "").rsplit("/", 1)[-1] != "DryRunResult":
                    kinds.append(models.of(option, name))
        if len(kinds) > 1 and "None" in kinds and any(p["name"] == "dryRun" for p in self.parameters) and self._only_dry(responses):
            kinds = ["None"]
        return models._union(kinds) if kinds else "None"

    def _only_dry(self, responses: dict[str, Any]) -> bool:
        """Whether a 200 is nothing but the answer to a dry run."""
        content = self._resolved(responses["200"]).get("content", {}) if "200" in responses else {}
        reference: str = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        return reference.endswith("/DryRunResult")

    def has(self, name: str) -> bool:
        """Whether the operation takes this parameter."""
        return any(parameter["name"] == name for parameter in self.parameters)

    @property
    def pages(self) -> str | None:
        """The parameter that counts pages."""
        return next((number for number, size in _PAGES if self.has(number) and self.has(size)), None)

    def declared(self) -> str:
        """Its entry in the table of operations."""
        paging = f'"{self.pages}"' if self.pages else "None"
        reads = self.method == "GET" and self.name != "pull_processing_fulfillment_requests"
        return (f'    "{self.name}": Operation("{self.name}", "{self.method}", "{self.path}", reads={reads}, '
                f'takes_key={self.has("Idempotency-Key")}, takes_dry_run={self.has("dryRun")}, pages={paging}),')  # fmt: skip

    def declared_aliases(self) -> Iterator[str]:
        """Their entries in the table: the same call under another name."""
        for alias in self.aliases:
            yield f'OPERATIONS["{alias}"] = OPERATIONS["{self.name}"]'

    def method_text(self, is_async: bool, models: Models) -> Iterator[str]:
        """The method, and its aliases."""
        ids = [p for p in self.parameters if p["in"] == "path"]
        query = [p for p in self.parameters if p["in"] == "query" and p["name"] not in _OWN]
        id_names = ["id"] if len(ids) == 1 else [snake(p["name"]) for p in ids]
        args = ["self", *(f"{name}: int" for name in id_names)]
        if self.body is not None:
            args.append(f"body: {_m(self.body)}" + ("" if self.body_required else " | None = None"))
        named = []
        for p in sorted(query, key=lambda one: not one.get("required")):
            hint = models.of(p.get("schema", {}), "".join(part.title() for part in snake(p["name"]).split("_")))
            hint = _moment(_many(_m(hint)), p)
            named.append(f"{_safe(snake(p['name']))}: {hint}" if p.get("required") else f"{_safe(snake(p['name']))}: {hint} | None = None")
        if self.has("Idempotency-Key"):
            named.append("idempotency_key: str | None = None")
        if self.has("If-Match"):
            named.append("if_match: int | str | None = None")
        if named:
            args += ["*", *named]
        word, wait = ("async def", "await ") if is_async else ("def", "")
        yield f"    {word} {self.name}({', '.join(args)}) -> {_m(self.reply)}:"
        yield f'        """{self.summary}."""'
        pairs = ", ".join(f'"{p["name"]}": {_safe(snake(p["name"]))}' for p in query)
        given = [f'OPERATIONS["{self.name}"]', f"({''.join(f'{name}, ' for name in id_names)})", f"{{{pairs}}}"]
        given.append("body" if self.body is not None else "None")
        given += ["idempotency_key" if self.has("Idempotency-Key") else "None", "if_match" if self.has("If-Match") else "None"]
        call = f"{wait}self._call({', '.join(given)})"
        yield f"        {call}" if self.reply == "None" else f"        return cast({_quoted(_m(self.reply))}, {call})"
        yield ""
        passed = [*id_names, *(["body"] if self.body is not None else [])]
        passed += [f"{name}={name}" for name in (one.partition(":")[0] for one in named)]
        for alias in self.aliases:
            yield f"    {word} {alias}({', '.join(args)}) -> {_m(self.reply)}:"
            yield f'        """Alias of `{self.name}`."""'
            yield f"        {'' if self.reply == 'None' else 'return '}{wait}self.{self.name}({', '.join(passed)})"
            yield ""


def _m(hint: str) -> str:
    """The annotation, with models named through their module."""
    plain = {"Literal", "Any", "None", "str", "int", "float", "bool", "list", "dict"}
    out = []
    for piece in re.split(r"('[^']*'|\"[^\"]*\")", hint):
        literal = piece[:1] in ("'", '"')
        out.append(piece if literal else re.sub(r"\b[A-Z]\w*\b", lambda word: word[0] if word[0] in plain else f"m.{word[0]}", piece))
    return "".join(out)


def _many(hint: str) -> str:
    return f"Sequence[{hint[5:-1]}]" if hint.startswith("list[") else hint


def _moment(hint: str, parameter: dict[str, Any]) -> str:
    is_moment = hint == "m.DateTime" or parameter.get("schema", {}).get("format") == "date-time"
    return "str | datetime" if is_moment else hint


def _quoted(hint: str) -> str:
    return '"' + hint.replace('"', "'") + '"'


def _safe(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


# The blocking client is the asynchronous one without its waiting.
_BLOCKING = (
    ('"""The asynchronous client', '"""Made by `make generate` from async_client.py; do not edit. The blocking client'),
    ("import asyncio\n", ""), ("asyncio.sleep", "time.sleep"), ("AsyncIterator, Awaitable, Callable, Mapping, Sequence", "Callable, Iterator, Mapping, Sequence"),
    ("async def ", "def "), ("await ", ""), ("Awaitable[list[T]]", "list[T]"), ("Awaitable[Any]", "Any"), ("AsyncIterator", "Iterator"),
    ("AsyncClient", "Client"), ("AsyncOperations", "Operations"), ("async_operations", "sync_operations"),
    ("__aenter__", "__enter__"), ("__aexit__", "__exit__"), ("aclose", "close"), ("async for ", "for "),
)  # fmt: skip


def blocking(source: str) -> str:
    """The blocking client, from the text of the asynchronous one."""
    for written, instead in _BLOCKING:
        source = source.replace(written, instead)
    return source


def client(document: dict[str, Any], asynchronous: str) -> dict[str, str]:
    """The generated modules of the client, by file name; `asynchronous` is the text of the asynchronous client."""
    models = Models(document)
    operations = [
        Operation(document, models, method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS and operation["operationId"] not in _OPEN
    ]
    for name in ("Problem", "DryRunResult"):
        models.of({"$ref": f"#/components/schemas/{name}"}, name)
    table = HEAD.format(doc="What each operation is on the wire.") + (
        "from waypost_client.core import Operation\n\nOPERATIONS = {\n" + "\n".join(one.declared() for one in operations) + "\n}\n"
    )
    aliases = [line for one in operations for line in one.declared_aliases()]
    table += "\n" + "\n".join(aliases) + "\n" if aliases else ""
    made = {"operations.py": table}
    for kind, is_async in (("sync", False), ("async", True)):
        lines = [
            HEAD.format(doc=f"Every operation of the contract as a method, {'awaited' if is_async else 'blocking'}."),
            "from collections.abc import Mapping, Sequence\nfrom datetime import datetime\nfrom typing import Any, Literal, cast\n",
            "from waypost_client import models as m\nfrom waypost_client.core import Operation\nfrom waypost_client.operations import OPERATIONS\n\n",
            f"class {'Async' if is_async else ''}Operations:",
            '    """The operations; `_call` comes from the client."""\n',
            f"    {'async ' if is_async else ''}def _call(self, operation: Operation, ids: tuple[int, ...], query: Mapping[str, Any], body: Any, key: str | None, if_match: int | str | None) -> Any:",
            "        raise NotImplementedError\n",
        ]
        for one in operations:
            lines += one.method_text(is_async, models)
        made[f"{kind}_operations.py"] = "\n".join(lines).rstrip() + "\n"
    made["models.py"] = models.text()
    made["sync_client.py"] = blocking(asynchronous)
    return made
