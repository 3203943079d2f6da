"""One call: who makes it, what was asked, and the pieces every resource needs to read it and to answer it."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from falcon.asgi import Request, Response

from waypost.app.access import Holder
from waypost.app.actor import Actor
from waypost.app.commands import IdempotencyKey
from waypost.app.hub import Hub
from waypost.app.large_work import SLICE
from waypost.domain.refusals import TOKEN_TYPES, NotFound, NotPermitted
from waypost.http.bodies import Body
from waypost.http.gate import Gate, Refused
from waypost.http.paths import is_plain
from waypost.wire.body import read_json
from waypost.wire.faults import BadInput, Fault
from waypost.wire.pieces import Pieces, joined
from waypost.wire.preconditions import format_etag, read_idempotency_key, read_if_match
from waypost.wire.query import Params, fingerprint
from waypost.wire.scalars import parse_id

T = TypeVar("T")

BODY_AT_MOST = 1024 * 1024  # bytes
BULK_BODY_AT_MOST = 8 * 1024 * 1024
SHORT = 64 * 1024  # bytes: what is longer is read by a thread, one body after the other, so that other callers go on
JSON = "application/json"
_READER = ThreadPoolExecutor(1, "bodies")

ACCOUNT = frozenset({"account"})
ACCOUNT_SOURCE = frozenset({"account", "source"})
ACCOUNT_CHANNEL = frozenset({"account", "channel"})
EVERY_TOKEN = frozenset(TOKEN_TYPES)


class Operation(NamedTuple):
    """An operation of the contract: its operationId, the token types that may call it, its parameters."""

    id: str
    token_types: frozenset[str]
    params: Params
    shows_secret: bool = False  # such a reply is never compressed

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing: what does has a dry run (contract section 1.4)."""
        return "dryRun" not in self.params.names


class Call:
    """A call. Reading collects every fault before it raises, so that all are told at once.

    The door sets `actor`, `holder` and `gate`: on a path that needs no token there are none. `why` is for the log only.
    `path` is as it was sent where that is another spelling of a path (`is_plain` is false): there is no such path.
    """

    __slots__ = ("accept_encoding", "actor", "body", "counted", "faults", "forwarded", "gate", "headers", "holder",
                 "id", "incoming", "is_plain", "operation", "path", "peer", "pool_headers", "query_string", "req",
                 "token_id", "why")  # fmt: skip
    actor: Actor
    holder: Holder
    gate: Gate
    req: Request
    incoming: Body

    def __init__(self, scope: dict[str, Any], call_id: str, peer: str, forwarded: str | None) -> None:
        self.id = call_id
        raw_path: bytes = scope["raw_path"]
        self.is_plain = is_plain(raw_path)
        path: str = scope["path"]
        if not self.is_plain:
            path = raw_path.decode("latin-1")
        elif path.endswith("/") and path != "/":
            path = path[:-1]
        self.path = path
        self.counted: list[int | str] = []
        self.query_string: bytes = scope["query_string"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.accept_encoding: bytes | None = None
        self.peer = peer
        self.forwarded = forwarded
        self.token_id: int | None = None
        self.pool_headers: Iterable[tuple[bytes, bytes]] = ()  # what every reply to a good token says of its pool
        self.why: str | None = None
        self.operation: Operation | None = None
        self.faults: list[Fault] = []
        self.body = b""

    def begin(self, operation: Operation) -> None:
        """Check that this type of token may call the operation."""
        self.operation = operation
        if self.actor.type not in operation.token_types:
            raise NotPermitted(operation.token_types, self.actor.type)

    def query(self) -> dict[str, Any]:
        """The known parameters, parsed; what is wrong is remembered."""
        if self.operation is None:
            raise AssertionError("begin() comes first")
        return self.operation.params.read(self.query_string, self.faults)

    async def judge_again(self) -> None:
        """Raise `Refused` (401) if the token was revoked or has expired since the call began (contract section 1.3)."""
        why = await self.gate.why_ended(self.holder)
        if why is not None:
            raise self.withdrawn(why)

    def withdrawn(self, why: str) -> Refused:
        """The refusal of a call that was let in, and whose token has ended since; the same as at the gate."""
        self.pool_headers = ()
        return self.gate.refusal(why, self.peer, self.forwarded, self.token_id)

    async def json(self, type_: type[T], limit: int = BODY_AT_MOST) -> T | None:
        """The body as `type_`; None when it is faulty (the faults are remembered) or too long (raised).

        A body may come in slowly: the token is judged again when it is complete.
        """
        encoding = self.req.get_header("Content-Encoding")
        if encoding is not None and encoding.lower() != "identity":
            raise _encoded(encoding)
        self.body = await self.incoming.read(self.holder.token_id, self.req.get_header("Content-Length"), limit)
        await self.judge_again()
        content_type = self.req.get_header("Content-Type")
        try:
            if len(self.body) <= SHORT:
                return read_json(self.body, content_type, limit, type_)
            return await self._read_beside_others(content_type, limit, type_)
        except BadInput as error:
            if error.status != 400:
                raise
            self.faults += error.faults
            return None

    async def _read_beside_others(self, content_type: str | None, limit: int, type_: type[T]) -> T:
        self.incoming.is_coming = True
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(_READER, read_json, self.body, content_type, limit, type_)
        except BadInput:
            await self._was_read()
            raise
        await self._was_read()
        return found

    async def _was_read(self) -> None:
        self.incoming.is_coming = False
        await self.judge_again()  # the body may have had to wait for others

    def expected(self) -> frozenset[int] | str | None:
        """If-Match."""
        return read_if_match(self.headers, self.faults)

    def key(self, path_id: int | None, params: dict[str, Any]) -> IdempotencyKey | None:
        """Idempotency-Key with the fingerprint of this call; after the body was read. A dry run has none."""
        key = read_idempotency_key(self.headers, self.faults)
        if key is None or self.operation is None or params.get("dryRun"):
            return None
        known = b"%s %d %s" % (self.operation.id.encode(), path_id or 0, fingerprint(params))
        told = hashlib.blake2b(known + b"\0" + hashlib.sha256(self.body).digest(), digest_size=16).digest()
        return IdempotencyKey(self.actor.family or 0, key, self.operation.id, told)

    def check(self) -> None:
        """Raise every fault that was found, at once."""
        if self.faults:
            raise BadInput(self.faults)


def _encoded(encoding: str) -> BadInput:
    message = f"The body must be sent without Content-Encoding, not as {encoding[:80]}."
    fault = Fault("header", "Content-Encoding", "unsupported_media_type", message)
    return BadInput([fault], 415, fault.code)


def path_id(text: str, what: str = "fulfillment request") -> int:
    """An id from the path; one that is no id names nothing (404)."""
    id_ = parse_id(text)
    if id_ is None:
        raise NotFound(what)
    return id_


def answer(resp: Response, body: bytes, version: int | None = None, status: int = 200) -> None:
    """A JSON reply, with the ETag of the thing it shows."""
    resp.status = status
    resp.content_type = JSON
    resp.data = body
    if version is not None:
        resp.set_header("ETag", format_etag(version))


def no_content(resp: Response, version: int | None = None) -> None:
    """204."""
    resp.status = 204
    if version is not None:
        resp.set_header("ETag", format_etag(version))


def replayed(resp: Response, was: bool) -> None:
    """Tell that this is the answer to an earlier call with the same key."""
    if was:
        resp.set_header("Idempotent-Replayed", "true")


class Resource:
    """A Falcon resource of the hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def answer_list(self, resp: Response, pieces: Pieces, status: int = 200) -> None:
        """A JSON reply that may be long: it is rendered in slices, all of it before its first byte is sent."""
        parts = await self.hub.reads.large.collected(joined(pieces, SLICE), len)
        if len(parts) == 1:
            answer(resp, parts[0], status=status)
            return
        resp.status = status
        resp.content_type = JSON
        resp.set_header("Content-Length", str(sum(map(len, parts))))
        resp.stream = _sent(parts)


async def _sent(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def call_of(req: Request) -> Call:
    """The call that the door let in."""
    call: Call = req.scope["waypost.call"]
    call.req = req
    return call
