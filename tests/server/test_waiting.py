"""Nothing waits for a client without an end, and what all clients together make the server keep is bounded."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.toys import App, Client, Served, answering, echo
from waypost.http.faults import document_of
from waypost.http.log import Lines
from waypost.http.refusals import KINDS, Refusals
from waypost.server.admission import SPARE_OF_ADDRESS, Admission, Surroundings
from waypost.server.connection import Connection
from waypost.server.limits import Limits

SOON = Limits(client_s=0.3, idle_s=0.3)
MIB = 2**20
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_who_says_nothing_is_closed_and_so_is_who_asks_no_more() -> None:
    async with Served(answering(), SOON) as served:
        silent, asked = await served.client(), await served.client()
        asked.raw(HEAD)
        assert (await asked.answer())[1] == b"hello"
        assert await silent.ended() == b""
        assert await asked.ended() == b""
    assert served.refusals.totals == {"silent": 1}  # who has asked before is as it should be


@pytest.mark.parametrize("beginning", [b"G", b"GET / HTTP/1.1\r\nHost:", HEAD[:-2]])
async def test_a_head_that_does_not_end_is_told_so_in_time(beginning: bytes) -> None:
    async with Served(answering(), SOON) as served:
        client = await served.client()
        client.raw(beginning)
        head, body = await client.answer()
        assert head.startswith("http/1.1 408 ")
        told = json.loads(body)
        assert (told["code"], "within 0.3 s" in told["detail"]) == ("request_timeout", True)
        assert await client.ended() == b""
    assert served.refusals.totals == {"slow_head": 1}


async def drip(client: Client, data: bytes) -> None:
    """A byte at a time, without an end."""
    for byte in data:
        client.raw(bytes((byte,)))
        await asyncio.sleep(0.02)


async def test_a_byte_now_and_then_gains_no_time() -> None:
    async with Served(answering(), SOON) as served:
        for beginning, endless in ((b"", b"GET /" + b"a" * 10_000), (HEAD + HEAD[:-2], b"A: " + b"b" * 10_000)):
            client = await served.client()
            client.raw(beginning)
            dripping = asyncio.create_task(drip(client, endless))
            assert b" 408 " in await client.ended()
            dripping.cancel()


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for_without_an_end() -> None:
    async with Served(answering(b"no", 401), SOON) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 5", body=b"ab")
        assert (await client.answer())[0].startswith("http/1.1 401 ")
        assert await client.ended() == b""
    assert served.refusals.totals == {"rest": 1}


async def gone(served: Served, left: int = 0) -> None:
    """Wait until no more connections than these are left."""
    async with asyncio.timeout(10):
        while len(served.server.admission.connections) > left:
            await asyncio.sleep(0.01)


async def test_an_answer_that_nobody_reads_is_given_up() -> None:
    async with Served(answering(b"x" * 16 * MIB), SOON) as served:
        client = await served.client(unread=True)
        client.raw(HEAD * 2)
        async with asyncio.timeout(10):
            while served.refusals.totals != {"unread_answer": 1}:
                await asyncio.sleep(0.01)
        await gone(served)
        assert served.server.admission._held_bytes == 0


async def test_small_answers_count_as_unread_as_soon_as_the_kernel_takes_no_more() -> None:
    """An event loop alone calls 64 KiB few."""
    async with Served(answering(b"x" * 1000), SOON) as served:
        client = await served.client(unread=True)
        client.raw(HEAD)
        async with asyncio.timeout(10):
            while not served.server.admission.connections:
                await asyncio.sleep(0)
            (connection,) = served.server.admission.connections
            assert isinstance(connection, Connection)
            while not connection._transport.get_write_buffer_size():
                client.raw(HEAD)
                await asyncio.sleep(0.001)
        assert connection._unread is not None
        await gone(served, 0)
    assert served.refusals.totals == {"unread_answer": 1}


async def test_who_reads_steadily_gets_all_of_it_however_long_it_takes() -> None:
    """Each 64 KiB are worth a second."""
    async with Served(answering(b"x" * 64 * MIB), SOON) as served:
        client = await served.client()
        client.raw(HEAD)
        await client.head()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(64):
            await client.reader.readexactly(MIB)
            if loop.time() - began < 1.5:
                await asyncio.sleep(0.05)
        assert loop.time() - began > SOON.client_s
    assert "unread_answer" not in served.refusals.totals


async def test_of_too_many_unread_answers_the_longest_waiting_are_given_up() -> None:
    async with Served(answering(b"x" * 8 * MIB), Limits(held_bytes=20 * MIB)) as served:
        clients = []
        for number in range(6):
            clients.append(await served.client(unread=True))
            clients[-1].raw(HEAD)
            async with asyncio.timeout(10):
                while len(served.server.admission._held) + served.refusals.totals["held_bytes"] <= number:
                    await asyncio.sleep(0.01)
            assert served.server.admission._held_bytes <= 20 * MIB
        assert served.refusals.totals["held_bytes"] >= 3
        await clients[-1].head()
        assert len(await clients[-1].reader.readexactly(8 * MIB)) == 8 * MIB  # the last one is served


async def test_nothing_more_is_answered_while_an_answer_is_unread() -> None:
    calls = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal calls
        calls += 1
        await answering(b"x" * 8 * MIB)(scope, receive, send)

    async with Served(app) as served:
        client = await served.client(unread=True)
        client.raw(HEAD * 10)
        async with asyncio.timeout(10):
            while not served.server.admission._held:
                await asyncio.sleep(0.01)
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert calls == 1
        for _ in range(10):
            await client.head()
            await client.reader.readexactly(8 * MIB)
        assert calls == 10


async def test_a_new_connection_takes_the_place_of_the_longest_waiting() -> None:
    async with Served(answering(), Limits(connections=3)) as served:
        first, second, third = [await served.client() for _ in range(3)]
        await asyncio.sleep(0.05)
        first.raw(HEAD)
        await first.answer()  # now the second one waits longest
        fourth = await served.client()
        fourth.raw(HEAD)
        assert (await fourth.answer())[1] == b"hello"
        assert await second.ended() == b""
        for client in (first, third):
            client.raw(HEAD)
            assert (await client.answer())[1] == b"hello"
    assert served.refusals.totals["made_room"] == 1


def slow_but_for_probes(go: asyncio.Event) -> App:
    """An application that answers `/healthz` at once, and everything else after `go`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != "/healthz":
            await go.wait()
        await answering()(scope, receive, send)

    return app


async def test_when_all_are_busy_only_the_spare_paths_are_answered() -> None:
    go = asyncio.Event()
    limits = Limits(connections=3, spare=2)
    async with Served(slow_but_for_probes(go), limits, spare_paths=frozenset(("/healthz",))) as served:
        busy = [await served.client() for _ in range(3)]
        for client in busy:
            client.raw(HEAD)
        async with asyncio.timeout(10):
            while served.server.admission.waiting:
                await asyncio.sleep(0.01)
        probe, other = await served.client(), await served.client()
        probe.send("GET /healthz HTTP/1.1")
        head, _ = await probe.answer()
        assert head.startswith("http/1.1 200 ")
        assert "connection: close" in head
        other.raw(HEAD)
        assert (await other.head()).startswith("http/1.1 503 ")
        await gone(served, 3)
        more = [await served.client() for _ in range(3)]
        assert await more[2].ended() == b""  # there are two spare ones
        go.set()
        for client in busy:
            assert (await client.answer())[1] == b"hello"


async def test_an_address_has_only_so_many_connections() -> None:
    async with Served(answering(), Limits(per_address=2)) as served:
        kept = [await served.client("127.0.0.2") for _ in range(2)]
        for client in kept:
            client.raw(HEAD)
            await client.answer()
        refused = [await served.client("127.0.0.2") for _ in range(SPARE_OF_ADDRESS + 1)]
        assert await refused[-1].ended() == b""
        refused[0].raw(HEAD)
        head, body = await refused[0].answer()  # a few are told why
        assert head.startswith("http/1.1 503 ")
        assert "Your address" in json.loads(body)["detail"]
        assert await refused[0].ended() == b""
        assert await refused[1].ended() == b""
        other = await served.client("127.0.0.3")
        other.raw(HEAD)
        assert (await other.answer())[1] == b"hello"
        kept[0].close()
        await gone(served, 2)
        again = await served.client("127.0.0.2")
        again.raw(HEAD)
        assert (await again.answer())[1] == b"hello"
    # Each once, the one that was told and the one that said nothing as well, and never as if the server were full.
    assert served.refusals.totals.keys() == {"connections_of_address"}
    assert 3 <= served.refusals.totals["connections_of_address"] <= SPARE_OF_ADDRESS + 1
    assert served.server.admission._of_address == {}


async def test_the_connections_of_a_proxy_are_not_counted() -> None:
    async with Served(answering(), Limits(per_address=2), counted_as=lambda address: None) as served:
        for client in [await served.client() for _ in range(5)]:
            client.raw(HEAD)
            assert (await client.answer())[1] == b"hello"


async def test_what_is_refused_is_one_line_for_each_kind(caplog: pytest.LogCaptureFixture) -> None:
    async with Served(echo) as served:
        for _ in range(20):
            client = await served.client("127.0.0.7")
            client.raw(b"nonsense\r\n\r\n")
            await client.ended()
        served.refusals.tell()
        served.refusals.tell()
    (record,) = caplog.records
    line = json.loads(Lines().format(record))
    assert (line["level"], line["message"]) == ("warning", f"refused: {KINDS['malformed']}")
    assert (line["refused"], line["count"], line["since_start"], line["last_from"]) == ("malformed", 20, 20, "127.0.0.7")


async def test_who_sends_on_after_a_refusal_is_not_heard_for_long() -> None:
    async with Served(echo) as served:
        client = await served.client()
        client.raw(b"nonsense\r\n\r\n")
        assert (await client.head()).startswith("http/1.1 400 ")

        async def more() -> None:
            while True:
                client.raw(b"x" * 1000)
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(more())
        await gone(served)
        sending.cancel()
    assert served.refusals.totals == {"malformed": 1}


async def test_who_only_closes_its_half_is_answered() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.05)
        await echo(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 2", body=b"ok")
        client.raw(HEAD)
        client.sends_no_more()
        assert [(await client.answer())[1] for _ in range(2)] == [b"POST / /? ok", b"GET / /? "]
        assert await client.ended() == b""


async def test_who_closes_its_half_within_a_body_leaves_no_call_behind() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while told[-1:] != ["http.disconnect"]:
            told.append((await receive())["type"])
        await answering(b"cut off", 400)(scope, receive, send)

    async with Served(app) as served:
        client = await served.client()
        client.send("POST / HTTP/1.1", "Content-Length: 5", body=b"ab")
        client.sends_no_more()
        assert (await client.answer())[1] == b"cut off"
        assert await client.ended() == b""


async def test_who_is_reading_when_the_server_ends_gets_all_of_it() -> None:
    async with Served(answering(b"x" * 64 * MIB)) as served:
        client = await served.client()
        client.raw(HEAD)
        await client.head()
        async with asyncio.timeout(10):
            while not served.server.admission._held:
                await asyncio.sleep(0.01)
        stopping = asyncio.create_task(served.stop())
        for _ in range(64):
            await client.reader.readexactly(MIB)
            await asyncio.sleep(0.01)
        assert await client.ended() == b""
        await stopping


async def test_the_end_of_the_server() -> None:
    """Who is idle is closed, who waits for an answer gets it; an application that does not answer is cancelled."""
    begun, go, canceled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.set()
        try:
            await (go.wait() if scope["path"] == "/slow" else asyncio.sleep(3600))
        except asyncio.CancelledError:
            canceled.set()
        await answering()(scope, receive, send)

    served = Served(app, stop_within_s=1.0)
    async with served:
        idle, slow, stuck = [await served.client() for _ in range(3)]
        slow.send("GET /slow HTTP/1.1")
        stuck.send("GET /stuck HTTP/1.1")
        await begun.wait()
        stopping = asyncio.create_task(served.stop())
        assert await idle.ended() == b""
        go.set()
        head, _ = await slow.answer()
        assert head.startswith("http/1.1 200 ")
        assert await slow.ended() == b""
        assert not canceled.is_set()
        assert (await stuck.answer())[1] == b"hello"
        assert canceled.is_set()
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await served.client()


async def test_a_call_that_does_not_send_its_body_does_not_keep_its_place() -> None:
    """It was answered before its body was there: the connection waits for its client like an idle one."""
    async with Served(answering(), Limits(connections=5)) as served:
        for _ in range(5):
            client = await served.client("127.0.0.2")
            client.send("GET / HTTP/1.1", "Content-Length: 1")
            await client.answer()
        honest = [await served.client() for _ in range(3)]
        for client in honest:
            client.raw(HEAD)
            assert (await client.answer())[1] == b"hello"


async def test_who_does_not_read_does_not_keep_its_place() -> None:
    async with Served(answering(b"x" * 8 * MIB), Limits(connections=5)) as served:
        for _ in range(5):
            client = await served.client("127.0.0.2", unread=True)
            client.raw(HEAD)
        async with asyncio.timeout(10):
            while len(served.server.admission._held) < 5:
                await asyncio.sleep(0.01)
        for _ in range(3):
            honest = await served.client()
            honest.raw(HEAD)
            await honest.head()
            await honest.reader.readexactly(8 * MIB)


async def test_room_is_made_by_the_address_that_has_most_connections() -> None:
    async with Served(answering(), Limits(connections=10)) as served:
        honest = await served.client("127.0.0.2")
        honest.raw(HEAD)
        await honest.answer()
        flood = [await served.client("127.0.0.3") for _ in range(50)]
        honest.raw(HEAD)
        assert (await honest.answer())[1] == b"hello"
        assert await flood[0].ended() == b""


async def test_the_connections_of_a_proxy_make_no_room_while_there_are_others() -> None:
    async with Served(
        answering(), Limits(connections=10), counted_as=lambda address: None if address == "127.0.0.9" else address
    ) as served:
        proxy = [await served.client("127.0.0.9") for _ in range(8)]
        for _ in range(30):
            await served.client("127.0.0.3")
        for client in proxy:
            client.raw(HEAD)
            assert (await client.answer())[1] == b"hello"
        assert set(served.server.admission._of_address) == {"127.0.0.3"}


async def test_one_address_cannot_take_all_spare_places() -> None:
    go = asyncio.Event()
    limits = Limits(connections=2, spare=6)
    async with Served(slow_but_for_probes(go), limits, spare_paths=frozenset(("/healthz",))) as served:
        busy = [await served.client() for _ in range(2)]
        for client in busy:
            client.raw(HEAD)
        async with asyncio.timeout(10):
            while served.server.admission.waiting:
                await asyncio.sleep(0.01)
        for _ in range(20):
            await served.client("127.0.0.3")
            await served.client("127.0.0.4")
        probe = await served.client("127.0.0.5")
        probe.send("GET /healthz HTTP/1.1")
        assert (await probe.answer())[1] == b"hello"
        go.set()


class Guest:
    """A client that has not gone yet when it was cut."""

    address = ""
    is_cut = False

    def look(self, now: float) -> None: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...
    def give_way(self) -> None: ...
    def cut(self) -> None:
        self.is_cut = True


def test_of_many_who_come_at_once_only_so_many_are_spare() -> None:
    """Before the first of them has gone."""
    around = Surroundings(document_of, Refusals().count, print)
    admission = Admission(answering(), around, Limits(connections=0, spare=3))
    guests = [Guest() for _ in range(10)]
    for number, guest in enumerate(guests):
        assert admission.admit(guest, f"127.0.0.{number}")
    assert [guest.is_cut for guest in guests] == [True] * 7 + [False] * 3
    for guest in guests:
        admission.has_gone(guest)
    assert (admission.connections, admission._spare, admission._of_address) == (set(), {}, {})


async def test_a_connection_that_cannot_be_looked_after_does_not_hinder_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    async with Served(answering(), SOON) as served:
        broken = await served.client()
        broken.raw(HEAD)
        await broken.answer()
        (connection,) = served.server.admission.connections
        silent = await served.client()
        with monkeypatch.context() as patch:
            patch.setattr(connection, "look", fails)
            patch.setattr(connection, "cut", fails)
            assert await silent.ended() == b""
    assert served.defects


async def test_many_small_headers_are_too_many() -> None:
    async with Served(answering()) as served:
        for framing in ("X: y", "Transfer-Encoding: chunked"):
            client = await served.client()
            few = "a: b\r\n" * 150
            trailers = b"0\r\n" + few.encode() + b"\r\n" if "chunked" in framing else b""
            client.send("GET / HTTP/1.1", framing, *["a: b"] * 40, body=trailers)
            assert (await client.answer())[0].startswith("http/1.1 200 ")
            client.send("GET / HTTP/1.1", framing, *["a: b"] * (300 if not trailers else 100), body=trailers)
            assert (await client.answer())[0].startswith("http/1.1 431 ")
            assert await client.ended() == b""


async def test_heads_that_do_not_end_are_held_in_bounds() -> None:
    async with Served(answering(), Limits(held_bytes=MIB, per_address=100)) as served:
        clients = [await served.client("127.0.0.3") for _ in range(40)]
        for client in clients:
            client.raw(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 60_000)
        async with asyncio.timeout(10):
            while served.refusals.totals["held_bytes"] < 20:
                await asyncio.sleep(0.01)
        assert served.server.admission._held_bytes <= MIB
        honest = await served.client()
        honest.raw(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 30_000 + b"\r\n\r\n")
        assert (await honest.answer())[1] == b"hello"
    assert served.server.admission._held == {}
    assert served.server.admission._held_bytes == 0


async def test_bodies_that_the_application_reads_are_its_own_affair() -> None:
    """They come together with their heads."""
    async with Served(echo, Limits(held_bytes=200_000)) as served:
        clients = [await served.client() for _ in range(10)]
        for client in clients:
            client.send("POST / HTTP/1.1", "Content-Length: 60001", body=b"a" * 60_000)
            await asyncio.sleep(0.02)
        for client in clients:
            client.raw(b"a")
            assert (await client.answer())[0].startswith("http/1.1 200 ")
    assert served.refusals.totals == {}


async def test_bodies_behind_a_long_call_are_held_in_bounds() -> None:
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await answering()(scope, receive, send)

    async with Served(app, Limits(held_bytes=200_000)) as served:
        for _ in range(10):
            client = await served.client()
            client.raw(HEAD)
            client.send("POST / HTTP/1.1", "Content-Length: 60000", body=b"a" * 60_000)
        async with asyncio.timeout(10):
            while served.refusals.totals["held_bytes"] < 6:
                await asyncio.sleep(0.01)
        assert served.server.admission._held_bytes <= 200_000
        go.set()


async def test_the_whole_of_an_unread_answer_counts() -> None:
    """It stays in memory until its last byte is sent."""
    async with Served(answering(b"x" * 4 * MIB), Limits(held_bytes=20 * MIB)) as served:
        client = await served.client()
        client.raw(HEAD)
        await client.head()
        await client.reader.readexactly(3 * MIB)
        async with asyncio.timeout(10):
            while not served.server.admission._held:
                await asyncio.sleep(0.01)
        assert served.server.admission._held_bytes >= 4 * MIB
        await client.reader.readexactly(MIB)
        async with asyncio.timeout(10):
            while served.server.admission._held:
                await asyncio.sleep(0.01)


async def test_a_long_answer_behind_short_ones_is_not_given_up_while_it_is_read() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answering(b"x" * int(scope["path"][1:]))(scope, receive, send)

    sizes = (200_000, *[7_500] * 11, 4 * MIB)
    async with Served(app, Limits(client_s=1.0)) as served:
        client = await served.client(unread=True)
        client.raw(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % size for size in sizes))
        for size in sizes:
            await client.head()
            assert len(await client.reader.readexactly(size)) == size
