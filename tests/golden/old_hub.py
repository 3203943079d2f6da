"""A hub of some commit that runs as a real server, and a book of every call that it answered.

It is told what to do over HTTP and by its own command line, as by its users; nothing of its code is imported.
"""

import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import httpx
import yaml

from tests.golden.files import Call
from tests.support.process import ServerProcess

METHODS = ("get", "put", "post", "delete", "patch")
ORDERS = "create_order"
COMMAND_WITHIN_S = 60


class Refused(Exception):
    """The hub answered something else than the story expects."""


class Operation(NamedTuple):
    """An operation of the commit's own contract. `takes_key`: it changes something."""

    method: str
    path: str
    takes_key: bool


def operations_of(contract: str, not_yet: str) -> dict[str, Operation]:
    """What a commit serves, by operationId: its contract (YAML), without what its list says is still to be built."""
    missing = {line.split("#")[0].strip() for line in not_yet.splitlines()}
    found = {}
    for path, item in yaml.load(contract, Loader=yaml.CSafeLoader)["paths"].items():
        for method in METHODS:
            one = item.get(method)
            if one is None or one["operationId"] in missing:
                continue
            takes_key = any("IdempotencyKey" in parameter.get("$ref", "") for parameter in one.get("parameters", ()))
            found[one["operationId"]] = Operation(method.upper(), path, takes_key)
            for alias, call in one.get("x-aliases", {}).items():
                verb, alias_path = call.split(" ")
                found[alias] = Operation(verb, alias_path, takes_key)
    return found


class Code(NamedTuple):
    """A tree of the repository that holds the hub's code."""

    root: Path

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        """For a process that is to run this code, and not that of whoever starts it."""
        paths = (self.root / "src", self.root / "client" / "src")
        return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1", **more}

    def operations(self) -> dict[str, Operation]:
        """What it serves."""
        folder = self.root / "contract"
        return operations_of((folder / "openapi.yaml").read_text(), (folder / "not-yet.txt").read_text())


class OldHub:
    """The hub at work on one database. `calls`: what was asked with a key, in order; `orders`: bodies of all orders."""

    def __init__(self, code: Code, url: str, folder: Path, variables: dict[str, str]) -> None:
        self.operations = code.operations()
        self.url = url
        self.tokens: dict[str, str] = {}
        self.calls: list[Call] = []
        self.orders: list[dict[str, Any]] = []
        self._environment = code.environment(variables)
        self._log = folder / "server.log"
        self._server: ServerProcess | None = None
        self._client: httpx.AsyncClient | None = None
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> "OldHub":
        options = ["--allow-targets", "127.0.0.0/8"] if self.knows("set_source_delivery") else []
        server = ServerProcess(self.url, self._log, *options, environment=self._environment)
        await server.start()
        self._server = server
        self._client = httpx.AsyncClient(base_url=server.url, timeout=30)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._client is not None
        assert self._server is not None
        await self._client.aclose()
        code = await self._server.stop()
        assert code == 0, self._log.read_text()[-3000:]

    def knows(self, *names: str) -> bool:
        """Whether the commit serves all these operations."""
        return self.operations.keys() >= set(names)

    def version(self) -> str:
        """What the program says of itself."""
        return self._run("--version").split()[-1]

    def command(self, *arguments: str) -> str:
        """Run a command of the commit on the database; what it printed."""
        return self._run(*arguments, "--database", self.url)

    def _run(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "waypost", *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, check=False, timeout=COMMAND_WITHIN_S
        )
        if done.returncode:
            raise Refused(f"waypost {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def told(self, *arguments: str) -> Any:
        """What a command prints with `--json`."""
        return json.loads(self.command(*arguments, "--json"))

    async def call(
        self, name: str, *ids: object, body: Any = None, token: str = "account", headers: dict[str, str] | None = None,
        key: bool = True, **query: Any,
    ) -> Any:  # fmt: skip
        """Call an operation; its answer. What changes something has a key, and is asked twice: the second is a replay."""
        method, path, takes_key = self.operations[name]
        places = iter(ids)
        target = re.sub(r"{\w+}", lambda _: str(next(places)), path) + _query(query)
        given = dict(headers or {})
        if takes_key and key:
            given["Idempotency-Key"] = f"golden-{next(self._numbers)}"
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        if name == ORDERS:
            self.orders.append({"token": token, "body": text})
        first = await self._ask(method, target, token, given, text)
        if takes_key and key:
            again = await self._ask(method, target, token, given, text)
            if (again.status_code, again.headers.get("Idempotent-Replayed")) != (first.status_code, "true"):
                raise Refused(f"{name}: the repeat was not replayed but answered {again.status_code} {again.text[:500]}")
            self.calls.append(
                Call(name, method, target, token, given, text, first.status_code, first.headers.get("ETag"), first.text,
                     None if again.text == first.text else again.text)
            )  # fmt: skip
        if name == ORDERS:
            self.orders[-1]["id"] = first.json()["id"]
        return first.json() if first.content else None

    async def _ask(
        self, method: str, target: str, token: str, headers: dict[str, str], text: str | None
    ) -> httpx.Response:
        assert self._client is not None
        given = {**headers, "X-API-TOKEN": self.tokens[token]}
        if text is not None:
            given["Content-Type"] = "application/json"
        reply = await self._client.request(method, target, headers=given, content=text)
        if reply.status_code >= 300:
            raise Refused(f"{method} {target} {text}: {reply.status_code} {reply.text}")
        return reply

    async def until(self, what: str, found: Callable[[Any], bool], name: str, *ids: object, **query: Any) -> Any:
        """Ask for something that changes nothing until `found` says yes of its answer; that answer."""
        for _ in range(1500):
            answer = await self.call(name, *ids, key=False, **query)
            if found(answer):
                return answer
            await asyncio.sleep(0.1)
        raise Refused(f"it never came to this: {what}")

    def unused(self) -> set[str]:
        """Operations that change something and were not called with a key."""
        return {name for name, one in self.operations.items() if one.takes_key} - {call.operation for call in self.calls}


def _query(values: dict[str, Any]) -> str:
    if not values:
        return ""
    pairs = {name: json.dumps(value) if isinstance(value, bool) else value for name, value in values.items()}
    return "?" + urlencode(pairs, quote_via=quote, doseq=True)
