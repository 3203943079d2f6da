"""Behind a real nginx with keep-alive: both read the same requests, nobody gets a 502, and forwarded addresses count."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urljoin

import pytest

from tests.fault.merchant import TOKEN, fill
from tests.support.nginx import Nginx, Passed
from tests.support.process import ServerProcess

ANSWERED_WITHIN_S = 10.0
BEHIND = ("--no-worker", "--trusted-proxy", "127.0.0.1/32")


class Answer(NamedTuple):
    """What a client got. nginx sends no request id of its own, so that an answer without one is nginx's."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str | None:
        """The request that the hub has answered; None: nginx has answered."""
        return self.headers.get("x-request-id")


class Client:
    """One connection, on which a test sends any bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)

    async def answer(self, method: str = "GET") -> Answer | None:
        """The next answer that is final; None: the connection has ended."""
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while True:
                try:
                    head = await self._reader.readuntil(b"\r\n\r\n")
                except asyncio.IncompleteReadError as ended:
                    if ended.partial:
                        raise
                    return None
                except ConnectionError:
                    return None
                first, *lines = head.decode("latin-1").split("\r\n")[:-2]
                status = int(first.split()[1])
                if status >= 200:
                    break
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            return Answer(status, headers, await self._body(method, status, headers))

    async def _body(self, method: str, status: int, headers: dict[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        assert headers.get("transfer-encoding") == "chunked", headers
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += (await self._reader.readexactly(size + 2))[:-2]
        await self._reader.readexactly(2)
        return body

    async def ask(self, *lines: str, body: bytes = b"") -> Answer:
        """Send a request of these lines, and the answer to it."""
        self.send(request(*lines, body=body))
        answer = await self.answer(lines[0].partition(" ")[0])
        assert answer is not None, "the connection has ended without an answer"
        return answer


def request(*lines: str, body: bytes = b"") -> bytes:
    """A request as bytes, with a Host where there is none."""
    return "\r\n".join((*lines, "Host: waypost.test", "", "")).encode("latin-1") + body


@asynccontextmanager
async def connected(port: int, address: str = "127.0.0.1") -> AsyncIterator[Client]:
    """A connection to nginx from one of the loopback's addresses."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def behind(
    folder: Path, *options: str, kept: int = 16, kept_ms: int = 60_000, default_rates: bool = False
) -> AsyncIterator[tuple[ServerProcess, Nginx]]:
    """A hub with one merchant, and an nginx before it."""
    url = f"sqlite:///{folder}/hub.db"
    await fill(url, 1)
    async with (
        ServerProcess(url, folder / "hub.log", *BEHIND, *options, default_rates=default_rates) as hub,
        Nginx(hub.port, folder / "nginx", kept, kept_ms) as nginx,
    ):
        yield hub, nginx


def logged(folder: Path) -> list[dict[str, Any]]:
    """The lines of the hub's log, without what is no JSON."""
    return [json.loads(line) for line in (folder / "hub.log").read_text().splitlines() if line.startswith("{")]


# Requests of two meanings

GOOD = f"X-API-TOKEN: {TOKEN}"
HOST = "Host: waypost.test"
SMUGGLED = f"GET /account HTTP/1.1\r\n{HOST}\r\n{GOOD}\r\nX-Request-Id: smuggled\r\n\r\n"
CHUNKS = "2\r\n{}\r\n0\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
TWO = "Content-Length: 2"  # bytes: {}
SECOND = f"Content-Length: {len(SMUGGLED)}"
SECOND_CHUNK = f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n"
# By whom, and then with what the marker behind it is answered; None: nginx closes.
BOTH, NGINX_400, NGINX_501 = ("hub 200", "marker"), ("nginx 400",), ("nginx 501",)
BAD, NO_TOKEN, NO_PATH = ("hub 400", "marker"), ("hub 401", "marker"), ("hub 404", "marker")
REFUSED = ("", "", "malformed")  # what is no HTTP for the hub: its log only counts it
NOT_HTTP = ("hub, without an id, 400", "marker")


class Shape(NamedTuple):
    """A request that two programs may read differently, and how it and a marker right behind it are answered.

    `lax`: on nginx's lax port, where that differs.
    """

    name: str
    data: str
    answers: tuple[str, ...]
    lax: tuple[str, ...] | None = None


def get(*lines: str, target: str = "/account", method: str = "GET", version: str = "1.1", body: str = "") -> str:
    """A call with a good token. Lines that hold a Host replace the usual one."""
    host = () if any("host" in line.lower() for line in lines) else (HOST,)
    return "\r\n".join((f"{method} {target} HTTP/{version}", *host, GOOD, "X-Request-Id: shape", *lines, "", body))


def post(*lines: str, body: str = "{}", target: str = "/orders", version: str = "1.1") -> str:
    """A call whose body is read, and is no order."""
    return get("Content-Type: application/json", *lines, target=target, method="POST", version=version, body=body)


def unknown(*lines: str, body: str = "{}") -> str:
    """A call without a token: its body is never read."""
    return post(*lines, body=body).replace(f"{GOOD}\r\n", "", 1)  # not those of the body


SHAPES = (
    # Where does the body end?
    Shape("length and chunked", post("Content-Length: 5", CHUNKED, body="0\r\n\r\n" + SMUGGLED), NGINX_400),
    Shape("chunked and length", post(CHUNKED, "Content-Length: 4", body=CHUNKS), NGINX_400),
    Shape("blank before the colon", post("Transfer-Encoding : chunked", body=CHUNKS), NGINX_400),
    Shape("chunked, identity", post("Transfer-Encoding: chunked, identity", body=CHUNKS), NGINX_501),
    Shape("identity, chunked", post("Transfer-Encoding: identity, chunked", body=CHUNKS), NGINX_501),
    Shape("gzip, chunked", post("Transfer-Encoding: gzip, chunked", body=CHUNKS), NGINX_501),
    Shape("xchunked", post("Transfer-Encoding: xchunked", body=CHUNKS), NGINX_501),
    Shape("tab before chunked", post("Transfer-Encoding:\tchunked", body=CHUNKS), NGINX_501),
    Shape("no encoding", post("Transfer-Encoding:", TWO), NGINX_501),
    Shape("chunked twice", post(CHUNKED, CHUNKED, body=CHUNKS), NGINX_400),
    Shape("CHUNKED", post("Transfer-Encoding: CHUNKED", body=CHUNKS), BAD),
    Shape("chunked in HTTP/1.0", post(CHUNKED, body=CHUNKS, version="1.0"), NGINX_400),
    Shape("underscore", post("Transfer_Encoding: chunked", f"Content-Length: {len(CHUNKS)}", body=CHUNKS), BAD),
    Shape("two lengths", post(TWO, f"Content-Length: {2 + len(SMUGGLED)}", body="{}" + SMUGGLED), NGINX_400),
    Shape("list of lengths", post("Content-Length: 2, 2"), NGINX_400),
    Shape("signed length", post("Content-Length: +2"), NGINX_400),
    Shape("length beyond 64 bits", post("Content-Length: 18446744073709551618"), NGINX_400),
    Shape("length with zeros", post("Content-Length: 0002"), BAD),
    Shape("chunk extensions", post(CHUNKED, body='2;a=b;c="d"\r\n{}\r\n0;x\r\n\r\n'), BAD),
    Shape("bare LF in chunks", post(CHUNKED, body="2;a\n{}\n0\n\n"), BAD),
    Shape("chunk beyond 64 bits", post(CHUNKED, body="ffffffffffffffff2\r\n{}\r\n0\r\n\r\n"), NGINX_400),
    Shape("token in a trailer", unknown(CHUNKED, "Trailer: X-API-TOKEN", body=f"2\r\n{{}}\r\n0\r\n{GOOD}\r\n\r\n"), NO_TOKEN),
    Shape("length in a trailer", post(CHUNKED, body=f"2\r\n{{}}\r\n0\r\n{SECOND}\r\n\r\n"), BAD),
    # A second request in the body of the first
    Shape("second in a body", post(SECOND, body=SMUGGLED), BAD),
    Shape("second in a chunk", post(CHUNKED, body=SECOND_CHUNK), BAD),
    Shape("second, body unread", unknown(SECOND, body=SMUGGLED), NO_TOKEN),
    Shape("second, chunk unread", unknown(CHUNKED, body=SECOND_CHUNK), NO_TOKEN),
    Shape("second, unread at length", unknown("Content-Length: 100000", body=SMUGGLED.ljust(100_000)), NO_TOKEN),
    Shape("second, no such path", post(SECOND, body=SMUGGLED, target="/nowhere"), NO_PATH),
    Shape("second behind GET", get(SECOND, body=SMUGGLED), BOTH),
    Shape("second behind GET, chunked", get(CHUNKED, body=SECOND_CHUNK), BOTH),
    Shape("second behind HEAD", get(SECOND, method="HEAD", body=SMUGGLED), BOTH),
    Shape("second behind DELETE", get(SECOND, method="DELETE", body=SMUGGLED), ("hub 405", "marker")),
    Shape("second behind OPTIONS", get(SECOND, method="OPTIONS", body=SMUGGLED), ("hub 204", "marker")),
    # What asks for another protocol, or another connection
    Shape("expect", post("Expect: 100-continue", TWO), BAD),
    Shape("expect, unread", unknown("Expect: 100-continue", SECOND, body=SMUGGLED), NO_TOKEN),
    Shape("expect, chunked", post("Expect: 100-continue", CHUNKED, body=CHUNKS), BAD),
    Shape("h2c", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"), BOTH),
    Shape("h2c with a second", post("Connection: Upgrade", "Upgrade: h2c", SECOND, body=SMUGGLED), BAD),
    Shape("connection names length", post("Connection: Content-Length", TWO), BAD),
    Shape("close", get("Connection: close"), ("hub 200",)),
    Shape("HTTP/1.0", get(version="1.0"), ("hub 200",)),
    Shape("HTTP/1.0 keeps", get("Connection: keep-alive", version="1.0"), BOTH),
    Shape("HTTP/1.2", get(version="1.2"), BOTH),
    # Lines of the head
    Shape("bare LF", get().replace("\r\n", "\n"), BOTH),
    Shape("bare CR", get("X-A: b\rTransfer-Encoding: chunked"), NGINX_400),
    Shape("folded line", post("X-A: b", " Transfer-Encoding: chunked", TWO), NGINX_400),
    Shape("folded encoding", post("Transfer-Encoding:", " chunked", TWO), NGINX_400),
    Shape("control character", get("X-A: a\x01b"), BAD),
    Shape("no colon", get("X-A"), BOTH),
    Shape("name of 8 bits", get("X-\xff: a"), BOTH, NOT_HTTP),
    Shape("empty lines first", "\r\n\r\n" + get(), BOTH),
    Shape("two tokens", get(GOOD), NO_TOKEN),
    Shape("two hosts", get(HOST, "Host: elsewhere.test"), NGINX_400),
    Shape("host with a user", get("Host: a@waypost.test"), BAD),
    Shape("unknown method", get(method="PURGE"), ("hub 501", "marker")),
    # The target
    Shape("absolute", get(target="http://waypost.test/account"), BOTH),
    Shape("absolute, other host", get(target="http://elsewhere.test/account"), BOTH),
    Shape("absolute, two slashes", get(target="http://waypost.test//account"), NO_PATH),
    Shape("two slashes", get(target="//account"), NO_PATH),
    Shape("encoded slash", get(target="/%2faccount"), NO_PATH),
    Shape("encoded slash inside", get(target="/orders%2F1"), NO_PATH),
    Shape("dot", get(target="/./account"), NO_PATH),
    Shape("two dots", get(target="/orders/../account"), NO_PATH),
    Shape("encoded dots", get(target="/orders/%2e%2e/account"), NO_PATH),
    Shape("encoded letter", get(target="/%61ccount"), NO_PATH),
    Shape("backslashes", get(target="/orders\\..\\account"), NO_PATH),
    Shape("encoded line end", get(target="/account%0d%0aX:y"), NO_PATH),
    Shape("fragment", get(target="/account#x"), BAD),
    Shape("not ASCII", get(target="/acc\xc3\xb6unt"), NOT_HTTP),
)  # fmt: skip


def named(answer: Answer, id_: str) -> str:
    """By whom, and how: as the shapes say it."""
    if answer.id is None:
        return f"nginx {answer.status}"
    if answer.id == id_:
        return f"hub {answer.status}"
    return f"hub, {'under the id ' + answer.id if '-' in answer.id else 'without an id'}, {answer.status}"


async def answers_to(client: Client, shape: Shape, id_: str, account: bytes) -> tuple[str, ...]:
    """How a shape is answered, and the marker right behind it."""
    marker = f"marker-{id_}"
    data = shape.data.replace("X-Request-Id: shape", f"X-Request-Id: {id_}").encode("latin-1")
    client.send(data + request("GET /account HTTP/1.1", GOOD, f"X-Request-Id: {marker}"))
    answer = await client.answer(shape.data.split(maxsplit=1)[0])
    found = []
    while answer is not None:
        is_marker = (answer.status, answer.id, answer.body) == (200, marker, account)
        found.append("marker" if is_marker else named(answer, id_))
        if is_marker:
            break
        answer = await client.answer()
    return tuple(found)


def sockets_of(pid: int) -> set[str]:
    """The sockets that a process has open; no two of them ever have the same name."""
    names = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.add(str(file.readlink()))
    return {name for name in names if name.startswith("socket:")}


def complaints(nginx: Nginx) -> list[str]:
    """What nginx has to say of the hub: an answer that it did not ask for, or a connection that broke off."""
    return [line for line in nginx.errors().splitlines() if "upstream" in line and "is buffered to" not in line]


def as_nginx_says(passed: Iterable[Passed]) -> Counter[tuple[str, str, str]]:
    """How often each id, method and status was passed on."""
    return Counter(
        REFUSED if one.hub_closes and one.hub_status in ("400", "501") else (one.id, one.method, one.hub_status)
        for one in passed
    )


def as_hub_says(lines: Iterable[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    """The same, of the requests that the hub has logged."""
    found: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        if "method" in line:
            found[line["id"], line["method"], str(line["status"])] += 1
        elif "refused" in line:
            found["", "", line["refused"]] += line["count"]
    return found


def disagreement(nginx: Nginx, lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The requests that nginx's log and these lines of the hub's log do not have equally often: how often each has."""
    passed, read = as_nginx_says([one for one in nginx.log() if one.reached_hub]), as_hub_says(lines)
    return {one: (passed[one], read[one]) for one in passed | read if passed[one] != read[one]}


@pytest.mark.parametrize("lax", [False, True], ids=["strict", "lax"])
async def test_nothing_is_read_differently(tmp_path: Path, lax: bool) -> None:
    """Whatever nginx passes on, on one connection, the hub reads as the same requests, each with its own answer."""
    wrong: dict[str, tuple[str, ...]] = {}
    async with behind(tmp_path, kept=1) as (hub, nginx):
        port = nginx.lax_port if lax else nginx.port
        earlier, seen = len(logged(tmp_path)), sockets_of(hub.pid)
        connections: set[str] = set()
        async with connected(port) as other:
            account = (await other.ask("GET /account HTTP/1.1", GOOD, "X-Request-Id: first")).body
            for number, shape in enumerate(SHAPES):
                async with connected(port) as client:
                    found = await answers_to(client, shape, f"shape-{number}", account)
                id_ = f"other-{number}"
                after = await other.ask("GET /account HTTP/1.1", GOOD, f"X-Request-Id: {id_}")
                if (after.status, after.id, after.body) != (200, id_, account):
                    found = (*found, f"and another client got: {named(after, id_)}")
                if found != ((shape.lax if lax else None) or shape.answers):
                    wrong[shape.name] = found
                connections |= sockets_of(hub.pid) - seen
        assert await hub.stop() == 0
        await nginx.stop()
    assert not wrong
    assert not complaints(nginx)
    assert not disagreement(nginx, logged(tmp_path)[earlier:])
    assert len(connections) == 1 + sum(one.hub_closes for one in nginx.log())  # all others came in on one


async def test_a_body_that_comes_after_its_answer(tmp_path: Path) -> None:
    """Without a token the head is enough for a 401. The body behind it is nobody's request."""
    calls = {
        "length": (unknown(SECOND, body=""), SMUGGLED),
        "chunks": (unknown(CHUNKED, body=""), SECOND_CHUNK),
        "large": (unknown(f"Content-Length: {len(SMUGGLED) * 2000}", body=""), SMUGGLED * 2000),
    }
    async with behind(tmp_path, kept=1) as (hub, nginx):
        earlier = len(logged(tmp_path))
        async with connected(nginx.lax_port) as other:
            for name, (head, body) in calls.items():
                async with connected(nginx.lax_port) as client:
                    client.send(head.encode())
                    answer = await client.answer()
                    assert answer is not None
                    assert (answer.status, answer.id) == (401, "shape"), name
                    client.send(body.encode())
                    after = await other.ask("GET /account HTTP/1.1", GOOD, f"X-Request-Id: {name}")
                    assert (after.status, after.id) == (200, name)
        assert await hub.stop() == 0
        await nginx.stop()
    assert not complaints(nginx)
    assert not disagreement(nginx, logged(tmp_path)[earlier:])
    assert Counter(one.id for one in nginx.log()) == {"shape": len(calls), **dict.fromkeys(calls, 1)}


# Kept connections

CALLS, AT_ONCE = 2000, 20
KEPT_MS = 100  # by nginx
PAUSES_MS = range(KEPT_MS - 20, KEPT_MS + 22, 2)


async def test_no_call_meets_a_connection_that_ends(tmp_path: Path) -> None:
    """nginx repeats a GET whose connection had just ended, but no POST: it would be a 502."""
    answered: Counter[int] = Counter()
    async with behind(tmp_path, "--idle-timeout", "1", kept=AT_ONCE, kept_ms=KEPT_MS) as (hub, nginx):

        async def call(client: Client, number: int) -> None:
            token = (GOOD,) if number % 2 else ()
            lines = ("POST /orders HTTP/1.1", *token, "Content-Type: application/json", TWO)
            answered[(await client.ask(*lines, body=b"{}")).status] += 1

        async def calls(count: int) -> None:
            async with connected(nginx.port) as client:
                for number in range(count):
                    await call(client, number)

        await asyncio.gather(*(calls(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
        assert answered == {400: CALLS // 2, 401: CALLS // 2}
        before = sockets_of(hub.pid)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(nginx.port)) for _ in range(4)]
            for pause_ms in PAUSES_MS:
                await asyncio.sleep(pause_ms / 1000)
                await asyncio.gather(*(call(client, number) for number, client in enumerate(clients)))
        answered.subtract({400: CALLS // 2, 401: CALLS // 2})
        assert answered == {400: 2 * len(PAUSES_MS), 401: 2 * len(PAUSES_MS)}
        assert sockets_of(hub.pid) - before  # some pauses were too long for nginx
        await nginx.stop()
    assert not complaints(nginx)


# Whose address counts


async def test_who_has_no_token_is_limited_by_its_own_address(tmp_path: Path) -> None:
    """10 calls in one go and 5 a second, for each address that nginx has seen; what a client says of itself is nothing."""
    async with behind(tmp_path, default_rates=True) as (hub, nginx):

        async def ask(client: Client, *lines: str) -> int:
            return (await client.ask("GET /account HTTP/1.1", *lines)).status

        async with (
            connected(nginx.port, "127.0.0.2") as greedy,
            connected(nginx.port, "127.0.0.3") as modest,
        ):
            began_s = time.monotonic()
            greedily = Counter([await ask(greedy) for _ in range(30)])
            for last in range(10, 40):
                greedily[await ask(greedy, f"X-Forwarded-For: 127.0.0.{last}")] += 1
            for forged in ("127.0.0.3", "127.0.0.3, 127.0.0.1", "127.0.0.3,", "unknown", "127.0.0.1", "[::1]:80"):
                greedily[await ask(greedy, f"X-Forwarded-For: {forged}", "X-Forwarded-For: 127.0.0.3")] += 1
            let_in = 10 + int(5 * (time.monotonic() - began_s)) + 1
            assert set(greedily) == {401, 429}
            assert 10 <= greedily[401] <= let_in < 40
            assert [await ask(modest) for _ in range(10)] == [401] * 10  # nobody has used up its calls
            assert await ask(greedy, GOOD) == 200
        assert await hub.stop() == 0
    counted = {line["last_from"] for line in logged(tmp_path) if line.get("refused") == "rate_of_address"}
    assert counted == {"127.0.0.2"}


CLIENTS = [f"127.0.0.{last}" for last in range(2, 8)]
OF_ADDRESS = 5


async def test_calls_under_way_are_limited_by_address(tmp_path: Path) -> None:
    """Connections of nginx are not counted; the unfinished calls of one of its clients are."""
    poll = ("GET /events?after=latest&wait=30 HTTP/1.1", GOOD)
    async with (
        behind(tmp_path, "--max-connections-per-address", str(OF_ADDRESS), kept=64) as (hub, nginx),
        AsyncExitStack() as stack,
    ):

        async def client(address: str) -> Client:
            return await stack.enter_async_context(connected(nginx.port, address))

        async def polled(address: str) -> tuple[str, int]:
            return address, (await (await client(address)).ask(*poll)).status

        before = sockets_of(hub.pid)
        polls = {asyncio.create_task(polled(address)) for address in CLIENTS for _ in range(OF_ADDRESS + 1)}
        turned_away: set[tuple[str, int]] = set()
        while len(turned_away) < len(CLIENTS):
            done, polls = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
            turned_away |= {task.result() for task in done}
        assert turned_away == {(address, 429) for address in CLIENTS}
        assert len(polls) == len(CLIENTS) * OF_ADDRESS
        assert len(sockets_of(hub.pid) - before) >= len(polls)
        account = ("GET /account HTTP/1.1", GOOD)
        full = await client(CLIENTS[0])
        assert (await full.ask(*account, "X-Forwarded-For: 127.0.0.99")).status == 429
        another = await client("127.0.0.99")
        assert (await another.ask(*account)).status == 200
        await happen(another)
        assert {(await task)[1] for task in polls} == {200}

        async def status() -> int:
            return (await full.ask(*account)).status

        assert await status() == 200
        async with AsyncExitStack() as hanging_up:  # nginx closes its connection to the hub, too
            for _ in range(OF_ADDRESS):
                waiting = await hanging_up.enter_async_context(connected(nginx.port, CLIENTS[0]))
                waiting.send(request(*poll))
            await until(status, 429)
        await until(status, 200)


async def until(look: Callable[[], Awaitable[int]], status: int) -> None:
    """Wait for this status."""
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while await look() != status:
            await asyncio.sleep(0.01)


async def happen(client: Client) -> None:
    """Let something happen that the events tell."""
    found = await client.ask("GET /fulfillment-requests?status=processing HTTP/1.1", GOOD)
    id_ = json.loads(found.body)[0]["id"]
    failed = await client.ask(f"PATCH /fulfillment-requests/{id_}/processing-failed?error=x HTTP/1.1", GOOD)
    assert failed.status == 204


WAIT_S = 2


async def test_a_long_poll_is_no_slow_client(tmp_path: Path) -> None:
    """Who waits for an event has sent its request: neither limit of time is about it."""
    options = ("--client-timeout", "1", "--idle-timeout", "1")
    async with behind(tmp_path, *options, kept_ms=200) as (_, nginx):
        async with connected(nginx.port) as waiting, connected(nginx.port) as other:
            began_s = time.monotonic()
            later = asyncio.create_task(waiting.ask("GET /events?after=latest&wait=30 HTTP/1.1", GOOD))
            empty = await other.ask(f"GET /events?after=latest&wait={WAIT_S} HTTP/1.1", GOOD)
            assert empty.status == 200
            assert json.loads(empty.body)["events"] == []
            assert time.monotonic() - began_s >= WAIT_S
            assert not later.done()
            await happen(other)
            told = await later
            assert told.status == 200
            assert len(json.loads(told.body)["events"]) == 1
        await nginx.stop()
    assert not complaints(nginx)


# Below a path of another site

LINKED = re.compile(r"""<(?:a|link|script|img|form)\b[^>]*?\s(?:href|src|action)=["']?([^"' >]*)""")
BROWSER = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"


async def test_the_reference_works_below_a_path(tmp_path: Path) -> None:
    """Every link of home page and overview leads to what the hub serves, and every redirect stays below the path."""
    async with behind(tmp_path) as (_, nginx), connected(nginx.port) as client:

        async def page(path: str, status: int = 200) -> Answer:
            answer = await client.ask(f"GET {path} HTTP/1.1", BROWSER)
            assert (answer.status, answer.id is not None) == (status, True), path
            return answer

        for home in ("/hub/", "/hub/docs/"):
            found = {urljoin(home, link) for link in LINKED.findall((await page(home)).body.decode()) if ":" not in link}
            inside = {urldefrag(url).url for url in found}
            assert len(inside) > 3
            assert not [url for url in inside if not url.startswith("/hub/")]
            for url in sorted(inside):
                followed = await page(url)
                if followed.headers["content-type"].startswith("text/html"):
                    further = {urljoin(url, link) for link in LINKED.findall(followed.body.decode()) if ":" not in link}
                    assert not [one for one in further if not one.startswith("/hub/")], url
        for asked, wanted in (("/hub/docs", "/hub/docs/"), ("/hub/docs/errors/", "/hub/docs/errors"), ("/hub/docs/search/?q=a", "/hub/docs/search?q=a"),
                              ("/hub/docs/guides/operations/", "/hub/docs/guides/operations")):  # fmt: skip
            location = (await page(asked, 308)).headers["location"]
            assert urljoin(asked, location) == wanted
            await page(wanted)
        call = await client.ask("GET /hub/account HTTP/1.1", GOOD)
        assert (call.status, json.loads(call.body)["companyName"] != "") == (200, True)
        assert (await client.ask("GET /hub/ HTTP/1.1")).status == 404  # a program
    assert complaints(nginx) == []
