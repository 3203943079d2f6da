"""Error replies: whatever goes wrong leaves as one problem document, whoever noticed it (contract section 1.1)."""

import os
from collections.abc import Callable
from typing import NamedTuple

import falcon
import falcon.asgi
from falcon.asgi import Request, Response

from waypost.domain.refusals import Defect, NotPermitted, Refusal, TokenEnded, Unavailable
from waypost.http.call import Call, call_of
from waypost.http.gate import Gate, Refused
from waypost.server.heads import LONG_HEAD, LONG_URL, Fault
from waypost.wire import problems
from waypost.wire.faults import BadInput
from waypost.wire.preconditions import clean_request_id

NO_SNIFFING = (b"x-content-type-options", b"nosniff")
NOT_KEPT = (b"cache-control", b"no-store")  # a reply may hold a customer's name and address
URL_AT_MOST = 40_000  # bytes; a reason of 2,000 characters may take 24,000 when percent-encoded
HEADERS_AT_MOST = 32_768  # bytes
LONG = {
    LONG_URL: f"The URL may have at most {URL_AT_MOST} bytes.",
    LONG_HEAD: f"The headers may have at most {HEADERS_AT_MOST} bytes.",
}  # the server refuses what is far longer before all of it is there: it is told the same
PATH_SHOWN = 200  # characters
CHALLENGE = (("WWW-Authenticate", "X-API-TOKEN"),)  # every 401 must carry one (RFC 9110)


class Reply(NamedTuple):
    """An error reply; `headers` beside its content type."""

    status: int
    document: bytes
    headers: tuple[tuple[str, str], ...] = ()


def reply_to(error: Refused | Refusal | BadInput, call: Call) -> Reply:
    """The one reply to an error."""
    if isinstance(error, Refused):
        return _refused(error, call)
    if isinstance(error, BadInput):
        return Reply(*problems.of_bad_input(error, call.path, call.id))
    return Reply(*problems.of_refusal(error, call.path, call.id), _headers_of(error))


def _headers_of(error: Refusal) -> tuple[tuple[str, str], ...]:
    if isinstance(error, NotPermitted):
        return CHALLENGE
    if isinstance(error, Unavailable) and error.retry_after_s is not None:
        return (("Retry-After", str(error.retry_after_s)),)
    return ()


def _refused(error: Refused, call: Call) -> Reply:
    """401, 429, and 404 for an unknown path; `why` is for the log only."""
    call.why = error.why
    call.token_id = call.token_id or error.token_id
    if error.status == 401:
        return _plain(call, 401, "unauthorized", "A valid X-API-TOKEN is required.", *CHALLENGE)
    if error.status == 404:
        return _unknown_path(call)
    detail = f"{error.limit} Try again in {error.retry_after_s} s."
    return _plain(call, 429, "too_many_requests", detail, ("Retry-After", str(error.retry_after_s)))


def _unknown_path(call: Call) -> Reply:
    path = call.path[:PATH_SHOWN]
    call.why = f"{call.why or 'unknown path'}: {path}"
    hint = "/docs lists all paths" if call.is_plain else "write it without //, /./, /../ and needless percent-encoding"
    return _plain(call, 404, "not_found", f"There is no path {path}: {hint}.")


def _plain(call: Call, status: int, code: str, detail: str, *headers: tuple[str, str]) -> Reply:
    return Reply(status, problems.problem(status, code, detail, call.path, call.id), headers)


def document_of(fault: Fault, asked: list[tuple[bytes, bytes]]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of what the server itself refuses, to a request with these headers; it has no path.

    The id of the call is the caller's, if it came before the fault.
    """
    given = b",".join(value for name, value in asked if name == b"x-request-id")
    call_id = clean_request_id(given.decode("latin-1")) or os.urandom(8).hex()
    headers = [
        (b"x-request-id", call_id.encode()), (b"content-type", problems.CONTENT_TYPE.encode()), NO_SNIFFING, NOT_KEPT,
    ]  # fmt: skip
    if fault.status == 503:
        headers.append((b"retry-after", b"1"))
    return headers, problems.problem(fault.status, fault.code, LONG.get(fault, fault.detail), "", call_id)


class Faults:
    """Falcon's error handlers."""

    def __init__(self, gate: Gate, log_defect: Callable[[str, BaseException], None]) -> None:
        self._gate = gate
        self._log_defect = log_defect

    def add_to(self, app: "falcon.asgi.App[Request, Response]") -> None:
        """Let `app` answer every error through these."""
        app.add_error_handler(Exception, self._defect)
        app.add_error_handler(falcon.HTTPError, self._routing)
        for kind in (Refusal, BadInput, Refused):
            app.add_error_handler(kind, self._expected)

    @staticmethod
    def _send(resp: Response, reply: Reply) -> None:
        resp.status = reply.status
        resp.content_type = problems.CONTENT_TYPE
        resp.data = reply.document
        for name, value in reply.headers:
            resp.set_header(name, value)

    async def _expected(
        self, req: Request, resp: Response, error: Refused | Refusal | BadInput, params: object
    ) -> None:
        call = call_of(req)
        if isinstance(error, NotPermitted):
            call.why = f"a {call.actor.type} token may not call this"
            refused = self._gate.refusal(call.why, call.peer, call.forwarded)
            # The address pays for every 401. When its pool is empty, the reply is a 429 and not the type.
            if refused.status == 429:
                error = refused
        elif isinstance(error, TokenEnded):
            error = call.withdrawn("revoked or expired while the change waited")
        self._send(resp, reply_to(error, call))

    async def _routing(self, req: Request, resp: Response, error: falcon.HTTPError, params: object) -> None:
        """404 and 405 of the router; whatever else Falcon raises is bad input."""
        call = call_of(req)
        if isinstance(error, falcon.HTTPMethodNotAllowed):
            allow = dict(error.headers or {}).get("Allow", "")
            detail = f"{req.method} is not allowed here; allowed: {allow}."
            self._send(resp, _plain(call, 405, "method_not_allowed", detail, ("Allow", allow)))
        elif error.status_code == 404:
            self._send(resp, _unknown_path(call))
        else:
            self._send(resp, _plain(call, 400, "invalid_input", "The request cannot be read."))

    async def _defect(self, req: Request, resp: Response, error: Exception, params: object) -> None:
        """Anything unforeseen: the caller learns the request id, the log learns the rest."""
        call = call_of(req)
        self._log_defect(call.id, error)
        self._send(resp, reply_to(Defect(), call))
