"""One HTTP call to an address that a setting names: bounded, never redirected, never repeated on its own."""

import asyncio
import errno
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from waypost.outgoing.connections import UNREAD_AT_MOST, GuardedConnector, guard_of_call
from waypost.outgoing.targets import CheckedResolver, Forbidden, Targets

KEEP_ALIVE_S = 4.0  # shorter than what servers close idle connections after, so that few calls meet a closed one
READ_AT_ONCE = 4 * 1024  # bytes; of an answer in chunks of a byte each, the event loop handles twice as many in one go
USER_AGENT = "Waypost"


class Answer(NamedTuple):
    """What came back. `complete`: the body was not longer than allowed."""

    status: int
    headers: Mapping[str, str]  # whatever case a name is asked for in
    body: bytes
    complete: bool


class NotSent(Exception):
    """Nothing that could be acted on has reached the other side; the message is for a person.

    `forbidden`: the address may not be called. `permanent`: the same call can never be sent.
    """

    def __init__(self, message: str, forbidden: bool = False, permanent: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.forbidden = forbidden
        self.permanent = permanent


class NoAnswer(Exception):
    """It was sent, at least in part, and nobody knows what became of it; the message is for a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _LostError(Exception):
    """A connection that ended before its answer: of a kind that the library does not answer with another try."""


class _Body(aiohttp.BytesPayload):
    """Notes when the library begins to write it: a call with a body that was not begun has not been sent."""

    was_begun = False

    async def write(self, writer: AbstractStreamWriter) -> None:
        self.was_begun = True
        await super().write(writer)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self.was_begun = True
        await super().write_with_length(writer, content_length)


async def _never_again(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp repeats an idempotent method when a kept connection turns out closed. An order is not for repeating."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _LostError(str(error)) from error


_ONCE = (_never_again,)
_REPEATED = ("GET", "PUT")  # what the library repeats, of the methods that are used here


@lru_cache(maxsize=256)
def _timeout(total_s: float, connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, connect=min(connect_s, total_s))


class Caller:
    """Makes calls. Opened lazily, in the loop that uses it; `close` it there."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def _session(self, secure: bool) -> aiohttp.ClientSession:
        found = self._sessions.get(secure)
        if found is None:
            connector = GuardedConnector(
                limit=0, resolver=CheckedResolver(self.targets, secure), use_dns_cache=False,
                socket_factory=self.targets.sockets(secure), keepalive_timeout=KEEP_ALIVE_S,
            )  # fmt: skip
            found = self._sessions[secure] = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=True,
                headers={"User-Agent": USER_AGENT}, read_bufsize=READ_AT_ONCE,
            )  # fmt: skip
        return found

    async def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float,
        connect_s: float, at_most: int,
    ) -> Answer:  # fmt: skip
        """One call. `at_most` bytes of the answer are read. Raises `NotSent` or `NoAnswer`."""
        guard_of_call.set(None)
        sent = None if body is None else _Body(body)
        try:
            judged = self.targets.guard(url)
            session = self._session(judged.scheme == "https")
            async with session.request(
                method, judged, headers=headers, data=sent, timeout=_timeout(timeout_s, connect_s),
                allow_redirects=False, middlewares=_ONCE if method in _REPEATED else None,
            ) as response:  # fmt: skip
                return await _answered(response, at_most)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError, aiohttp.InvalidURL, Forbidden) as error:
            permanent = isinstance(error, aiohttp.InvalidURL)
            raise NotSent(_words(error), _is_forbidden(error), permanent) from error
        except Exception as error:
            if sent is not None and not sent.was_begun:
                raise NotSent(*_why_unsent(error)) from error
            if isinstance(error, TimeoutError):
                raise NoAnswer(f"No answer within {timeout_s:g} s.") from error
            raise NoAnswer(_words(error)) from error

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        await asyncio.sleep(0)  # connections say good-bye in the loop's next round


async def _answered(response: aiohttp.ClientResponse, at_most: int) -> Answer:
    guard = guard_of_call.get()
    if guard is None:
        raise AssertionError("a response has a connection")
    guard.expect_body()
    try:
        return await _read(response, at_most)
    finally:
        guard.expect_head()


async def _read(response: aiohttp.ClientResponse, at_most: int) -> Answer:
    headers = response.headers
    length = response.content_length
    if length is not None and length <= min(at_most, READ_AT_ONCE) and "content-encoding" not in headers:
        return Answer(response.status, headers, await response.read(), True)  # what it says it is, it can at most be
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(READ_AT_ONCE):
        parts.append(part)
        size += len(part)
        if size > at_most:
            response.close()  # the rest is of no interest, and may be endless
            break
    return Answer(response.status, headers, b"".join(parts)[:at_most], size <= at_most)


def _is_forbidden(error: BaseException) -> bool:
    return isinstance(error, Forbidden) or isinstance(getattr(error, "os_error", None), Forbidden)


def _why_unsent(error: Exception) -> tuple[str, bool, bool]:
    """What kept a call from being sent: `NotSent`'s arguments."""
    if isinstance(error, TypeError | ValueError):  # the library refuses the headers or the URL
        return "The call cannot be sent with these settings: a header or the URL is not valid HTTP.", False, True
    return "The connection could not be used: nothing was sent.", False, False


_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the connection was closed at once",
    errno.ETIMEDOUT: "it does not answer",
    errno.EHOSTUNREACH: "there is no route to it",
    errno.ENETUNREACH: "there is no route to it",
}


def _words(error: BaseException) -> str:
    """What went wrong, for a person: no address that a name resolves to, and no words of a library."""
    guard = guard_of_call.get()
    if guard is not None and guard.was_flooded:
        size = UNREAD_AT_MOST // 1024
        return f"The other side sent more than {size} KiB and no answer: Waypost closed the connection."
    inner = getattr(error, "os_error", None)
    if isinstance(error, Forbidden) or isinstance(inner, Forbidden):
        return str(inner or error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError) or isinstance(inner, ssl.SSLError):
        return "The certificate of the other side is not valid."
    if isinstance(error, aiohttp.InvalidURL):
        return "The call cannot be sent with these settings: the URL is not valid."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The name of the host cannot be resolved."
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "The host does not answer."
    if isinstance(error, aiohttp.ClientConnectorError):
        # The system's own words show the address; those of several attempts have no number.
        reason = _REASONS.get(getattr(inner, "errno", None) or 0, "no connection can be made")
        return f"The host cannot be reached: {reason}."
    if isinstance(error, _LostError | aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "The connection ended before the answer."
    return "The answer cannot be read."
