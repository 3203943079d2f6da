"""Toy applications behind the real server, in this process, and a client that sees the bytes as they come."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from waypost.http.faults import document_of
from waypost.http.refusals import Refusals
from waypost.server.admission import Surroundings
from waypost.server.limits import Limits
from waypost.server.server import Server

App = Callable[[Any, Any, Any], Awaitable[None]]


class Served:
    """A server of one application, and its clients."""

    def __init__(self, app: App, limits: Limits | None = None, stop_within_s: float = 5.0, **around: Any) -> None:
        self.defects: list[BaseException] = []
        self.refusals = Refusals()
        surroundings = Surroundings(document_of, self.refusals.count, self.defects.append, **around)
        self.server = Server(app, surroundings, limits or Limits())
        self.told_to_end = asyncio.Event()
        self._stop_within_s = stop_within_s
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self._clients: list[Client] = []
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.address[0]}:{self.address[1]}"

    async def __aenter__(self) -> "Served":
        serving = self.server.serve(self._listening, self.told_to_end, self._stop_within_s)
        self._running = asyncio.create_task(serving)
        return self

    async def __aexit__(self, *error: object) -> None:
        for client in self._clients:
            client.close()
        await self.stop()

    async def stop(self) -> None:
        """Tell it to stop, and wait until it has."""
        self.told_to_end.set()
        if self._running is not None:
            await self._running

    async def client(self, source: str = "127.0.0.1", unread: bool = False) -> "Client":
        """One more client, which connects from the address `source`; `unread`: it has little room for what it does not read."""
        raw = socket.socket()
        if unread:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.bind((source, 0))
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, self.address)
        except OSError:
            raw.close()
            raise
        reader, writer = await asyncio.open_connection(sock=raw, limit=2**16 if not unread else 2048)
        self._clients.append(Client(reader, writer))
        return self._clients[-1]


class Client:
    """A client that sees the bytes as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A head of these lines and a `Host`, and a body."""
        self.raw("\r\n".join((lines[0], "Host: hub", *lines[1:], "", "")).encode("latin-1") + body)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)

    async def head(self) -> str:
        """Status line and headers of the next answer, in small letters."""
        async with asyncio.timeout(10):
            return (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()

    async def answer(self) -> tuple[str, bytes]:
        """Head and body of the next answer."""
        head = await self.head()
        length = next((line for line in head.split("\r\n") if line.startswith("content-length:")), "content-length: 0")
        return head, await self.reader.readexactly(int(length.split(":")[1]))

    async def ended(self) -> bytes:
        """What is left until the server closes, or cuts the connection."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def sends_no_more(self) -> None:
        """Half of the connection is closed."""
        self._writer.write_eof()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def answering(body: bytes = b"hello", status: int = 200, *more: tuple[bytes, bytes], length: int | None = None) -> App:
    """An application that answers everything alike."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", str(len(body) if length is None else length).encode()), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers if status != 204 else [*more]})
        await send({"type": "http.response.body", "body": body})

    return app


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with method, path, raw path, query and body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    told = b"%s %s %s?%s %s" % (
        scope["method"].encode(), scope["path"].encode(), scope["raw_path"], scope["query_string"], body,
    )  # fmt: skip
    await answering(told)(scope, receive, send)
