"""The asynchronous client: the shared core over httpx."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

import httpx

from waypost_client import core
from waypost_client.async_operations import AsyncOperations
from waypost_client.errors import NoReply
from waypost_client.models import DryRunResult, FeedPage
from waypost_client.operations import OPERATIONS

P = ParamSpec("P")
T = TypeVar("T")

# Where the answer to a dry run goes, while one is asked for: a method that returns nothing cannot bring it.
_trying_out: ContextVar[list[Any] | None] = ContextVar("trying_out", default=None)
FOLLOW_WAIT_S = 20  # within the time that a call may take
# Nothing was sent yet when one of these is raised.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class AsyncClient(AsyncOperations):
    """Calls a hub at `base_url` with `token`.

    It waits its turn by the pool headers, and repeats what cannot be applied twice: reads, and changes that carry an
    idempotency key (each gets one). `native` False is for the original's server, which knows no keys; its host is
    recognized. `timeout_s` bounds each try. Give `http` to bring an httpx client of your own.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        native: bool | None = None,
        timeout_s: float = 30.0,
        tries: int = core.TRIES,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._settings = core.settings_of(base_url, token, native, tries)
        self._own = http is None
        self._http = http or httpx.AsyncClient(timeout=timeout_s)
        self._pacer = core.Pacer()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless they were brought along."""
        if self._own:
            await self._http.aclose()

    async def dry_run(self, method: Callable[P, Awaitable[Any]], *args: P.args, **kwargs: P.kwargs) -> DryRunResult:
        """What `method` with these arguments would do; nothing changes: `dry_run(client.cancel_…, 1001)`."""
        answers: list[Any] = []
        token = _trying_out.set(answers)
        try:
            await method(*args, **kwargs)
        finally:
            _trying_out.reset(token)
        return cast(DryRunResult, answers[0])

    async def iterate(
        self, method: Callable[P, Awaitable[list[T]]], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[T]:
        """Every item of a list, page by page: `iterate(client.list_shipments, filter_page_size=100)`."""
        operation = OPERATIONS[getattr(method, "__name__", "")]
        if operation.pages is None:
            raise ValueError(f"{operation.name} has no pages with numbers: pass `next` of its reply as `after`.")
        name = "filter_page_number" if operation.pages == "filterPageNumber" else "page"
        given = cast(dict[str, Any], kwargs)
        page = given.pop(name, 1)
        while True:
            items = await cast(Callable[..., Awaitable[list[T]]], method)(*args, **given, **{name: page})
            for item in items:
                yield item
            if not items:
                return
            page += 1

    async def follow(
        self, after: str | None = None, types: Sequence[str] | None = None, *, limit: int = 100
    ) -> AsyncIterator[FeedPage]:
        """The change feed, page after page, without an end: handle a page's `events`, then keep its `next`.

        Begin with the `next` that was kept last, None for everything that is kept, `latest` for what comes from now
        on. Each page holds at least one event; between them the hub is asked to wait.
        """
        while True:
            page = await self.list_events(after=after, types=types, limit=limit, wait=FOLLOW_WAIT_S)
            after = page["next"]
            if page["events"]:
                yield page

    async def _call(
        self, operation: core.Operation, ids: tuple[int, ...], query: Mapping[str, Any], body: Any,
        key: str | None, if_match: int | str | None,
    ) -> Any:  # fmt: skip
        answers = _trying_out.get()
        call = core.build(self._settings, operation, ids, query, body, key, if_match, answers is not None)
        attempt = 0
        while True:
            attempt += 1
            await asyncio.sleep(self._pacer.reserve(time.monotonic()))
            reply, failure = await self._send(call)
            if reply is not None:
                self._pacer.learn(reply.headers, time.monotonic())
                if reply.status < 300:
                    found = core.read(call, reply)
                    if answers is not None:
                        answers.append(found)
                    return found
                wait_s = core.wait_before_retry(call, reply, attempt, self._settings.tries, random.random())
                if wait_s is None:
                    return core.read(call, reply)
            else:
                sent = not isinstance(failure, _UNSENT)
                wait_s = core.wait_after_failure(call, sent, attempt, self._settings.tries, random.random())
                if wait_s is None:
                    raise NoReply(f"{call.method} {call.url}: {failure or type(failure).__name__}", sent) from failure
            await asyncio.sleep(wait_s)

    async def _send(self, call: core.Call) -> tuple[core.Reply | None, Exception | None]:
        try:
            got = await self._http.request(
                call.method, call.url, params=list(call.query), headers=dict(call.headers), content=call.content
            )
        except httpx.TransportError as error:
            return None, error
        return core.Reply(got.status_code, {k.lower(): v for k, v in got.headers.items()}, got.content), None
