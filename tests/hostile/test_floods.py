"""Floods: what many silent, slow or greedy clients get, how long they stay, and what is left of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import pytest_asyncio

from tests.fault.merchant import TOKEN, fill
from tests.hostile.flood import Flood, allow_many_files
from tests.hostile.raw import complaints, forget_peak, peak_mib, resident_mib
from tests.support.engines import SqliteEngine
from tests.support.process import ServerProcess, waypost

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE_MIB = 20  # of memory, that a flood may leave behind
WAIT_S = 2  # of the server, for its clients
OVER_S = 20.0  # by then everything has ended, on a slow machine too
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = f"POST /orders HTTP/1.1\r\nHost: x\r\nX-API-TOKEN: {TOKEN}\r\nContent-Type: application/json\r\n".encode()
PAGE = f"GET /orders?pageSize=1000 HTTP/1.1\r\nHost: x\r\nX-API-TOKEN: {TOKEN}\r\n\r\n".encode()
CONTRACT = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL = b"GET /docs/waypost.svg HTTP/1.1\r\nHost: x\r\n\r\n"
POLL = f"GET /events?wait=3&after=latest HTTP/1.1\r\nHost: x\r\nX-API-TOKEN: {TOKEN}\r\n\r\n".encode()


class Hub(NamedTuple):
    """A server, its log, and two tokens of one account: the flood has the first one."""

    server: ServerProcess
    log: Path
    other_token: str

    @asynccontextmanager
    async def flood(self, count: int, data: bytes = b"", segment: int | None = None) -> AsyncIterator[Flood]:
        """So many connections that have sent this."""
        made = await asyncio.to_thread(Flood, self.server.port, count, data, segment=segment)
        try:
            yield made
        finally:
            made.end()

    async def is_well(self) -> None:
        """A well-behaved client gets what it wants."""
        async with httpx.AsyncClient(base_url=self.server.url, timeout=30) as client:
            for path in ("/healthz", "/readyz", "/account"):
                reply = await client.get(path, headers={"X-API-TOKEN": self.other_token})
                assert reply.status_code == 200, reply.text

    async def has_refused(self, count: int, *kinds: str) -> None:
        """Wait until the log tells of so many, of these kinds together."""
        async with asyncio.timeout(10):
            while self.refusals(*kinds) < count:
                await asyncio.sleep(0.1)

    def refusals(self, *kinds: str) -> int:
        """How many the log tells of, of these kinds together."""
        told = re.findall(rf'"refused":"(?:{"|".join(kinds)})","count":(\d+)', self.log.read_text())
        return sum(map(int, told))

    def told(self, kind: str) -> int:
        """How many lines tell of this kind."""
        return self.log.read_text().count(f'"refused":"{kind}"')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """One server for all floods."""
    allow_many_files()
    folder = tmp_path_factory.mktemp("floods")
    url = await SqliteEngine(folder).migrated()
    await fill(url, 500)
    code, said = await waypost("token", "create", "--database", url, "--name", "other")
    token = re.search(r"wp_\S+", said)
    assert code == 0, said
    assert token is not None, said
    server = ServerProcess(
        url, folder / "log", "--client-timeout", str(WAIT_S), "--idle-timeout", str(WAIT_S),
        "--max-calls-per-token", "100",
    )  # fmt: skip
    server.run_by()  # its memory is measured: it has none of another process
    async with server:
        yield Hub(server, folder / "log", token[0])


@pytest_asyncio.fixture(loop_scope="module")
async def hub(served: Hub) -> AsyncIterator[Hub]:
    """The server; afterwards it is well, and its log tells of no defect."""
    yield served
    await served.is_well()
    assert complaints(served.log.read_text()) == []


async def leaves_little(hub: Hub, flood: Callable[[int], Awaitable[None]], count: int) -> None:
    """The flood, once small and once large: the large one leaves at most MORE_MIB more behind."""
    await flood(count // 10)
    before = resident_mib(hub.server.pid)
    await flood(count)
    await hub.is_well()
    assert resident_mib(hub.server.pid) <= before + MORE_MIB


async def test_silent_connections_end_in_time(hub: Hub) -> None:
    async def flood(count: int) -> None:
        async with hub.flood(count) as made:
            await hub.is_well()
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    await leaves_little(hub, flood, 2000)
    await hub.has_refused(2000, "silent")
    assert hub.told("silent") < 100


async def test_heads_that_do_not_end_are_refused_in_time(hub: Hub) -> None:
    async def flood(count: int) -> None:
        async with hub.flood(count, HEAD) as made:
            await hub.is_well()
            for _ in range(3 * WAIT_S):
                await asyncio.to_thread(made.send, b"a: b\r\n")  # a header now and then gains no time
                await asyncio.sleep(0.5)
            await asyncio.sleep(0.5)
            assert set(await asyncio.to_thread(made.statuses)) <= {b"HTTP/1.1 408 Request Timeout", b""}
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    await leaves_little(hub, flood, 1000)
    await hub.has_refused(1000, "slow_head")


@pytest.mark.parametrize("rest", [b"Content-Length: 500000\r\n\r\n" + b"x" * 1000, b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
                                  b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])  # fmt: skip
async def test_bodies_that_do_not_come_hold_nobody_else_up(rest: bytes, hub: Hub) -> None:
    """Of one token 100 calls may be under way here: the others are told so, and another token is served."""

    async def flood(count: int) -> None:
        async with hub.flood(count, POST + rest) as made:
            await hub.is_well()
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    await leaves_little(hub, flood, 1000)
    log = hub.log.read_text()
    assert log.count('"status":429') >= 800
    assert log.count('"status":408') >= 50


async def test_answers_that_nobody_reads_are_bounded_and_given_up(hub: Hub) -> None:
    """Each asks for a page of about a megabyte, and reads nothing.

    The first flood leaves 10 to 25 MiB with the process: memory is cut up. Further ones find that place.
    """
    most = 0.0

    async def flood(count: int) -> None:
        nonlocal most
        async with hub.flood(count, PAGE) as made:
            for _ in range(20):
                most = max(most, resident_mib(hub.server.pid))
                await asyncio.sleep(0.1)
            await hub.is_well()
            assert await asyncio.to_thread(made.left_unread, OVER_S) == 0

    before = resident_mib(hub.server.pid)
    await flood(95)  # of one token 100 calls may be under way here
    await leaves_little(hub, flood, 95)
    assert resident_mib(hub.server.pid) < before + 50
    assert most < before + 64 + 100  # the limit of all answers, and what the calls under way hold


async def test_asking_on_and_on_without_reading_gains_nothing(hub: Hub) -> None:
    async def flood(count: int) -> None:
        async with hub.flood(count, CONTRACT * 100) as made:
            await hub.is_well()
            assert await asyncio.to_thread(made.left_unread, OVER_S) == 0

    await leaves_little(hub, flood, 200)
    await hub.has_refused(150, "unread_answer", "held_bytes")


async def test_asking_at_once_for_what_is_large_takes_no_more_memory(hub: Hub) -> None:
    """Each asks for the contract in the same moment: so the server has had no time yet to cut any of them.

    The kernel takes little of an answer, so the server holds it. A copy for each would have far more than the limit here.
    """

    async def flood(count: int) -> None:
        async with hub.flood(count, segment=1000) as made:
            await hub.is_well()
            await asyncio.to_thread(made.send, CONTRACT)
            await hub.is_well()
            assert await asyncio.to_thread(made.left_unread, OVER_S) == 0

    before = resident_mib(hub.server.pid)
    forget_peak(hub.server.pid)
    held = hub.refusals("unread_answer", "held_bytes")
    await leaves_little(hub, flood, 800)
    await hub.has_refused(held + 700, "unread_answer", "held_bytes")  # else the kernel has taken it all
    assert peak_mib(hub.server.pid) < before + 64


@pytest.mark.parametrize("first", [CONTRACT, POLL], ids=["unread", "long poll"])
async def test_requests_that_wait_for_the_one_before_are_bounded(first: bytes, hub: Hub) -> None:
    """Of each connection, as many requests with as many headers as one read takes."""
    data = first + (HEAD + b"a:\r\n" * 190 + b"\r\n") * 70

    async def flood(count: int) -> None:
        async with hub.flood(count, data) as made:
            await asyncio.sleep(1)
            await hub.is_well()
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    before = resident_mib(hub.server.pid)
    forget_peak(hub.server.pid)
    await leaves_little(hub, flood, 400)
    assert peak_mib(hub.server.pid) < before + 64


async def test_heads_of_many_headers_that_do_not_end_are_bounded(hub: Hub) -> None:
    async def flood(count: int) -> None:
        async with hub.flood(count, HEAD + b"a:\r\n" * 198) as made:
            await hub.is_well()
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    before = hub.refusals("held_bytes")
    await leaves_little(hub, flood, 2000)
    await hub.has_refused(before + 1000, "held_bytes")


async def test_small_answers_that_nobody_reads_leave_little(hub: Hub) -> None:
    """As many as the kernel takes, and some more: how many it takes is not the same each time."""

    async def flood(count: int) -> None:
        async with hub.flood(count) as made:
            for _ in range(6):
                await asyncio.to_thread(made.send, SMALL * 25)
                await asyncio.sleep(0.2)
            await hub.is_well()
            assert await asyncio.to_thread(made.left, OVER_S) == 0

    await leaves_little(hub, flood, 200)


async def test_a_body_that_takes_long_to_read_holds_nobody_else_up(hub: Hub) -> None:
    """As many values as a body may have, each of which must be read with care."""
    body = b"[" + b'{"a":1e1},' * 49_000 + b"{}]"
    headers = {"X-API-TOKEN": hub.other_token, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=hub.server.url, timeout=60) as client:
        bulk = asyncio.create_task(client.post("/fulfillment-requests/bulk", content=body, headers=headers))
        answered = 0
        while not bulk.done():
            assert (await client.get("/healthz")).status_code == 200
            answered += 1
        reply = await bulk
    assert reply.status_code == 400
    assert answered > 20  # a few before all of it was sent


async def test_refusals_are_few_lines(hub: Hub) -> None:
    before = len(hub.log.read_bytes())
    for _ in range(4):
        async with hub.flood(500, b"nonsense\r\n\r\n") as made:
            assert await asyncio.to_thread(made.left, OVER_S) == 0
    await hub.has_refused(2000, "malformed")
    assert len(hub.log.read_bytes()) - before < 20_000


async def test_with_few_files_the_hub_still_answers(tmp_path: Path) -> None:
    """`ulimit -n 1024`, and more idle connections than that."""
    url = await SqliteEngine(tmp_path).migrated()
    await fill(url, 1)
    server = ServerProcess(url, tmp_path / "log")
    server.run_by("prlimit", "--nofile=1024:1024")
    async with server:
        made = await asyncio.to_thread(Flood, server.port, 1100)
        async with httpx.AsyncClient(base_url=server.url, timeout=10) as client:
            for _ in range(20):
                for path in ("/healthz", "/readyz", "/account"):
                    assert (await client.get(path, headers={"X-API-TOKEN": TOKEN})).status_code == 200
            for _ in range(20):  # each on a connection of its own
                async with httpx.AsyncClient(timeout=10) as client:
                    assert (await client.get(f"{server.url}/healthz")).status_code == 200
        made.end()
    assert '"refused":"made_room"' in (tmp_path / "log").read_text()
    assert complaints((tmp_path / "log").read_text()) == []
