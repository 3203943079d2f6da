"""Callers that fail requests over HTTP and write down every answer they got: the truth a crash is judged by."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import httpx

from tests.support.database import rows


@dataclass
class Book:
    """What callers were told."""

    applied: set[int] = field(default_factory=set)  # 204
    refused: set[int] = field(default_factory=set)  # 503 with applied: no, and not tried again
    doubtful: set[int] = field(default_factory=set)  # no answer, or applied: unknown
    statuses: Counter[int] = field(default_factory=Counter)


async def fail_all(url: str, token: str, ids: Iterable[int], book: Book, stop: asyncio.Event) -> None:
    """Fail one request after the other until told to stop."""
    async with httpx.AsyncClient(base_url=url, headers={"X-API-TOKEN": token}, timeout=15) as client:
        for id_ in ids:
            if stop.is_set():
                return
            await _fail(client, id_, book)


async def _fail(client: httpx.AsyncClient, id_: int, book: Book) -> None:
    try:
        reply = await client.patch(f"/fulfillment-requests/{id_}/processing-failed", params={"error": f"reason {id_}"})
    except httpx.TransportError:
        book.doubtful.add(id_)
        await asyncio.sleep(0.05)  # the server is down: else its requests are used up on nothing
        return
    book.statuses[reply.status_code] += 1
    if reply.status_code == 204:
        book.applied.add(id_)
        return
    assert reply.status_code == 503, reply.text
    applied = reply.json()["applied"]
    assert applied in ("no", "unknown")
    (book.refused if applied == "no" else book.doubtful).add(id_)


async def until_applied(book: Book, more: int, callers: list["asyncio.Task[None]"]) -> None:
    """Wait until so many more changes were answered; a caller that gave up fails the test at once."""
    wanted = len(book.applied) + more
    async with asyncio.timeout(60):
        while len(book.applied) < wanted:
            for caller in callers:
                if caller.done():
                    caller.result()
                    raise AssertionError("a caller has no requests left: there must be more of them")
            await asyncio.sleep(0.001)


async def judge(url: str, book: Book) -> None:
    """Every answered change is there, none is half done, and nothing happened that nobody asked for."""
    states = {row["id"]: row for row in await rows(url, "SELECT * FROM fulfillment_request_state")}
    failed = await rows(url, "SELECT subject_id, reason FROM event WHERE type = 'fulfillment_request.failed'")
    events = Counter(row["subject_id"] for row in failed)
    reasons = {row["subject_id"]: row["reason"] for row in failed}
    for id_ in book.applied:
        state = states[id_]
        assert (state["status"], state["failure_reason"], state["version"]) == ("processing_error", f"reason {id_}", 2)
    for id_ in book.refused:
        assert states[id_]["status"] == "processing", f"{id_} was refused, but changed"
    changed = {id_ for id_, state in states.items() if state["status"] == "processing_error"}
    assert changed == set(events), "a status without its event, or an event without its status"
    assert set(events.values()) <= {1}
    assert changed <= book.applied | book.doubtful
    assert all(reasons[id_] == f"reason {id_}" for id_ in changed)
