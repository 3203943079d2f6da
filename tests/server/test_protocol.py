"""HTTP/1.1 on real sockets: what is sent, in what order, and which connections stay."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.toys import Served, answering, echo
from waypost.server.limits import BODY_AHEAD, HEAD_AT_MOST, HEADERS_AT_MOST, PIPELINED_AT_MOST, Limits


async def test_an_answer_has_a_date_and_its_length() -> None:
    async with Served(answering()) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        head, body = await client.answer()
    assert head.startswith("http/1.1 200 ok\r\n")
    assert "\r\ndate: " in head
    assert "\r\ncontent-length: 5\r\n" in head
    assert body == b"hello"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"get / HTTP/1.1\r\n", "in capitals"),
        (b"GET /a b HTTP/1.1\r\n", "the first line"),
        (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: hub\r\n\r\n", "percent-encoded"),
        (b"GET / HTTP/1.1\r\nHost : hub\r\n\r\n", "the first line and the headers"),
        (b"GET / HTTP/1.1\r\nHost: hub\r\nX-A : b\r\n\r\n", "a name, a colon, a value"),  # the parser is not sure of Host
        (b"GET / HTTP/1.1\r\nHost: hub\r\nA: b\r\nContent-Length: a\r\n\r\n", "A header breaks"),
        (b"GET / HTTP/1.1\r\n\r\n", "exactly once"),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "must be a host name"),
        (b"POST / HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "check its chunks"),
        (b"GET / HTTP/1.1\r\nHost: hub\r\n" + b"a:b\r\n" * HEADERS_AT_MOST + b"\r\n", "at most 200 headers"),
        (b"GET / HTTP/1.1\r\nHost: hub\r\nA: " + b"b" * HEAD_AT_MOST, "at most 32768 bytes"),
        (b"GET /" + b"b" * HEAD_AT_MOST, "The URL may have at most 40000 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_refusal_names_what_is_wrong(data: bytes, told: str) -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(data)
        _, body = await client.answer()
        assert told in json.loads(body)["detail"]


async def test_a_trailer_that_closes_the_connection_is_told_of() -> None:
    """The parser takes nothing more after it: a next request would be refused, whoever sends it."""
    async with Served(echo) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\nConnection: close\r\n\r\n")
        head, _ = await client.answer()
        assert "connection: close\r\n" in head
        assert await client.ended() == b""


async def test_an_answer_without_a_length_gets_one() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    async with Served(app) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[1] == b"hello"


async def test_a_connection_is_used_again_and_again() -> None:
    async with Served(echo) as served:
        client = await served.client()
        for number in range(5):
            client.send(f"PATCH /a%20b/{number}?x=%20 HTTP/1.1", "Content-Length: 3", body=b"abc")
            _, body = await client.answer()
            assert body == b"PATCH /a b/%d /a%%20b/%d?x=%%20 abc" % (number, number)


async def test_pipelined_calls_are_answered_in_order() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(b"".join(b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % (n, n) for n in range(9)))
        answers = [(await client.answer())[1] for _ in range(9)]
    assert answers == [b"POST /%d /%d? %d" % (n, n, n) for n in range(9)]


async def test_too_many_pipelined_calls_end_the_connection_after_the_last_that_is_answered() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * (3 * PIPELINED_AT_MOST))
        heads = [(await client.answer())[0] for _ in range(PIPELINED_AT_MOST + 1)]
        assert ["connection: close" in head for head in heads] == [False] * PIPELINED_AT_MOST + [True]
        assert await client.ended() == b""


async def test_a_body_in_pieces_is_read_whole() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 6", body=b"ab")
        await asyncio.sleep(0)
        client.raw(b"cdef")
        assert (await client.answer())[1] == b"POST / /? abcdef"
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n")
        assert (await client.answer())[1] == b"POST / /? abc"


async def test_a_body_that_nobody_asks_for_is_not_read_ahead_without_an_end() -> None:
    asked, more = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await more.wait()
        await echo(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", f"Content-Length: {2**24}", body=b"x" * 2**24)
        await asked.wait()
        (connection,) = served.server.admission.connections
        for _ in range(50):
            await asyncio.sleep(0)
        assert connection._current is not None
        assert BODY_AHEAD < len(connection._current._body) <= 2 * BODY_AHEAD
        more.set()
        assert len((await client.answer())[1]) == 2**24 + len("POST / /? ")


async def test_the_body_is_asked_for_where_the_client_waits_to_be() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
        assert (await client.head()).startswith("http/1.1 100 ")
        client.raw(b"ok")
        head, body = await client.answer()
    assert body == b"POST / /? ok"
    assert "connection: close" not in head


async def test_who_waits_to_be_asked_and_is_refused_is_closed() -> None:
    """Whether the body follows is not known: the next bytes could be either."""
    async with Served(answering(b"no", 401)) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue")
        head, _ = await client.answer()
        assert head.startswith("http/1.1 401 ")
        assert "connection: close" in head
        client.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.ended() == b""


async def test_what_is_left_of_a_short_body_is_thrown_away_and_the_connection_stays() -> None:
    async with Served(answering(b"no", 401)) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 30")
        assert "connection: close" not in (await client.answer())[0]
        client.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nabc" + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer())[0].startswith("http/1.1 401 ")
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[0].startswith("http/1.1 401 ")


async def test_who_is_refused_while_sending_much_can_read_why() -> None:
    async with Served(answering(b"no", 413)) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", f"Content-Length: {2**23}", body=b"x" * 2**23)
        head, body = await client.answer()
        assert head.startswith("http/1.1 413 ")
        assert "connection: close" in head
        assert body == b"no"
        assert await client.ended() == b""


async def test_head_and_204_have_no_body() -> None:
    async with Served(answering()) as served:
        client = await served.client()
        client.send("HEAD / HTTP/1.1")
        assert "content-length: 5" in await client.head()
        client.send("GET / HTTP/1.1")  # the next answer begins where the last head ended
        assert (await client.answer())[1] == b"hello"
    async with Served(answering(b"", 204, (b"etag", b'"3"'))) as served:
        client = await served.client()
        client.send("PATCH / HTTP/1.1")
        head = await client.head()
    assert head.startswith("http/1.1 204 ")
    assert 'etag: "3"' in head
    assert "content-length" not in head
    assert "transfer-encoding" not in head


@pytest.mark.parametrize("lines", [("GET / HTTP/1.0",), ("GET / HTTP/1.1", "Connection: close")])
async def test_a_client_that_wants_to_close_is_closed(lines: tuple[str, ...]) -> None:
    async with Served(answering()) as served:
        client = await served.client()
        client.send(*lines, body=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # after its last request nothing is read
        head, body = await client.answer()
        assert "connection: close" in head
        assert body == b"hello"
        assert await client.ended() == b""


async def test_http_10_may_keep_its_connection() -> None:
    async with Served(answering()) as served:
        client = await served.client()
        for _ in range(2):
            client.send("GET / HTTP/1.0", "Connection: keep-alive")
            head, _ = await client.answer()
            assert "connection: keep-alive" in head


async def streaming(scope: Any, receive: Any, send: Any) -> None:
    """An answer in pieces, whose length is not known before."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ab", "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    await send({"type": "http.response.body", "body": b"c"})


async def test_an_answer_in_pieces() -> None:
    async with Served(streaming) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[1] == b"abc"


async def test_the_application_may_close() -> None:
    async with Served(answering(b"bye", 200, (b"connection", b"close"))) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        head, _ = await client.answer()
        assert head.count("connection: close") == 1
        assert await client.ended() == b""


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: x=1", b"a\nb", b"a\0b", b"a\rb"])
async def test_a_header_cannot_become_two(value: bytes) -> None:
    async with Served(answering(b"hello", 200, (b"x-told", value))) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        head, _ = await client.answer()
        assert head.startswith("http/1.1 500 ")
        assert "x-told" not in head
        assert await client.ended() == b""
        assert len(served.defects) == 1


@pytest.mark.parametrize("length", [4, 9])
async def test_a_length_that_is_wrong_is_never_sent_as_an_answer(length: int) -> None:
    async with Served(answering(b"hello", length=length)) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[0].startswith("http/1.1 500 ")
        assert await client.ended() == b""


async def broken_before(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("on purpose")


async def broken_within(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("on purpose")


async def broken_after(scope: Any, receive: Any, send: Any) -> None:
    await answering()(scope, receive, send)
    raise RuntimeError("on purpose")


async def silent(scope: Any, receive: Any, send: Any) -> None:
    """No answer at all."""


async def test_an_application_that_breaks() -> None:
    for app in (broken_before, broken_within, silent):
        async with Served(app) as served:
            client = await served.client()
            client.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
            head, body = await client.answer()
            assert head.startswith("http/1.1 500 ")
            assert json.loads(body)["code"] == "internal"
            assert await client.ended() == b""  # no second answer
            assert len(served.defects) == (0 if app is silent else 1)
    async with Served(broken_after) as served:
        client = await served.client()
        for _ in range(2):
            client.send("GET / HTTP/1.1")
            assert (await client.answer())[1] == b"hello"


async def test_who_waits_learns_that_the_caller_has_gone() -> None:
    learned = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        assert (await receive())["type"] == "http.disconnect"
        await answering(b"")(scope, receive, send)  # goes nowhere
        learned.set()

    async with Served(waiting) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        await asyncio.sleep(0)
        client.close()
        async with asyncio.timeout(10):
            await learned.wait()
        assert served.defects == []


async def test_a_body_that_breaks_is_told_to_both_sides() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while told[-1:] != ["http.disconnect"]:
            told.append((await receive())["type"])
        await answering()(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n")
        async with asyncio.timeout(10):
            while not told:
                await asyncio.sleep(0.01)
        client.raw(b"nonsense\r\n")
        head, _ = await client.answer()
        assert "connection: close" in head
        assert await client.ended() == b""
    assert told[-1] == "http.disconnect"
    assert served.refusals.totals == {"malformed": 1}


async def test_a_request_whose_body_is_broken_from_the_start_never_reaches_the_application() -> None:
    calls: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])
        await answering()(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("GET /good HTTP/1.1", body=b"POST /bad HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert (await client.answer())[0].startswith("http/1.1 200 ")
        assert (await client.answer())[0].startswith("http/1.1 400 ")
        assert await client.ended() == b""
    assert calls == ["/good"]


async def test_a_body_that_breaks_is_refused_by_the_server_where_the_application_does_not() -> None:
    async with Served(echo) as served:  # it gives up when the caller is gone
        client = await served.client()
        client.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n")
        await asyncio.sleep(0.05)
        client.raw(b"nonsense\r\n")
        assert (await client.answer())[0].startswith("http/1.1 400 ")
        assert await client.ended() == b""


@pytest.mark.parametrize("line", [
    "GET /caf\u00e9 HTTP/1.1", "GET /?error=out of stock HTTP/1.1", "GET / HTTP/1.1\r\nno colon", "\x16\x03\x01",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b", "GET / HTTP/0.9", "GET /orders/1_HTTP/1.1", "GET /#a HTTP/1.1", "CONNECT x:1 HTTP/1.1",
])  # fmt: skip
@pytest.mark.parametrize("before", [b"", b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_what_is_no_http_is_refused_like_everything_else_after_what_came_before(line: str, before: bytes) -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(before + line.encode("latin-1") + b"\r\n\r\n")
        if before:
            assert (await client.answer())[1] == b"GET /first /first? "
        head, body = await client.answer()
        problem = json.loads(body)
        assert head.startswith(f"http/1.1 {501 if 'CONNECT' in line else 400} ")
        assert "content-type: application/problem+json" in head
        assert f"x-request-id: {problem['requestId']}" in head
        assert await client.ended() == b""


async def test_the_answer_to_a_plain_mistake_says_what_to_do() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(b"GET /?error=out of stock HTTP/1.1\r\nHost: x\r\n\r\n")
        assert "percent-encoded" in json.loads((await client.answer())[1])["detail"]
        client = await served.client()
        client.raw(b"GET / HTTP/1.1\r\n\r\n")
        assert "Host" in json.loads((await client.answer())[1])["detail"]


async def test_an_offer_to_upgrade_is_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    async with Served(echo) as served:
        client = await served.client()
        client.send("GET /a HTTP/1.1", *offer, body=b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [(await client.answer())[1] for _ in range(2)] == [b"GET /a /a? ", b"GET /b /b? "]
        for framing, sent in (("Content-Length: 2", b"ok"), ("Transfer-Encoding: chunked", b"2\r\nok\r\n0\r\n\r\n")):
            client.send("POST /c HTTP/1.1", *offer, framing, body=sent + b"GET /d HTTP/1.1\r\nHost: x\r\n\r\n")
            assert [(await client.answer())[1] for _ in range(2)] == [b"POST /c /c? ok", b"GET /d /d? "]
        client.send("POST /e HTTP/1.1", *offer, "Content-Length: 2")
        await asyncio.sleep(0.01)
        client.raw(b"ok")
        assert (await client.answer())[1] == b"POST /e /e? ok"
        served.refusals.tell()
        assert caplog.records == []


async def test_a_head_that_never_ends_is_refused_while_it_comes_in() -> None:
    async with Served(answering()) as served:
        for beginning, status in ((b"GET /", 414), (b"GET / HTTP/1.1\r\nX-Long: ", 431), (b"GET / HTTP/1.1\r\n", 431)):
            client = await served.client()
            client.raw(beginning + b"a: b\r\n" * HEAD_AT_MOST if beginning.endswith(b"\n") else beginning + b"x" * 3 * HEAD_AT_MOST)
            assert (await client.answer())[0].startswith(f"http/1.1 {status} ")
            assert await client.ended() == b""
        client = await served.client()
        client.raw(b"\r\n" * HEAD_AT_MOST)  # blank lines before a request
        assert (await client.answer())[0].startswith("http/1.1 431 ")


async def test_trailers_are_dropped_and_count_as_a_head_does() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await answering(repr([name for name, _ in scope["headers"]]).encode())(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        begun = ("POST / HTTP/1.1", "Transfer-Encoding: chunked")
        client.send(*begun, body=b"1\r\na\r\n0\r\nX-API-TOKEN: t\r\n\r\n")
        assert b"token" not in (await client.answer())[1]
    for trailer in (b"x" * 3 * HEAD_AT_MOST, b"a: b\r\n" * HEAD_AT_MOST):
        async with Served(echo) as served:
            client = await served.client()
            client.send(*begun, body=b"1\r\na\r\n0\r\nA: " + trailer)
            assert (await client.answer())[0].startswith("http/1.1 431 ")
            assert await client.ended() == b""


async def test_blanks_around_the_value_of_a_header_are_not_part_of_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answering(dict(scope["headers"])[b"x-api-token"])(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1", "X-API-TOKEN: \t secret \t ")
        assert (await client.answer())[1] == b"secret"


async def test_a_whole_url_and_a_star_are_targets_too() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.send("GET http://hub:8080/a?b HTTP/1.1")
        assert (await client.answer())[1] == b"GET /a /a?b "
        client.send("GET http://hub HTTP/1.1")
        assert (await client.answer())[1] == b"GET / /? "
        client.send("OPTIONS * HTTP/1.1")
        assert (await client.answer())[1] == b"OPTIONS * *? "


async def test_a_connection_with_nothing_to_do_costs_no_second_look() -> None:
    """A call that takes longer than a quiet connection may last is answered."""

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(1.0)
        await answering()(scope, receive, send)

    async with Served(slow, Limits(client_s=0.1, idle_s=0.1)) as served:
        client = await served.client()
        client.send("GET / HTTP/1.1")
        assert (await client.answer())[1] == b"hello"
        assert await client.ended() == b""
