"""A small TCP proxy before PostgreSQL: counts round trips, and cuts or freezes the wire at the moment a test chooses."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from urllib.parse import parse_qs, urlsplit, urlunsplit

Cut = Callable[[bytes], bool]


def server_of(url: str) -> tuple[str, int]:
    """Host (a folder: a Unix socket) and port of a PostgreSQL URL."""
    parts = urlsplit(url)
    given = parse_qs(parts.query)
    host = given.get("host", [parts.hostname or "127.0.0.1"])[0]
    return host, int(given.get("port", [str(parts.port or 5432)])[0])


class Proxy:
    """Stands before the server of `url`; `self.url` leads through it."""

    def __init__(self, url: str) -> None:
        self._host, self._port = server_of(url)
        self._given = urlsplit(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.round_trips = 0
        self.cuts = 0
        self.refusing = False
        # Cut when the client sends this: before the server gets it, or once the server has answered it.
        self.cut_before: Cut | None = None
        self.cut_after: Cut | None = None
        # Forward nothing any more, on any connection, from the moment when the client sends this; nobody is told.
        self.freeze_before: Cut | None = None
        self._flows = asyncio.Event()
        self._flows.set()

    @property
    def is_frozen(self) -> bool:
        """Whether nothing is forwarded."""
        return not self._flows.is_set()

    def freeze(self) -> None:
        """Forward nothing, and keep every connection open; new ones, too, are taken and not forwarded."""
        self._flows.clear()

    def thaw(self) -> None:
        """Forward again, first what was held back."""
        self._flows.set()

    async def passed(self) -> None:
        """Wait while the wire is frozen."""
        await self._flows.wait()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = self._given.netloc.rpartition("@")[0] or "postgres:"
        self.url = urlunsplit(("postgresql", f"{user}@127.0.0.1:{port}", self._given.path, "", ""))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.thaw()
        self.drop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def drop(self) -> None:
        """Cut every connection now."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.refusing:
            writer.transport.abort()
            return
        if self._host.startswith("/"):
            opened = asyncio.open_unix_connection(f"{self._host}/.s.PGSQL.{self._port}")
        else:
            opened = asyncio.open_connection(self._host, self._port)
        from_server, to_server = await opened
        self._writers |= {writer, to_server}
        try:
            await _Link(self, reader, writer, from_server, to_server).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for one in (writer, to_server):
                self._writers.discard(one)
                one.transport.abort()


class _Link:
    """One client's connection."""

    def __init__(
        self, proxy: Proxy, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter,
        from_server: asyncio.StreamReader, to_server: asyncio.StreamWriter,
    ) -> None:  # fmt: skip
        self._proxy = proxy
        self._from_client, self._to_client = from_client, to_client
        self._from_server, self._to_server = from_server, to_server
        self._servers_turn = False
        self._mute = False

    async def run(self) -> None:
        """Until either side ends, or the wire is cut."""
        ways = {asyncio.ensure_future(self._there()), asyncio.ensure_future(self._back())}
        _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in left:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _there(self) -> None:
        proxy = self._proxy
        while data := await self._from_client.read(65536):
            if not self._servers_turn:
                self._servers_turn = True
                proxy.round_trips += 1
            if proxy.freeze_before is not None and proxy.freeze_before(data):
                proxy.freeze_before = None
                proxy.freeze()
            await proxy.passed()
            if proxy.cut_before is not None and proxy.cut_before(data):
                proxy.cut_before = None
                proxy.cuts += 1
                return
            if proxy.cut_after is not None and proxy.cut_after(data):
                proxy.cut_after = None
                self._mute = True
            self._to_server.write(data)
            await self._to_server.drain()

    async def _back(self) -> None:
        while data := await self._from_server.read(65536):
            await self._proxy.passed()
            if self._mute:
                self._proxy.cuts += 1
                return
            self._servers_turn = False
            self._to_client.write(data)
            await self._to_client.drain()


def sends(text: bytes) -> Cut:
    """A chooser of the moment: the client's message holds `text`."""
    return lambda data: text in data
