"""Runs calls on a database of each size and tells what each of their statements cost."""

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from tests.growth.counting import Counter
from tests.growth.reads import Call
from tests.growth.template import Template
from tests.support.asgi import Client
from waypost.app import access
from waypost.app import hub as hub_module
from waypost.app.hub import Hub
from waypost.domain.refusals import Unavailable
from waypost.http.app import create_app
from waypost.http.gate import Gate
from waypost.http.log import LineLog
from waypost.main import build_hub
from waypost.storage.opening import open_store
from waypost.wire import rendered

Tidy = Callable[[], Awaitable[Any]]


class Cost(NamedTuple):
    """What one call cost: in all, by statement, and how many things its reply has."""

    total: int
    by_statement: dict[str, int]
    returned: int | None
    problem: str = ""


class Measured(NamedTuple):
    """A hub on a database whose connections are counted."""

    hub: Hub
    app: Any
    tokens: dict[str, str]
    counter: Counter
    tidy: Tidy | None

    async def call(self, call: Call) -> Cost:
        """One call's cost."""
        if self.tidy is not None and call.method != "GET":
            await self.tidy()
        self.counter.taken()
        client = Client(self.app, self.tokens[call.token])
        reply = await client.call(call.method, call.target, json=call.body, headers=dict(call.headers))
        problem = "" if reply.status < 300 else f"{call.method} {call.target}: {reply.status} {reply.body[:300]!r}"
        is_json = "json" in reply.headers.get("content-type", "")
        return self._cost(_returned(reply.json()) if reply.body and is_json else None, problem)

    async def run(self, work: Callable[[Hub], Awaitable[Any]]) -> Cost:
        """The cost of what is done in the background."""
        self.counter.taken()
        try:
            found = await work(self.hub)
        except Unavailable as error:  # the log says why
            return self._cost(None, repr(error))
        return self._cost(_returned(found), "")

    def _cost(self, returned: int | None, problem: str) -> Cost:
        by_statement = self.counter.taken()
        return Cost(sum(by_statement.values()), by_statement, returned, problem)


def _returned(body: Any) -> int | None:
    if isinstance(body, list | set | tuple):
        return len(body)
    if isinstance(body, dict):
        lists = [value for value in body.values() if isinstance(value, list)]
        return len(lists[0]) if len(lists) == 1 else None
    return None


@asynccontextmanager
async def measured(url: str, template: Template, counter: Counter, tidy: Tidy | None = None) -> AsyncIterator[Measured]:
    """A hub on this database; enter `steps` or `buffers` first. `tidy` is called before each change."""
    store = await open_store(url, migrate=False, key_file=template.key_file)
    hub, writer = build_hub(store)
    app = create_app(hub, Gate(hub.tokens, None, ()), LineLog(io.StringIO()))
    try:
        # Neither what was rendered before is kept, nor who holds a token: else a call's cost would depend on those before it.
        with (
            patch.object(rendered, "KEPT_AT_MOST", 0), patch.object(hub_module, "READY_FOR_S", 0.0),
            patch.object(access, "REMEMBERED_S", -1.0),
        ):  # fmt: skip
            yield Measured(hub, app, template.tokens, counter, tidy)
    finally:
        await writer.close()
        await store.close()
