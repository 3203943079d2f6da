"""Answers in several parts, and many clients that come together."""

import asyncio
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.toys import Served, answering
from waypost.server.limits import Limits

MIB = 2**20
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def in_parts(parts: list[bytes], length: int | None = None) -> Any:
    """An application that answers with these parts, and one that is empty at the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        size = sum(map(len, parts)) if length is None else length
        headers = [(b"content-length", str(size).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


@pytest.mark.parametrize("size", [1, 5_000, 300_000])
async def test_all_parts_arrive_in_order(size: int) -> None:
    parts = [bytes((number,)) * size for number in range(5)]
    async with Served(in_parts(parts)) as served:
        client = await served.client()
        for _ in range(2):
            client.raw(HEAD)
            assert (await client.answer())[1] == b"".join(parts)
    assert served.defects == []


async def test_a_head_is_not_sent_before_the_length_of_all_parts_is_known() -> None:
    async with Served(in_parts([b"x" * 300_000] * 3, length=600_000)) as served:
        client = await served.client()
        client.raw(HEAD)
        assert (await client.answer())[0].startswith("http/1.1 500 ")
    assert [str(defect) for defect in served.defects] == ["The answer has 900000 bytes, and says 600000."]


async def test_parts_that_nobody_reads_count_from_the_first_byte_and_are_given_up() -> None:
    async with Served(in_parts([b"x" * MIB] * 16), Limits(client_s=0.3, idle_s=0.3)) as served:
        client = await served.client(unread=True)
        client.raw(HEAD)
        held = 0
        async with asyncio.timeout(10):
            while served.refusals.totals != {"unread_answer": 1}:
                held = max(held, served.server.admission._held_bytes)
                await asyncio.sleep(0.01)
            while served.server.admission.connections:
                await asyncio.sleep(0.01)
        assert held >= 16 * MIB
        assert served.server.admission._held_bytes == 0


async def test_who_leaves_while_it_is_answered_leaves_nothing() -> None:
    async with Served(in_parts([b"x" * MIB] * 16)) as served:
        client = await served.client()
        client.raw(HEAD)
        await client.head()
        client.close()
        async with asyncio.timeout(10):
            while served.server.admission.connections:
                await asyncio.sleep(0.01)
        assert served.server.admission._held_bytes == 0
    assert served.defects == []


async def test_clients_that_come_together_are_accepted_together() -> None:
    """One in a round would let the last of them wait until all those before it had been answered again and again."""
    count = 64
    async with Served(answering()) as served:
        first = await served.client()
        first.raw(HEAD)
        await first.answer()
        with ExitStack() as stack:
            for _ in range(count):  # the kernel takes them: nothing of the server runs meanwhile
                stack.enter_context(socket.create_connection(served.address))
            rounds = 0
            while len(served.server.admission.connections) < count + 1:
                await asyncio.sleep(0)
                rounds += 1
                assert rounds <= count // 4
