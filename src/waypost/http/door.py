"""Middleware before Falcon: ids, limits, token and rate; rate headers and one log line after it (sections 1.1, 1.2).

A plain ASGI function around the application, because every call pays for it: what can be made once is made once,
headers are put in as the bytes they are sent as, and a call refused here never reaches a route.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

from waypost.domain.refusals import Defect, Refusal, Unavailable
from waypost.http.bodies import Body, Room
from waypost.http.call import Call
from waypost.http.compression import VARY, Compressor, depends
from waypost.http.faults import HEADERS_AT_MOST, LONG, NO_SNIFFING, NOT_KEPT, URL_AT_MOST, Reply, reply_to
from waypost.http.gate import Gate, Refused
from waypost.http.hang_ups import HangUpWatch, no_body
from waypost.http.late_answers import LateAnswers
from waypost.http.log import CallIds, LineLog, log_defect
from waypost.http.rates import Drawn, Rate
from waypost.http.refusals import Refusals
from waypost.http.unfinished import TOO_MANY_AT_ONCE, Unfinished
from waypost.server.heads import LONG_HEAD, LONG_URL
from waypost.wire import problems
from waypost.wire.faults import BadInput
from waypost.wire.preconditions import clean_request_id

ALWAYS_ANSWERED = frozenset(("/healthz", "/readyz"))  # when the hub is full, too: that is no reason to restart it
HUNG_UP = 499  # in the log only
# Refusals that cost a caller without a token nothing: they are counted, and have no line each in the log.
_COUNTED = {414: "long_head", 431: "long_head", 429: "rate_of_address", 503: "full"}
_READING = ("GET", "HEAD")
HOPS_AT_MOST = 4096  # bytes of X-Forwarded-For that are read, from the right: each hop costs time

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeader = tuple[bytes, bytes]
_CLOSES: tuple[RawHeader, ...] = ((b"connection", b"close"),)
# The version that a read shows is for the caller's next `If-Match`: it may be kept, and is asked for again each time.
_ASKED_AGAIN: RawHeader = (b"cache-control", b"private, no-cache")


class Door:
    """An ASGI application before another one.

    `open_paths` need no token and have no limit. `has_route` says whether a path exists; it is asked only when a call
    is about to be refused, so that no good call pays for routing twice.
    """

    def __init__(
        self, inner: Application, gate: Gate, log: LineLog, refusals: Refusals, unfinished: Unfinished,
        body_within_s: float, open_paths: Collection[str], has_route: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._inner = inner
        self._gate = gate
        self._open_paths = open_paths
        self._has_route = has_route
        self._log = log.write
        self._ids = CallIds()
        self._refusals = refusals
        self._unfinished = unfinished
        self._room = Room()
        self._compressor = Compressor()
        self._body_within_s = body_within_s
        # Set it before calls under way are cancelled: then they are answered. Every answer closes its connection.
        self.is_stopping = False
        self._pool_headers = PoolHeaders(gate.rate) if gate.rate else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: PLR0915 - each call's steps
        """One call."""
        if scope["type"] != "http":
            return await self._inner(scope, receive, send)
        begun_s = time.monotonic()
        call, token, size = self._read_headers(scope)
        status = 0

        def answer(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(message, scope["method"], call)
            return send(message)

        call.incoming = Body(receive, self._room, self._body_within_s)
        # The watch reads what a reading caller sends: it is the one that learns of a hang-up.
        watch = HangUpWatch(receive) if scope["method"] in _READING else None
        try:
            try:
                self._unfinished.begin(call, call.path in ALWAYS_ANSWERED)
                self._judge_limits(scope, call, size)
                if call.path not in self._open_paths:
                    await self._admit(call, token)
                late = LateAnswers(call, begun_s, self._compressor.between(call, scope["method"], answer))
                await self._inner(scope, no_body, late.send)  # Falcon would wait for a body before it routes
                late.end()
            except (Refused, Refusal, BadInput) as error:  # those of the application are answered there
                await _refuse(reply_to(error, call), scope["method"], answer)
        except asyncio.CancelledError:
            if watch is not None and watch.has_hung_up:
                watch.settle()
                status, call.why = HUNG_UP, "the caller hung up"
            elif status or not self.is_stopping:
                raise
            else:  # the server waits no longer
                await _refuse(reply_to(_cut_off(call, watch is not None), call), scope["method"], answer)
        except Exception as error:
            # What breaks outside the error handlers of Falcon: in the gate, or while a reply is put together.
            log_defect(call.id, error)
            if status:
                raise
            await _refuse(reply_to(Defect(), call), scope["method"], answer)
        finally:
            if watch is not None:
                watch.end()
            self._unfinished.end(call)
            call.incoming.end()
            scope["waypost.call"] = None  # else scope, request and call would keep each other until a collection
            self._tell(call, scope["method"], status, begun_s)

    def _headers(self, start: Message, method: str, call: Call) -> list[RawHeader]:
        """The headers of a reply, with those that every reply has."""
        headers: list[RawHeader] = [(b"x-request-id", call.id.encode()), NO_SNIFFING]
        headers += call.pool_headers
        headers += start["headers"]
        names = [name for name, _ in start["headers"]]
        if b"cache-control" not in names:
            shows_thing = start["status"] == 200 and method in _READING and b"etag" in names
            headers.append(_ASKED_AGAIN if shows_thing else NOT_KEPT)
        if b"etag" not in names and depends(call, start["headers"]):
            headers.append(VARY)
        if self.is_stopping:
            headers += _CLOSES
        return headers

    def _read_headers(self, scope: Scope) -> tuple[Call, str | None, int]:
        """The call, its token, and the size of all headers; a repeated header is one list (RFC 9110)."""
        token = given_id = forwarded = accepts = None
        size = 0
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"x-api-token":
                token = value if token is None else token + b"," + value
            elif name == b"x-request-id":
                given_id = value if given_id is None else given_id + b"," + value
            elif name == b"x-forwarded-for":
                forwarded = value if forwarded is None else forwarded + b"," + value
            elif name == b"accept-encoding":
                accepts = value if accepts is None else accepts + b"," + value
        call_id = (given_id and clean_request_id(given_id.decode("latin-1"))) or self._ids.new()
        client = scope.get("client")
        hops = None if forwarded is None else forwarded[-HOPS_AT_MOST:].decode("latin-1")
        call = Call(scope, call_id, client[0] if client else "unknown", hops)
        call.accept_encoding = accepts
        scope["waypost.call"] = call
        # Falcon need not read what the hub judges itself, raw (section 1.1, Text input).
        scope["query_string"] = b""
        return call, None if token is None else token.decode("latin-1"), size

    def _judge_limits(self, scope: Scope, call: Call, size: int) -> None:
        if len(scope["raw_path"] or b"") + len(call.query_string) > URL_AT_MOST:
            raise BadInput([], 414, "url_too_long", LONG[LONG_URL])
        if size > HEADERS_AT_MOST:
            raise BadInput([], 431, "headers_too_large", LONG[LONG_HEAD])

    async def _admit(self, call: Call, token: str | None) -> None:
        """Path (404), token (401), rate (429). With a good token, Falcon sends the 404."""
        try:
            holder, pool = await self._gate.admit(token, call.peer, call.forwarded)
        except Refused as refused:
            if refused.status != 401 or self._is_known(call):
                raise
            raise Refused(404, f"unknown path, {refused.why}", token_id=refused.token_id) from None
        call.token_id = holder.token_id
        call.actor, call.holder, call.gate = holder.actor, holder, self._gate
        if pool is not None and self._pool_headers is not None:
            call.pool_headers = self._pool_headers.of(pool)
            if not pool.allowed and self._is_known(call):
                size, per_second = self._pool_headers.rate
                limit = f"This token has made its {size} calls in one go, and regains {per_second:g} per second."
                raise Refused(429, "over the rate", pool.retry_after_s, holder.token_id, limit)
        if not call.is_plain:
            raise Refused(404, "another spelling of a path", token_id=holder.token_id)
        self._unfinished.of_token(call, holder.token_id)

    def _is_known(self, call: Call) -> bool:
        return call.is_plain and self._has_route(call.path)

    def _tell(self, call: Call, method: str, status: int, begun_s: float) -> None:
        """One line per request that costs its caller something; nothing secret in it."""
        if call.path in self._open_paths and status < 500:
            return None  # anybody may call these without a limit: no line of the log for each
        if call.token_id is None and status in _COUNTED:
            kind = "calls_of_client" if call.why == TOO_MANY_AT_ONCE else _COUNTED[status]
            return self._refusals.count(kind, self._gate.client_of(call.peer, call.forwarded))
        line = {
            "at": time.time(), "id": call.id, "token": call.token_id,
            "operation": None if call.operation is None else call.operation.id,
            "method": method, "status": status, "ms": round((time.monotonic() - begun_s) * 1000, 3),
        }  # fmt: skip
        if call.why is not None:
            line["why"] = call.why
        if call.token_id is None:
            line["from"] = self._gate.client_of(call.peer, call.forwarded)
        self._log(line)


def _cut_off(call: Call, only_reads: bool) -> Unavailable:
    if only_reads or call.operation is None:
        return Unavailable("The server is stopping: ask again.", retry_after_s=1)
    if call.incoming.is_coming:
        return Unavailable("The server is stopping, and the body was not read in time: send it again.", retry_after_s=1)
    message = "The server is stopping, and this was not finished: it is not known how much of it was done."
    return Unavailable(message, "unknown")


async def _refuse(reply: Reply, method: str, answer: Send) -> None:
    document = reply.document
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers]
    headers.append((b"content-type", problems.CONTENT_TYPE.encode()))
    headers.append((b"content-length", str(len(document)).encode()))
    await answer({"type": "http.response.start", "status": reply.status, "headers": headers})
    await answer({"type": "http.response.body", "body": b"" if method == "HEAD" else document})


class PoolHeaders:
    """What a reply says of its token's pool, as bytes; a pool of few states needs few of them."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        refill = f"{rate.per_second:g}".encode()
        window = max(1, round(rate.size / rate.per_second))
        self._fixed: Iterable[RawHeader] = (
            (b"x-auth-pool-size", b"%d" % rate.size),
            (b"x-auth-replenished-per-second", refill),
            (b"ratelimit-policy", b'"token";q=%d;w=%d' % (rate.size, window)),
        )
        self._known: dict[Drawn, tuple[RawHeader, ...]] = {}

    def of(self, pool: Drawn) -> tuple[RawHeader, ...]:
        """The headers of a pool in this state."""
        found = self._known.get(pool)
        if found is None:
            if len(self._known) >= 1000:
                self._known.clear()
            found = self._known[pool] = (
                *self._fixed,
                (b"x-auth-pool-used", b"%d" % pool.used),
                (b"ratelimit", b'"token";r=%d;t=%d' % (pool.left, pool.retry_after_s)),
            )
        return found
