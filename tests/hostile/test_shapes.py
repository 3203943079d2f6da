"""Requests of every shape that proxies and servers have read differently: one answer each, or the agreed ones.

A shape that is refused ends its connection, so that nothing behind it is read as a request. A shape that is answered
leaves the connection usable.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.fault.merchant import TOKEN, fill
from tests.hostile.raw import WITHIN_S, Answer, Raw, complaints, read_answers, read_requests, resident_mib
from tests.support.engines import SqliteEngine
from tests.support.process import ServerProcess

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE_MIB = 20  # of memory, that a hostile client may cost
PIPELINED_AT_MOST = 32  # requests that wait
A_MOMENT_S = 0.1
HOST = "Host: hub.example"
AUTH = f"X-API-TOKEN: {TOKEN}"
JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
ORDER = b'{"orderNumber": "SHAPE", "channelId": 1, "orderItems": [{"sku": "A", "quantity": 1, "price": 1}]}'
HUGE = "9" * 30


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    """A request of these lines; nothing is added."""
    return "\r\n".join((line, *headers, "", "")).encode("latin-1") + body


def get(target: str = "/account", *headers: str, method: str = "GET") -> bytes:
    """A good read, with these headers too."""
    return request(f"{method} {target} HTTP/1.1", HOST, AUTH, *headers)


def post(*headers: str, body: bytes = ORDER, version: str = "1.1") -> bytes:
    """An order, which would be made if it was taken; the framing of the body is in `headers`."""
    return request(f"POST /orders HTTP/{version}", HOST, AUTH, JSON, *headers, body=body)


def chunks(*parts: bytes, size: bytes = b"%x", end: bytes = b"0\r\n\r\n") -> bytes:
    """Parts of a body as they are sent in chunks."""
    return b"".join((size % len(part) if b"%" in size else size) + b"\r\n" + part + b"\r\n" for part in parts) + end


def chunked(body: bytes) -> bytes:
    """An order in chunks, however they are spelled."""
    return post(CHUNKED, body=body)


MARKER = get("/sources", "X-Request-Id: marker")
SIZE = b"%x" % len(ORDER)


class Shape(NamedTuple):
    """Bytes, and the status of their one answer.

    `ends`: nothing after them is read. `is_early`: they may be answered before all of them are there, and end then.
    """

    name: str
    data: bytes
    status: int
    ends: bool
    code: str = ""
    is_early: bool = False


def refused(name: str, data: bytes, status: int = 400, code: str = "invalid_input", is_early: bool = False) -> Shape:
    """A shape that ends its connection; mostly because it is refused."""
    return Shape(name, data, status, True, code, is_early)


def answered(name: str, data: bytes, status: int = 200, code: str = "", is_early: bool = False) -> Shape:
    """A shape after which the connection goes on."""
    return Shape(name, data, status, False, code, is_early)


FIRST_LINES = (
    refused("HTTP/0.9", request("GET /account")),
    refused("no version, but one in the path", request("GET /orders/1_HTTP/1.1", HOST, AUTH)),
    refused("HTTP/2.0", request("GET /account HTTP/2.0", HOST, AUTH)),
    refused("HTTP/1.2", request("GET /account HTTP/1.2", HOST, AUTH)),
    refused("HTTP/1.10", request("GET /account HTTP/1.10", HOST, AUTH)),
    refused("http/1.1", request("GET /account http/1.1", HOST, AUTH)),
    refused("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    refused("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))),
    refused("a blank first", b" " + get()),
    refused("a tab for a blank", request("GET\t/account\tHTTP/1.1", HOST, AUTH)),
    refused("unknown method", get(method="FOO")),
    refused("method in lower case", get(method="get")),
    refused("CONNECT", get("hub.example:80", method="CONNECT"), 501, "not_implemented"),
    refused("CONNECT of a path", get(method="CONNECT"), 501, "not_implemented"),
    refused("TRACE", get(method="TRACE"), 501, "not_implemented"),
    refused("PROPFIND", get(method="PROPFIND"), 501, "not_implemented"),
    refused("M-SEARCH", get(method="M-SEARCH"), 501, "not_implemented"),
    answered("PUT", get(method="PUT"), 405, "method_not_allowed"),
    answered("empty lines first", b"\r\n\r\n" + get()),
)
TARGETS = (
    refused("not ASCII in a path", get("/caf\u00e9")),
    refused("not ASCII in a query", get("/account?x=\u00e9")),
    refused("fragment", get("/account#part")),
    refused("fragment after a query", get("/account?x=1#part")),
    refused("control character", get("/acc\x01ount")),
    refused("NUL in a URL", get("/acc\0ount")),
    refused("DEL in a URL", get("/acc\x7fount")),
    refused("no slash", get("account")),
    refused("star", get("*")),
    refused("authority", get("hub.example:80")),
    refused("no host in a whole URL", get("http://")),
    answered("whole URL", get("http://hub.example/account")),
    answered("percent alone", get("/%"), 404, "not_found"),
    answered("encoded NUL", get("/account%00"), 404, "not_found"),
    answered("encoded line end", get("/account%0d%0aX-API-TOKEN:%20a"), 404, "not_found"),
    answered("encoded and no UTF-8", get("/%ff"), 404, "not_found"),
    answered("slash at the end", get("/account/")),
    *(
        answered(f"other spelling {path}", get(path), 404, "not_found")
        for path in ("//account", "/account//", "/%2faccount", "/%2Faccount", "/orders%2F1", "/%61ccount", "/./account",
                     "/account/.", "/account/..", "/orders/../account", "/%2e/account", "/orders/%2e%2e/account",
                     "/account;a", "/account%20", "/account\\", "/ACCOUNT")
    ),
)  # fmt: skip
HEADERS = (
    refused("no Host", request("GET /account HTTP/1.1", AUTH)),
    refused("two Hosts", get("/account", HOST)),
    refused("two other Hosts", get("/account", "Host: b")),
    *(
        refused(f"Host: {host}", request("GET /account HTTP/1.1", f"Host: {host}", AUTH))
        for host in ("a b", "a/b", "u@a", "a:b", "a:80:80", "[::1", "a\tb", "http://a", "a\\b", "a#b", "a?b", "caf\u00e9")
    ),
    refused("Host with a comma", request("GET /account HTTP/1.1", "Host: a,b", AUTH)),
    answered("Host of IPv6", request("GET /account HTTP/1.1", "Host: [::1]:80", AUTH)),
    refused("bare LF everywhere", get().replace(b"\r\n", b"\n")),
    refused("bare LF after the first line", get().replace(b"1.1\r\n", b"1.1\n")),
    refused("bare LF after a header", get("/account", "X-A: a").replace(b"a\r\n", b"a\n")),
    refused("bare LF at the end", get()[:-2] + b"\n"),
    refused("bare CR after a header", get("/account", "X-A: a").replace(b"X-A: a\r\n", b"X-A: a\r")),
    refused("bare CR in a value", get("/account", "X-A: a\rX-B: b")),
    refused("two CRs", get("/account", "X-A: a\r")),
    refused("folded", get("/account", "X-A: a", " b")),
    refused("folded with a tab", get("/account", "X-A: a", "\tb")),
    refused("folded first", request("GET /account HTTP/1.1", " X-A: a", HOST, AUTH)),
    refused("blank before colon", get("/account", "X-A : a")),
    refused("tab before colon", get("/account", "X-A\t: a")),
    refused("blank before the colon of a length", post(f"Content-Length : {len(ORDER)}")),
    refused("blank before the colon of an encoding", post("Transfer-Encoding : chunked", body=chunks(ORDER))),
    refused("blank in a name", get("/account", "X A: a")),
    refused("no name", get("/account", ": a")),
    refused("no colon", get("/account", "X-A")),
    refused("NUL in a name", get("/account", "X-\0A: a")),
    refused("not ASCII in a name", get("/account", "X-\u00e9: a")),
    *(refused(f"{ord(c):#x} in a value", get("/account", f"X-A: a{c}b")) for c in "\0\x01\x08\x0b\x0c\x1b\x7f"),
    answered("not ASCII in a value", get("/account", "X-A: \u00e9")),
    answered("tab in a value", get("/account", "X-A: a\tb")),
    answered("blank after the token", request("GET /account HTTP/1.1", HOST, f"{AUTH} ")),
    answered("tabs around the token", request("GET /account HTTP/1.1", HOST, f"X-API-TOKEN:\t{TOKEN}\t \t")),
    answered("token twice", get("/account", AUTH), 401, "unauthorized"),
    answered("headers beyond the hub's limit", get("/account", f"X-A: {'a' * 33_000}"), 431, "headers_too_large"),
    answered("URL beyond the hub's limit", get("/account?x=" + "a" * 41_000), 414, "url_too_long"),
    refused("head of 300 KB", get("/account", f"X-A: {'a' * 300_000}"), 431, "headers_too_large"),
    refused("50,000 headers", get("/account", *["a:b"] * 50_000), 431, "headers_too_large"),
    refused("URL of 100 KB", get("/account?x=" + "a" * 100_000), 414, "url_too_long"),
    refused("keep-alive and close", get("/account", "Connection: keep-alive, close"), 200, is_early=True),
    refused("keep-alive and close on HTTP/1.0", request("GET /account HTTP/1.0", AUTH, "Connection: keep-alive",
                                                        "Connection: close"), 200, is_early=True),
    answered("keep-alive on HTTP/1.0", request("GET /account HTTP/1.0", AUTH, "Connection: keep-alive")),
    refused("HTTP/1.0", request("GET /account HTTP/1.0", AUTH), 200, is_early=True),
    answered("Connection names a header", get("/account", "Connection: X-API-TOKEN, Host")),
)
FRAMINGS = (
    refused("gzip, chunked", post("Transfer-Encoding: gzip, chunked", body=chunks(ORDER)), 501, "not_implemented"),
    refused("chunked, gzip", post("Transfer-Encoding: chunked, gzip", body=chunks(ORDER))),
    refused("chunked, chunked", post("Transfer-Encoding: chunked, chunked", body=chunks(ORDER))),
    refused("chunked and a comma", post("Transfer-Encoding: chunked,", body=chunks(ORDER))),
    refused("xchunked", post("Transfer-Encoding: xchunked", body=chunks(ORDER)), 501, "not_implemented"),
    refused("identity", post("Transfer-Encoding: identity", body=ORDER), 501, "not_implemented"),
    refused("quoted", post('Transfer-Encoding: "chunked"', body=chunks(ORDER)), 501, "not_implemented"),
    refused("with a parameter", post("Transfer-Encoding: chunked;q=1", body=chunks(ORDER)), 501, "not_implemented"),
    refused("vertical tab", post("Transfer-Encoding: \x0bchunked", body=chunks(ORDER))),
    refused("empty encoding", post("Transfer-Encoding:", body=ORDER)),
    refused("chunked twice", post(CHUNKED, CHUNKED, body=chunks(ORDER))),
    refused("chunked, then identity", post(CHUNKED, "Transfer-Encoding: identity", body=chunks(ORDER))),
    refused("identity, then chunked", post("Transfer-Encoding: identity", CHUNKED, body=chunks(ORDER)), 501,
            "not_implemented"),
    refused("chunked and a length", post(CHUNKED, f"Content-Length: {len(chunks(ORDER))}", body=chunks(ORDER))),
    refused("a length and chunked", post(f"Content-Length: {len(chunks(ORDER))}", CHUNKED, body=chunks(ORDER))),
    refused("length 0 and chunked", post("Content-Length: 0", CHUNKED, body=chunks(ORDER))),
    refused("chunked on HTTP/1.0", post(CHUNKED, body=chunks(ORDER), version="1.0")),
    refused("chunked on HTTP/1.0 that stays", post(CHUNKED, "Connection: keep-alive", body=chunks(ORDER), version="1.0")),
    refused("two lengths", post(f"Content-Length: {len(ORDER)}", f"Content-Length: {len(ORDER) + 1}")),
    refused("two equal lengths", post(f"Content-Length: {len(ORDER)}", f"Content-Length: {len(ORDER)}")),
    *(
        refused(f"Content-Length: {length}", post(f"Content-Length: {length}"))
        for length in (f"+{len(ORDER)}", f"{len(ORDER)}, {len(ORDER)}", f"-{len(ORDER)}", f"0x{SIZE.decode()}", "3 3",
                       "1_0", "3.0", "", "a", HUGE, str(2**64))
    ),
    refused("as long as can be", post(f"Content-Length: {2**64 - 1}"), 413, "content_too_large"),
    refused("body without a length", request("POST /orders HTTP/1.1", HOST, AUTH, JSON, "Connection: close", body=ORDER),
            is_early=True),
    refused("body without a length on HTTP/1.0", request("POST /orders HTTP/1.0", AUTH, JSON, body=ORDER), is_early=True),
    *(
        refused(f"chunk of {size!r}", chunked(chunks(ORDER, size=size)))
        for size in (b"0x" + SIZE, b" " + SIZE, SIZE + b" ", b"+" + SIZE, b"-" + SIZE, b"", b"g", SIZE + b"\t", SIZE + b"_",
                     b"1" + SIZE.rjust(16, b"0"), b"1" * 40, SIZE + b";\0", SIZE + b";a\n", SIZE + b";a\rb", SIZE + b"\r")
    ),
    refused("chunk with a bare LF after its size", chunked(SIZE + b"\n" + ORDER + b"\r\n0\r\n\r\n")),
    refused("chunk with a bare LF at its end", chunked(SIZE + b"\r\n" + ORDER + b"\n0\r\n\r\n")),
    refused("chunk without an end", chunked(SIZE + b"\r\n" + ORDER + b"0\r\n\r\n")),
    refused("chunk longer than its size", chunked(SIZE + b"\r\n" + ORDER + b"}\r\n0\r\n\r\n")),
    refused("last chunk with a bare LF", chunked(chunks(ORDER, end=b"0\n\r\n"))),
    refused("end with a bare LF", chunked(chunks(ORDER, end=b"0\r\n\n"))),
    refused("trailer with a bare LF", chunked(chunks(ORDER, end=b"0\r\nX-A: a\n\r\n"))),
    refused("trailer with a NUL", chunked(chunks(ORDER, end=b"0\r\nX-A: \0\r\n\r\n"))),
    refused("length in a trailer", chunked(chunks(ORDER, end=b"0\r\nContent-Length: 5\r\n\r\n"))),
    refused("encoding in a trailer", chunked(chunks(ORDER, end=b"0\r\nTransfer-Encoding: chunked\r\n\r\n"))),
    answered("good chunks", request("POST /orders?dryRun=true HTTP/1.1", HOST, AUTH, JSON, CHUNKED,
                                    body=chunks(ORDER[:9], ORDER[9:], end=b"0\r\nX-A: a\r\n\r\n"))),
    answered("good length", request("POST /orders?dryRun=true HTTP/1.1", HOST, AUTH, JSON,
                                    f"Content-Length: 000{len(ORDER)} ", body=ORDER)),
    answered("token in a trailer", request("POST /orders HTTP/1.1", HOST, JSON, CHUNKED, body=chunks(
        ORDER, end=f"0\r\n{AUTH}\r\n\r\n".encode())), 401, "unauthorized", is_early=True),
    answered("gzip", post("Content-Encoding: gzip", f"Content-Length: {len(ORDER)}"), 415, "unsupported_media_type"),
    answered("a read with another in its body", get("/account", f"Content-Length: {len(MARKER)}") + MARKER),
    answered("a read with another in a chunk", get("/account", CHUNKED) + chunks(MARKER), is_early=True),
)  # fmt: skip
UPGRADES = (
    answered("offer of another protocol", get("/account", "Upgrade: a", "Connection: upgrade")),
    answered("offer of HTTP/2", get("/account", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: A")),
    answered("offer of a socket", get("/account", "Upgrade: websocket", "Connection: upgrade", "Sec-WebSocket-Version: 13")),
    answered("offer without Connection", get("/account", "Upgrade: a")),
    *(
        answered(f"offer with {name}", request("POST /orders?dryRun=true HTTP/1.1", HOST, AUTH, JSON, "Upgrade: a",
                                               "Connection: upgrade", framing, body=body))
        for name, framing, body in (("a length", f"Content-Length: {len(ORDER)}", ORDER),
                                    ("chunks", CHUNKED, chunks(ORDER[:5], ORDER[5:], end=b"0\r\nX-A: a\r\n\r\n")))
    ),
    answered("offer with a request in its body", get("/account", "Upgrade: a", "Connection: upgrade",
                                                     f"Content-Length: {len(MARKER)}") + MARKER),
    answered("offer with a request in a chunk", get("/account", "Upgrade: a", "Connection: upgrade", CHUNKED)
             + chunks(MARKER), is_early=True),
)  # fmt: skip
SHAPES = (*FIRST_LINES, *TARGETS, *HEADERS, *FRAMINGS, *UPGRADES)


class Hub(NamedTuple):
    """A server with requests in Processing, and its log."""

    server: ServerProcess
    log: Path
    ids: list[int]

    def raw(self) -> "Opening":
        """A connection."""
        return Opening(self.server.port)

    async def ask(self, data: bytes) -> Answer:
        """A good request on a connection of its own."""
        async with self.raw() as raw:
            raw.send(data)
            return await raw.answer()

    async def orders(self) -> int:
        """How many orders there are."""
        found: list[object] = json.loads((await self.ask(get("/orders?limit=100"))).body)
        return len(found)

    async def version(self, id_: int) -> int:
        """Of a fulfillment request: it goes up with each change."""
        version: int = json.loads((await self.ask(get(f"/fulfillment-requests/{id_}"))).body)["version"]
        return version


class Opening:
    """`async with hub.raw() as raw`."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Raw:
        self._raw = await Raw.open(self._port)
        return self._raw

    async def __aexit__(self, *why: object) -> None:
        await self._raw.__aexit__(*why)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """One server for all shapes."""
    folder = tmp_path_factory.mktemp("shapes")
    url = await SqliteEngine(folder).migrated()
    _, ids = await fill(url, 20)
    async with ServerProcess(url, folder / "log", "--client-timeout", "10", "--idle-timeout", "10") as server:
        yield Hub(server, folder / "log", ids)


@pytest_asyncio.fixture(loop_scope="module")
async def hub(served: Hub) -> AsyncIterator[Hub]:
    """The server; afterwards it is well, and its log tells of no defect."""
    orders = await served.orders()
    yield served
    assert (await served.ask(get("/healthz"))).status == 200
    assert await served.orders() == orders
    assert complaints(served.log.read_text()) == []


def judge(answer: Answer, status: int, code: str) -> None:
    """The answer is this one, in the hub's words."""
    assert answer.status == status, answer
    if status >= 400:
        assert answer.problem()["code"] == code


async def judge_end(raw: Raw) -> None:
    """Nothing more comes, and the connection ends."""
    assert await raw.rest() == b""


@pytest.mark.parametrize("way", ["in one go", "in small pieces"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
async def test_a_shape_has_one_answer(shape: Shape, way: str, hub: Hub) -> None:
    async with hub.raw() as raw:
        # What stands behind a refused shape is never read as a request.
        data = shape.data + MARKER if shape.ends else shape.data
        if way == "in one go" or len(data) > 1000 or (shape.is_early and shape.ends):
            raw.send(data)  # who sends more after his last request may lose its answer
        else:
            for place in range(0, len(data), 7):
                raw.send(data[place : place + 7])
                await asyncio.sleep(0)
        answer = await raw.answer()
        judge(answer, shape.status, shape.code)
        ends = shape.ends or (shape.is_early and way != "in one go" and answer.closes)
        assert answer.closes == ends
        if not ends:
            raw.send(MARKER)
            assert (await raw.answer()).id == "marker"
            raw.send(get("/account", "Connection: close"))
            assert (await raw.answer()).closes
        await judge_end(raw)


@pytest.mark.parametrize("shape", [one for one in SHAPES if not one.ends], ids=lambda shape: shape.name)
async def test_what_follows_a_shape_is_answered_too(shape: Shape, hub: Hub) -> None:
    """In the same packet."""
    async with hub.raw() as raw:
        raw.send(shape.data + MARKER + get("/account", "Connection: close"))
        judge(await raw.answer(), shape.status, shape.code)
        assert (await raw.answer()).id == "marker"
        assert (await raw.answer()).closes
        await judge_end(raw)


@pytest.mark.parametrize("shape", [one for one in SHAPES if one.ends], ids=lambda shape: shape.name)
async def test_a_shape_behind_a_good_request_is_refused_after_its_answer(shape: Shape, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(MARKER + shape.data + MARKER)
        assert (await raw.answer()).id == "marker"
        judge(await raw.answer(), shape.status, shape.code)
        await judge_end(raw)


async def test_an_offer_of_another_protocol_leaves_only_its_line_in_the_log(hub: Hub) -> None:
    before = len(hub.log.read_text())
    async with hub.raw() as raw:
        raw.send(get("/account", "Upgrade: a", "Connection: upgrade", "X-Request-Id: offer-1")
                 + get("/account", "X-Request-Id: offer-2"))  # fmt: skip
        assert [(await raw.answer()).id for _ in range(2)] == ["offer-1", "offer-2"]
    await asyncio.sleep(A_MOMENT_S)
    lines = [json.loads(line) for line in hub.log.read_text()[before:].splitlines() if line]
    assert [(line["id"], line["status"]) for line in lines if "offer" in line.get("id", "")] == [("offer-1", 200), ("offer-2", 200)]
    assert not [line for line in lines if "message" in line and "refused" not in line]  # of earlier tests


# Bodies that break


@pytest.mark.parametrize("pause_s", [0.0, A_MOMENT_S], ids=["at once", "later"])
@pytest.mark.parametrize("broken", [b"zz\r\n", b"3\r\n{}\r\n0\r\n\r\n", b"0\r\nX\r\n\r\n", b"2\r\n{}\n0\r\n\r\n"])
async def test_an_order_whose_body_breaks_is_not_made(broken: bytes, pause_s: float, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(chunked(SIZE + b"\r\n" + ORDER + b"\r\n"))
        await asyncio.sleep(pause_s)
        raw.send(broken + MARKER)
        judge(await raw.answer(), 400, "invalid_input")
        await judge_end(raw)


@pytest.mark.parametrize("pause_s", [None, 0.0, A_MOMENT_S], ids=["same packet", "at once", "later"])
async def test_a_change_is_refused_or_made_and_never_both(pause_s: float | None, hub: Hub) -> None:
    """The call needs no body: it is made if its head was good and the rest was not there, or not made at all."""
    id_ = hub.ids[0]
    before = await hub.version(id_)
    async with hub.raw() as raw:
        raw.send(get(f"/fulfillment-requests/{id_}/processing-failed?error=x", CHUNKED, method="PATCH")
                 + (b"zz\r\n" if pause_s is None else b""))  # fmt: skip
        if pause_s is not None:
            await asyncio.sleep(pause_s)
            raw.send(b"zz\r\n" + MARKER)
        answer = await raw.answer()
        await judge_end(raw)
    await asyncio.sleep(A_MOMENT_S)  # for what might be done after the answer
    made = await hub.version(id_) > before
    if answer.status == 400:
        answer.problem()
        assert not made
    else:
        assert (answer.status, answer.closes, made) == (204, True, True)
    if made:
        assert (await hub.ask(get(f"/fulfillment-requests/{id_}/process", method="PATCH"))).status == 200


async def test_bodies_that_broke_are_forgotten(hub: Hub) -> None:
    body = b'{"orderNumber": "' + b"a" * 500_000
    before = resident_mib(hub.server.pid)
    for _ in range(4 * MORE_MIB):
        async with hub.raw() as raw:
            raw.send(chunked(b"%x\r\n%b\r\nzz\r\n" % (len(body), body)))
            judge(await raw.answer(), 400, "invalid_input")
    assert resident_mib(hub.server.pid) - before < MORE_MIB


@pytest.mark.parametrize("length", [len(ORDER) + 1, 10_000])
async def test_a_body_that_is_cut_off_changes_nothing(length: int, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(post(f"Content-Length: {length}"))
        await asyncio.sleep(A_MOMENT_S)
        raw.end_sending()
        assert len(read_answers(await raw.rest(), ["POST"])) <= 1


# Clients that wait, or do not


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (request("POST /orders HTTP/1.1", HOST, JSON, "Content-Length: 9", "Expect: 100-continue"), 401, "unauthorized"),
        (request("POST /nowhere HTTP/1.1", HOST, AUTH, "Content-Length: 9", "Expect: 100-continue"), 404, "not_found"),
        (request("DELETE /orders HTTP/1.1", HOST, AUTH, CHUNKED, "Expect: 100-continue"), 405, "method_not_allowed"),
        (post("Content-Length: 9000000", "Expect: 100-continue", body=b""), 413, "content_too_large"),
        (post("Content-Length: 9", "Expect: 100-continue", "Content-Encoding: br", body=b""), 415, "unsupported_media_type"),
    ],
    ids=["no token", "no path", "no method", "too long", "encoded"],
)
async def test_a_refusal_does_not_ask_for_the_body(data: bytes, status: int, code: str, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(data)
        answer = await raw.answer("POST")
        judge(answer, status, code)
        assert answer.closes
        await judge_end(raw)


async def test_the_body_is_asked_for_once(hub: Hub) -> None:
    data = request("POST /orders?dryRun=true HTTP/1.1", HOST, AUTH, JSON, f"Content-Length: {len(ORDER)}", "Expect: 100-continue")
    async with hub.raw() as raw:
        raw.send(data)
        assert (await raw.answer()).status == 100
        assert await raw.quiet(A_MOMENT_S) == b""
        raw.send(ORDER + data + ORDER + MARKER)  # the second client does not wait
        assert (await raw.answer()).status == 200
        second = await raw.answer()
        assert (second if second.status != 100 else await raw.answer()).status == 200
        assert (await raw.answer()).id == "marker"


async def test_a_body_that_was_asked_for_may_break(hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(post(CHUNKED, "Expect: 100-continue", body=b""))
        assert (await raw.answer()).status == 100
        raw.send(b"zz\r\n" + MARKER)
        judge(await raw.answer(), 400, "invalid_input")
        await judge_end(raw)


def pipelined(count: int) -> bytes:
    """Reads, each with its number."""
    return b"".join(get("/sources", f"X-Request-Id: number-{n}") for n in range(count))


def numbered(answers: Sequence[Answer]) -> bool:
    """Whether these are the answers to the first ones, in order."""
    return [answer.id for answer in answers] == [f"number-{n}" for n in range(len(answers))]


async def test_four_pipelined_requests_are_answered_in_order(hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(pipelined(4))
        answers = [await raw.answer() for _ in range(4)]
        assert numbered(answers)
        assert {(answer.status, answer.closes) for answer in answers} == {(200, False)}
        raw.send(MARKER)
        assert (await raw.answer()).id == "marker"


@pytest.mark.parametrize("count", [200, 5000])
async def test_pipelining_without_an_end_is_cut_off(count: int, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(pipelined(count))
        answers = read_answers(await raw.rest(), ["GET"] * count)
    assert numbered(answers)
    assert PIPELINED_AT_MOST < len(answers) < 200
    assert [answer.closes for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert {answer.status for answer in answers} == {200}


async def test_many_requests_are_answered_while_their_client_reads(hub: Hub) -> None:
    """In small pieces, so that the server takes as many as it has room for."""
    async with hub.raw() as raw:
        for place in range(0, 200, 10):
            raw.send(b"".join(get("/sources", f"X-Request-Id: number-{n}") for n in range(place, place + 10)))
            answers = [await raw.answer() for _ in range(10)]
            assert [answer.id for answer in answers] == [f"number-{n}" for n in range(place, place + 10)]
        assert not answers[-1].closes


HALVES = {
    "nothing": b"", "half a line": b"GET /acc", "half a head": b"GET /account HTTP/1.1\r\nHost: a", "a request": get(),
    "four": pipelined(4), "one and a half": get() + b"GET /acc", "half a body": post("Content-Length: 999"),
    "half a chunk": chunked(b"ff\r\nabc"), "a refused one": get(method="TRACE"), "a line end": b"\r\n",
}  # fmt: skip


@pytest.mark.parametrize("pause_s", [0.0, A_MOMENT_S], ids=["at once", "later"])
@pytest.mark.parametrize("data", HALVES.values(), ids=HALVES)
async def test_a_client_that_closes_its_half_is_let_go(data: bytes, pause_s: float, hub: Hub) -> None:
    async with hub.raw() as raw:
        raw.send(data)
        await asyncio.sleep(pause_s)
        raw.end_sending()
        answers = read_answers(await raw.rest(), ["GET"] * 4)
    assert len(answers) <= data.count(b" HTTP/1.1\r\n")
    whole = read_requests(data).whole  # the client may listen on
    assert [answer.status for answer in answers[:whole]] == [501 if b"TRACE" in data else 200] * whole


# Clients that never end


async def pour(raw: Raw, piece: bytes, count: int) -> int:
    """Send up to so many pieces, until the server closes; how many it took."""
    for sent in range(count):
        try:
            await asyncio.wait_for(raw.send_slowly(piece), WITHIN_S)
        except (ConnectionError, TimeoutError):
            return sent
        if sent % 16 == 15:
            await asyncio.sleep(0.02)  # slowly: the server must have the time to refuse it
    return count


ENDLESS = {
    "trailer": (chunked(chunks(ORDER, end=b"0\r\nX-A: ")), 400),
    "trailer of a refused call": (request("POST /orders HTTP/1.1", HOST, JSON, CHUNKED, body=b"0\r\nX-A: "), 401),
    "name of a trailer": (chunked(chunks(ORDER, end=b"0\r\n")), 400),
    "extension of a chunk": (chunked(b"1;"), 400),
    "header": (b"GET /account HTTP/1.1\r\nX-A: ", 431),
    "name of a header": (b"GET /account HTTP/1.1\r\n", 431),
    "URL": (b"GET /account?x=", 414),
    "first line end": (b"GET /account HTTP/1.1", 400),
    "chunk": (post(CHUNKED, body=b"fffffff\r\n"), 413),
    "body without a token": (request("POST /orders HTTP/1.1", HOST, f"Content-Length: {2**30}"), 401),
}


@pytest.mark.parametrize(("data", "status"), ENDLESS.values(), ids=ENDLESS)
async def test_what_never_ends_is_cut_off(data: bytes, status: int, hub: Hub) -> None:
    before = resident_mib(hub.server.pid)
    began = time.monotonic()
    async with hub.raw() as raw:
        raw.send(data)
        await asyncio.sleep(A_MOMENT_S)
        pouring = asyncio.create_task(pour(raw, b"a" * 65536, 1600))
        answer = await raw.answer()
        assert answer.status == status or (answer.status, status) == (431, 400)  # too long, or never whole
        assert answer.closes
        answer.problem()
        assert await raw.rest() == b""
        assert resident_mib(hub.server.pid) - before < MORE_MIB
        await pouring
    assert time.monotonic() - began < 4 * WITHIN_S
    assert resident_mib(hub.server.pid) - before < MORE_MIB


async def test_line_ends_for_ever_cost_nothing(hub: Hub) -> None:
    """Before a request, empty lines are skipped; not without an end."""
    before = resident_mib(hub.server.pid)
    async with hub.raw() as raw:
        taken = await pour(raw, b"\r\n" * 32768, 10_000)
        assert len(read_answers(await raw.rest())) <= 1
    assert taken < 10_000
    assert resident_mib(hub.server.pid) - before < MORE_MIB
