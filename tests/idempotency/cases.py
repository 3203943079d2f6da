"""What becomes of one key, for one call: each case of the table begins with the same data."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.access.matrix import Digest, table_digest
from tests.idempotency.calls import Sample, in_any_status, others, refused
from tests.idempotency.databases import Databases, Holder
from tests.idempotency.hubs import Elsewhere, Running, elsewhere, keyed, lock_waited_for, running, until_either
from tests.idempotency.rows import Rows, all_rows, differing_tables
from tests.support.asgi import Reply
from tests.support.database import is_sqlite

REPLAYED = "idempotent-replayed"
REPLAY = "="
NOT_ALLOWED = "400:not_allowed_from_status"
HERE = keyed("one-key")
# What a cell leaves out: the only codes that these statuses should have.
USUAL = {400: "invalid_input", 404: "not_found", 409: "idempotency_key_in_progress", 412: "precondition_failed",
         422: "idempotency_key_reused"}  # fmt: skip
Cells = dict[str, str]


def _document(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return reply.body


def differences(reply: Reply, first: Reply) -> list[str]:
    """Where a reply is not the first one: its status, headers, members of its body."""
    if reply.status != first.status:
        return [str(reply.status)]
    names = (reply.headers.keys() | first.headers.keys()) - {REPLAYED, "content-length"}
    found = sorted(name for name in names if reply.headers.get(name) != first.headers.get(name))
    if reply.body != first.body:
        one, two = _document(reply), _document(first)
        if isinstance(one, dict) and isinstance(two, dict):
            found += sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name)) or ["spelling"]
        else:
            found.append("body")
    return found


def shown(reply: Reply, first: Reply | None = None) -> str:
    """The cell of a reply: `=` for a replay of the first one and where it differs; else its status, and its code."""
    if reply.headers.get(REPLAYED) == "true":
        return REPLAY if first is None else "-".join([REPLAY, *differences(reply, first)])
    if reply.status < 400:
        return str(reply.status)
    code = reply.json()["code"]
    return str(reply.status) if USUAL.get(reply.status) == code else f"{reply.status}:{code}"


class Case:
    """One call, in every case. `socket`: of the other process."""

    def __init__(self, databases: Databases, socket: str, one: Sample) -> None:
        self._databases = databases
        self._socket = socket
        self._one = one
        # What later cases are compared with: the reply to the first call, how a repeat of it was answered, and the rows.
        self._first = Reply(0, {}, b"")
        self._replay = ""
        self._once: Rows = {}

    @property
    def _holder(self) -> Holder:
        return self._databases.holder(self._one.token)

    async def cells(self) -> Cells:
        """All of them, by column."""
        return {
            **await self._afresh(self._in_sequence), **await self._afresh(self._in_progress),
            **await self._afresh(self._in_one_batch), **await self._afresh(self._in_two_processes),
        }  # fmt: skip

    async def _afresh(self, case: Callable[[str], Awaitable[Cells]]) -> Cells:
        return await case(await self._databases.fresh_for(self._one))

    def _call(self, hub: Running | Elsewhere, one: Sample | None = None, **headers: str) -> Awaitable[Reply]:
        return hub.call(one or self._one, self._holder.first, {**HERE, **headers})

    async def _in_sequence(self, url: str) -> Cells:
        """One call after the other, each with the same key."""
        one = self._one
        async with table_digest(url) as digest:
            async with running(url) as hub:
                watch = _Watch(digest, await digest())
                cells = {"dry": await watch.unchanged(self._call(hub, one.asking(dryRun="true")))}
                cells["refused"] = await self._refusals(hub, watch)
                first = await self._call(hub)
                cells["first"] = shown(first) + _validators(first) + ("" if await watch.has_changed() else " unchanged")
                cells["again"] = await watch.unchanged(self._call(hub), first)
                self._replay = cells["again"]
                cells["other"] = await self._others(hub, watch, first)
                cells["later"] = await watch.unchanged(self._call(hub, one.asking(dryRun="true")), first)
                rotated = hub.call(one, self._holder.rotated, HERE)
                cells["rotated"] = await watch.unchanged(rotated, first)
                cells["family"] = await self._of_another_family(hub)
            async with elsewhere(self._socket, url) as restarted:
                watch = _Watch(digest, await digest())
                cells["restart"] = await watch.unchanged(self._call(restarted), first)
        return cells

    async def _refusals(self, hub: Running, watch: "_Watch") -> str:
        """Which statuses refused it before it was made."""
        seen = set()
        for other, headers in refused(self._one):
            # As a dry run first: what would be made is not asked for.
            asked = other if "dryRun=" in other.target else other.asking(dryRun="true")
            if (await self._call(hub, asked, **headers)).status >= 400:
                seen.add(await watch.unchanged(self._call(hub, other, **headers)))
        for other in in_any_status(self._one):
            if shown(await self._call(hub, other.asking(dryRun="true"))) == NOT_ALLOWED:
                seen.add(await watch.unchanged(self._call(hub, other)))
                break
        return "+".join(sorted(seen))

    async def _others(self, hub: Running, watch: "_Watch", first: Reply) -> str:
        """How the same key is refused for each other call. What is bad input in itself is refused for that."""
        seen = set()
        for place, other in others(self._one):
            reply = await self._call(hub, other)
            if reply.status == 400 and reply.json()["code"] == "invalid_input":
                continue
            cell = shown(reply, first)
            seen.add(cell if cell == "422" else f"{cell}({place})")
        return "+".join(sorted(seen)) + ("!" if await watch.has_changed() else "")

    async def _of_another_family(self, hub: Running) -> str:
        """The second call, by somebody else; and what was made then, once more."""
        second = await hub.call(self._one, self._holder.another, HERE)
        if second.status >= 400:
            return shown(second)
        return shown(second) + shown(await hub.call(self._one, self._holder.another, HERE), second)

    async def _in_progress(self, url: str) -> Cells:
        """The second call comes while the first one waits for the writer."""
        async with running(url) as hub:
            async with hub.held_up():
                going = asyncio.ensure_future(self._call(hub))
                if not await hub.until_queued(going, 1):
                    return {"busy": f"answered:{shown(await going)}"}
                second = asyncio.ensure_future(self._call(hub))
                waits = await hub.until_queued(second, 2)
            first, refusal = await going, await second
            self._once = await all_rows(url)
            self._first = first
            again = await self._call(hub)
        at_once = "waits:" if waits else ""
        return {"busy": f"{shown(first)} {at_once}{shown(refusal, first)} {shown(again, first)}"}

    async def _in_one_batch(self, url: str) -> Cells:
        """The caller of the first call leaves while it waits for the writer, and comes back with the same call."""
        async with running(url) as hub:
            async with hub.held_up():
                left = asyncio.ensure_future(self._call(hub))
                if not await hub.until_queued(left, 1):
                    return {"batch": f"answered:{shown(await left)}"}
                left.cancel()
                await asyncio.wait([left])
                back = asyncio.ensure_future(self._call(hub))
                await hub.until_queued(back, 2)
            reply = await back
            again = await self._call(hub)
        return {"batch": f"{shown(reply, self._first)} {shown(again, reply)}{await self._more_than_once(url)}"}

    async def _in_two_processes(self, url: str) -> Cells:
        """The call comes to another process while the first one's change is made, and not yet committed.

        It is refused before the commit, or waits for it and is a replay. On SQLite nobody else can begin to write
        before the commit.
        """
        async with running(url) as here, elsewhere(self._socket, url) as there:
            here.store.go_on.clear()
            going = asyncio.ensure_future(self._call(here))
            await until_either(here.store.full.wait(), going)
            second = asyncio.ensure_future(self._call(there))
            await there.until_entered(second)
            if not is_sqlite(url):
                await until_either(lock_waited_for(url), second)
            early = second.done()
            here.store.go_on.set()
            first, other = await going, await second
            after = await self._call(there)
        told = shown(other, first)
        is_once = told == "409" if early or not is_sqlite(url) else told.startswith(REPLAY) and told == self._replay
        cell = f"{shown(first)} {'once' if is_once else told} {shown(after, first)}"
        return {"processes": cell + await self._more_than_once(url)}

    async def _more_than_once(self, url: str) -> str:
        """The tables whose rows are not those that one call leaves."""
        return "".join(f" !{table}" for table in differing_tables(self._once, await all_rows(url)))


class _Watch:
    """Tells whether a call has changed anything in the database."""

    def __init__(self, digest: Digest, now: str) -> None:
        self._digest = digest
        self._before = now

    async def has_changed(self) -> bool:
        """Whether anything is different since the last look."""
        before, self._before = self._before, await self._digest()
        return before != self._before

    async def unchanged(self, call: Awaitable[Reply], first: Reply | None = None) -> str:
        """The cell of a call that should change nothing; `!` when it did."""
        cell = shown(await call, first)
        return f"{cell}!" if await self.has_changed() else cell


def _validators(reply: Reply) -> str:
    """Which headers of a success a repeat has to give again."""
    return "".join(f" {mark}" for name, mark in (("etag", "E"), ("location", "L")) if name in reply.headers)
