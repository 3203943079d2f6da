"""The Falcon application: gate, routes, error replies, and one JSON log line per request."""

import asyncio
import itertools
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

import falcon
import falcon.asgi
import msgspec
from falcon.asgi import Request, Response

from waypost.app.hub import Hub
from waypost.domain.refusals import Defect, NotFound, NotPermitted, Refusal, Unavailable
from waypost.http import account, fulfillment_requests, native, orders, server
from waypost.http.call import Call
from waypost.http.gate import Admitted, Gate, Refused, is_open
from waypost.http.rates import Drawn
from waypost.wire import problems
from waypost.wire.faults import BadInput
from waypost.wire.preconditions import clean_request_id

URL_AT_MOST = 40_000  # bytes; a reason of 2,000 characters may take 24,000 when percent-encoded
HEADERS_AT_MOST = 32_768  # bytes
CALLS_AT_ONCE = 2000

_encode = msgspec.json.Encoder().encode


class LineLog:
    """A log of one JSON object a line. Lines of one round of the event loop are written together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[bytes] = []

    def write(self, line: dict[str, Any]) -> None:
        """Write `line`, at the latest when the loop has done what is ready now."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self._lines.append(_encode(line))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        self._stream.write(b"\n".join(lines).decode() + "\n")
        self._stream.flush()


class CallIds:
    """Ids for calls that bring none: unique by a random beginning, cheap by a count."""

    def __init__(self) -> None:
        self._beginning = os.urandom(6).hex()
        self._count = itertools.count(1)

    def new(self) -> str:
        """The next id."""
        return f"{self._beginning}-{next(self._count):x}"


class Door:
    """Middleware: ids, limits and the gate on the way in; headers and the log line on the way out."""

    def __init__(self, gate: Gate, log: LineLog) -> None:
        self._gate = gate
        self._log = log.write
        self._ids = CallIds()
        self._under_way = 0
        rate = gate.rate
        self._size = str(rate.size) if rate else ""
        self._refill = f"{rate.per_second:g}" if rate else ""
        self._policy = f'"token";q={rate.size};w={max(1, round(rate.size / rate.per_second))}' if rate else ""

    async def process_request(self, req: Request, resp: Response) -> None:
        """Token (401), rate (429); an open path needs neither."""
        context = req.context
        context.begun_s = time.monotonic()
        given = req.get_header("X-Request-Id")
        context.call_id = call_id = (given and clean_request_id(given)) or self._ids.new()
        resp.set_header("X-Request-Id", call_id)
        context.token_id = context.why = None
        self._under_way += 1
        if self._under_way > CALLS_AT_ONCE:
            raise Unavailable("Too many calls at once.", retry_after_s=1)
        scope = req.scope
        if len(scope["raw_path"] or b"") + len(scope["query_string"]) > URL_AT_MOST:
            raise BadInput([], 414, "url_too_long")
        if sum(map(len, map(b"".join, scope["headers"]))) > HEADERS_AT_MOST:
            raise BadInput([], 431, "headers_too_large")
        if is_open(req.path):
            return
        admitted = await self._gate.admit(req.get_header("X-API-TOKEN"), _peer(req), req.get_header("X-Forwarded-For"))
        context.token_id = admitted.holder.token_id
        context.call = Call(req, admitted.holder.actor, call_id)
        self._tell_pool(resp, admitted)

    def _tell_pool(self, resp: Response, admitted: Admitted) -> None:
        pool: Drawn | None = admitted.pool
        if pool is None:
            return
        resp.set_headers(
            {
                "X-Auth-Pool-Size": self._size,
                "X-Auth-Pool-Used": str(pool.used),
                "X-Auth-Replenished-Per-Second": self._refill,
                "RateLimit-Policy": self._policy,
                "RateLimit": f'"token";r={pool.left};t={pool.retry_after_s}',
            }
        )
        if not pool.allowed:
            raise Refused(429, "over the rate", pool.retry_after_s, admitted.holder.token_id)

    async def process_response(self, req: Request, resp: Response, resource: object, ok: bool) -> None:
        """One line per request; nothing secret in it."""
        self._under_way -= 1
        context = req.context
        call = getattr(context, "call", None)
        operation = call.operation.id if call is not None and call.operation else None
        ms = round((time.monotonic() - context.begun_s) * 1000, 3)
        line = {"at": time.time(), "id": context.call_id, "token": context.token_id, "operation": operation,
                "method": req.method, "status": resp.status_code, "ms": ms}  # fmt: skip
        if context.why is not None:
            line["why"] = context.why
        self._log(line)


def _peer(req: Request) -> str:
    client = req.scope.get("client")
    return client[0] if client else "unknown"


class Faults:
    """Error handlers: every error leaves as one problem document."""

    def __init__(self, gate: Gate, log_defect: Callable[[str, BaseException], None]) -> None:
        self._gate = gate
        self._log_defect = log_defect

    def _send(self, resp: Response, status: int, document: bytes) -> None:
        resp.status = status
        resp.content_type = problems.CONTENT_TYPE
        resp.data = document

    def _plain(self, req: Request, resp: Response, status: int, code: str, detail: str) -> None:
        self._send(resp, status, problems.problem(status, code, detail, req.path, req.context.call_id))

    async def refused(self, req: Request, resp: Response, error: Refused, params: object) -> None:
        """401 and 429 of the gate."""
        req.context.why = error.why
        req.context.token_id = req.context.token_id or error.token_id
        if error.status == 401:
            resp.set_header("WWW-Authenticate", "X-API-TOKEN")
            self._plain(req, resp, 401, "unauthorized", "A valid X-API-TOKEN that may call this is required.")
        else:
            resp.set_header("Retry-After", str(error.retry_after_s))
            detail = f"Too many requests: try again in {error.retry_after_s} s."
            self._plain(req, resp, 429, "too_many_requests", detail)

    async def refusal(self, req: Request, resp: Response, error: Refusal, params: object) -> None:
        """What the domain refuses."""
        if isinstance(error, NotPermitted):
            forwarded = req.get_header("X-Forwarded-For")
            why = f"a {req.context.call.actor.type} token may not call this"
            await self.refused(req, resp, self._gate.stranger(why, _peer(req), forwarded), params)
            return
        status, document = problems.of_refusal(error, req.path, req.context.call_id)
        if isinstance(error, Unavailable) and error.retry_after_s is not None:
            resp.set_header("Retry-After", str(error.retry_after_s))
        self._send(resp, status, document)

    async def bad_input(self, req: Request, resp: Response, error: BadInput, params: object) -> None:
        """What cannot be read."""
        self._send(resp, *problems.of_bad_input(error, req.path, req.context.call_id))

    async def routing(self, req: Request, resp: Response, error: falcon.HTTPError, params: object) -> None:
        """404 and 405 of the router; whatever else Falcon raises is bad input."""
        if isinstance(error, falcon.HTTPMethodNotAllowed):
            allow = dict(error.headers or {}).get("Allow", "")
            resp.set_header("Allow", allow)
            self._plain(req, resp, 405, "method_not_allowed", f"{req.method} is not allowed here; allowed: {allow}.")
        elif error.status_code == 404:
            await self.refusal(req, resp, NotFound("path"), params)
        else:
            self._plain(req, resp, 400, "invalid_input", "The request cannot be read.")

    async def defect(self, req: Request, resp: Response, error: Exception, params: object) -> None:
        """Anything unforeseen: the caller learns the request id, the log learns the rest."""
        self._log_defect(req.context.call_id, error)
        await self.refusal(req, resp, Defect(), params)


def _log_defect(call_id: str, error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    line = {"at": time.time(), "id": call_id, "level": "error", "defect": text}
    sys.stderr.write(_encode(line).decode() + "\n")


def create_app(hub: Hub, gate: Gate, log: LineLog) -> falcon.asgi.App[Any, Any]:
    """The ASGI application of a hub."""
    app = falcon.asgi.App(middleware=[Door(gate, log)])
    app.req_options.strip_url_path_trailing_slash = True
    faults = Faults(gate, _log_defect)
    app.add_error_handler(Exception, faults.defect)
    app.add_error_handler(falcon.HTTPError, faults.routing)
    app.add_error_handler(Refusal, faults.refusal)
    app.add_error_handler(BadInput, faults.bad_input)
    app.add_error_handler(Refused, faults.refused)
    for module in (fulfillment_requests, native, orders, account, server):
        for path, resource in module.routes(hub).items():
            _complete(resource)
            app.add_route(path, resource)
    return app


def _complete(resource: Any) -> None:
    """HEAD wherever GET works; OPTIONS answers 204 with Allow (contract section 1.1)."""
    if hasattr(resource, "on_get") and not hasattr(resource, "on_head"):
        resource.on_head = resource.on_get
    methods = [m for m in ("GET", "HEAD", "PATCH", "POST", "PUT", "DELETE") if hasattr(resource, f"on_{m.lower()}")]
    allow = ", ".join([*methods, "OPTIONS"])

    async def on_options(req: Request, resp: Response, **params: str) -> None:
        resp.status = 204
        resp.set_header("Allow", allow)

    resource.on_options = on_options
