"""A client that speaks ASGI to the real application with raw bytes, and judges every reply by the contract."""

import asyncio
import gzip
from typing import Any, NamedTuple

import msgspec

from tests.support.contract import CONTRACT, OPENAPI

# What the log says of a token that was good when the call began, and is no longer.
ENDED_MEANWHILE = ("since the call began", "while the change waited")


class Reply(NamedTuple):
    """What came back. Status 0: nothing did, because the caller had hung up."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as plain objects."""
        return msgspec.json.decode(self.body)

    def decoded(self) -> "Reply":
        """The reply with its body as it was before it was compressed."""
        packed = self.headers.get("content-encoding") == "gzip" and self.body
        return self._replace(body=gzip.decompress(self.body)) if packed else self


class Client:
    """Calls the application as a server would, without a socket: any bytes can be sent as they are."""

    def __init__(self, app: Any, token: str | None = None) -> None:
        self.app = app
        self.token = token

    def with_token(self, token: str | None) -> "Client":
        """The same application under another token."""
        return Client(self.app, token)

    async def call(
        self, method: str, target: str | bytes, headers: dict[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | None = None, json: Any = None, peer: str = "127.0.0.1", gone: asyncio.Event | None = None,
    ) -> Reply:  # fmt: skip
        """One call; `target` is path and query, sent as it is. It hangs up when `gone` is set."""
        raw = target.encode("latin-1") if isinstance(target, str) else target
        raw_path, _, query = raw.partition(b"?")
        given = list(headers.items()) if isinstance(headers, dict) else list(headers or ())
        if self.token is not None:
            given.append(("X-API-TOKEN", self.token))
        if json is not None:
            body = msgspec.json.encode(json)
            given.append(("Content-Type", "application/json"))
        scope = self._scope(method, raw_path, query, given, peer)
        reply, has_pool = await self._run(scope, body or b"", gone or asyncio.Event())
        if OPENAPI.exists() and reply.status:
            CONTRACT.judge(method, scope["path"], reply.decoded(), has_pool)
        return reply

    def _scope(
        self, method: str, raw_path: bytes, query: bytes, given: list[tuple[str, str]], peer: str
    ) -> dict[str, Any]:
        from urllib.parse import unquote

        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
            "server": ("127.0.0.1", 8080), "client": (peer, 40000), "scheme": "http", "method": method,
            "root_path": "", "path": unquote(raw_path.decode("ascii", "replace")), "raw_path": raw_path,
            "query_string": query, "state": {},
            "headers": [(b"host", b"127.0.0.1"), *((n.lower().encode(), v.encode("latin-1")) for n, v in given)],
        }  # fmt: skip

    async def _run(self, scope: dict[str, Any], body: bytes, gone: asyncio.Event) -> tuple[Reply, bool]:
        """The reply, and whether the call has a good token at a hub that has a rate."""
        messages: list[dict[str, Any]] = []
        has_pool = False
        sent = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if sent:
                return sent.pop(0)
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal has_pool
            if not messages:
                has_pool = _has_pool(scope)  # the application forgets its call at its end
            messages.append(message)

        await self.app(scope, receive, send)
        if not messages:
            assert gone.is_set(), "no reply, to a caller that waits for one"
            return Reply(0, {}, b""), False
        headers = {name.decode(): value.decode("latin-1") for name, value in messages[0].get("headers", ())}
        return Reply(messages[0]["status"], headers, b"".join(m.get("body", b"") for m in messages[1:])), has_pool

    async def get(self, target: str | bytes, **more: Any) -> Reply:
        """GET."""
        return await self.call("GET", target, **more)

    async def patch(self, target: str | bytes, **more: Any) -> Reply:
        """PATCH."""
        return await self.call("PATCH", target, **more)

    async def post(self, target: str | bytes, **more: Any) -> Reply:
        """POST."""
        return await self.call("POST", target, **more)


def _has_pool(scope: dict[str, Any]) -> bool:
    """Whether the call that is being answered drew from a token's pool, and its token is still good."""
    call = scope.get("waypost.call")
    if not hasattr(call, "gate") or call.gate.rate is None:
        return False
    return not any(words in (call.why or "") for words in ENDED_MEANWHILE)
