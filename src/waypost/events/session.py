"""One endpoint, held by one worker: its next events in order, and what is to be tried again, step by step.

A step sends without any transaction open and is then written in one: cursor, health, the rows of its messages.
What a worker that dies has sent but not written is sent again by the next, with the same id.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from waypost.app import webhooks
from waypost.app.hub import Hub
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.webhooks import Delivery, Settlement, Webhook
from waypost.app.writer import Writer
from waypost.domain.refusals import Refusal, Unavailable
from waypost.domain.webhooks import Message
from waypost.events.pages import Pages
from waypost.events.progress import SECOND, Progress
from waypost.events.sending import CannotMake, Sender

LEASE_S = 15  # after this an endpoint whose worker has died is another's
RENEW_EVERY_S = 5.0
STEP_S = 5.0
RETRIES_A_STEP = 10
SETTLE_AGAIN_S = 1.0
SETTLE_WITHIN_S = 30.0  # while the database is away
STOP_WITHIN_S = 2.0  # for writing, once it is told to stop: what is not written is sent again, with the same id

T = TypeVar("T")

_log = logging.getLogger("waypost.webhooks")


class Claim(NamedTuple):
    """An endpoint that a worker wants to hold."""

    webhook_id: int
    owner: str
    now: int
    until: int


async def claim(tx: Tx, claims: Sequence[Claim]) -> list[Webhook | None]:
    """Hold endpoints; several claims share a transaction."""
    return [await tx.claim_webhook(*one) for one in claims]


async def renew(tx: Tx, claims: Sequence[Claim]) -> list[bool]:
    """Hold endpoints longer, as far as they are still held."""
    return [await tx.renew_webhook(one.webhook_id, one.owner, one.until) for one in claims]


class Step(NamedTuple):
    """What a step has done, and what somebody must be told of it."""

    settlement: Settlement
    defect: Attention | None


async def settle(tx: Tx, steps: Sequence[Step]) -> list[Webhook | None]:
    """Write what was done; the steps of several endpoints share a transaction."""
    held = await tx.settle_webhooks([step.settlement for step in steps])
    both = zip(steps, held, strict=True)
    await tx.raise_attention([step.defect for step, hook in both if hook is not None and step.defect is not None])
    return held


class Session:
    """One worker with one endpoint."""

    def __init__(
        self, hub: Hub, writer: Writer, sender: Sender, owner: str, chance: Callable[[], float],
        others_wait: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._hub = hub
        self._writer = writer
        self._sender = sender
        self._owner = owner
        self._chance = chance
        self._others_wait = others_wait
        self._pages = Pages(hub.reads)

    async def run(self, webhook_id: int, stop: asyncio.Event) -> None:
        """Work until nothing is left, until others wait for their turn, or until told to stop.

        A cancelled session writes what it has sent.
        """
        now = self._hub.clock()
        asked = Claim(webhook_id, self._owner, now, now + LEASE_S * SECOND)
        hook = await self._writer.submit(claim, asked)
        while hook is not None and hook.status == "active":
            hook = await self._step(hook, stop)

    async def _step(self, hook: Webhook, stop: asyncio.Event) -> Webhook | None:
        """The endpoint as it is after this step, as long as there is more to do."""
        progress = Progress(hook, self._chance)
        broken: list[BaseException] = []
        renewing = asyncio.create_task(self._renew(hook.id))
        try:
            both = self._advance(hook, progress, stop), self._retry(hook, progress, stop)
            results = await asyncio.gather(*both, return_exceptions=True)
            broken = [result for result in results if result is not None]
        except asyncio.CancelledError as cancelled:
            broken = [cancelled]
        finally:
            renewing.cancel()
        goes_on = progress.more and not (progress.is_over or stop.is_set() or broken or self._others_wait())
        why = progress.given_up_because(self._hub.clock())
        settled = await _in_time(self._settle(progress, goes_on), stop)
        if broken:
            raise broken[0]
        if why is not None and settled is not None:
            with contextlib.suppress(Refusal):
                disabled = self._hub.changes.record(webhooks.disabling(hook.account_id, hook.id, *why))
                await _in_time(disabled, stop)
            return None
        return settled if goes_on else None

    async def _renew(self, webhook_id: int) -> None:
        """Keep holding the endpoint while a step takes its time."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            now = self._hub.clock()
            try:
                await self._writer.submit(renew, Claim(webhook_id, self._owner, now, now + LEASE_S * SECOND))
            except Unavailable:
                pass  # the next renewal may get through: the lease lasts for several
            except Exception:
                _log.exception("cannot renew the lease of webhook %d", webhook_id)

    async def _settle(self, progress: Progress, goes_on: bool) -> Webhook | None:
        """Write the step; while the database is away, try again for a while."""
        begun_s = time.monotonic()
        while True:
            now = self._hub.clock()
            try:
                until = now + LEASE_S * SECOND if goes_on else 0
                return await self._writer.submit(settle, Step(progress.settlement(self._owner, until), progress.defect))
            except Unavailable:
                if time.monotonic() - begun_s > SETTLE_WITHIN_S:
                    raise
                await asyncio.sleep(SETTLE_AGAIN_S)

    async def _advance(self, hook: Webhook, progress: Progress, stop: asyncio.Event) -> None:
        """The next events, in order."""
        page = await self._pages.after(hook)
        ids = [message.id for _, some in page.messages for message in some]
        known = await self._hub.reads.deliveries_of(hook.id, ids) if ids else {}
        begun_s = time.monotonic()
        for seq, some in page.messages:
            for message in some:
                row = known.get(message.id)
                if row is not None and row.status == "delivered":
                    continue
                if not await self._passed(hook, message, row, progress, hook.strict_order):
                    return
            progress.cursor = seq
            if progress.is_over or stop.is_set() or time.monotonic() - begun_s > STEP_S:
                progress.more = True
                return
        progress.cursor = max(page.reached, hook.cursor)
        progress.more |= page.reached < (await self._hub.reads.heads([hook.account_id]))[hook.account_id]

    async def _passed(
        self, hook: Webhook, message: Message, known: Delivery | None, progress: Progress, strict: bool
    ) -> bool:
        """Send one message; whether the cursor may go past it."""
        try:
            sent = await self._sender.send(hook, message)
        except CannotMake:
            progress.not_made(message, known, self._hub.clock())
            return True
        if sent.delivered:
            progress.delivered(message, known, sent)
            return True
        progress.failed(message, known, sent, strict)
        return not (strict or progress.gone)

    async def _retry(self, hook: Webhook, progress: Progress, stop: asyncio.Event) -> None:
        """What is to be tried again, the longest due first."""
        due = await self._hub.reads.due_deliveries(hook.id, hook.cursor, self._hub.clock(), RETRIES_A_STEP)
        if not due:
            return
        seqs = [row.seq for row in due if row.seq is not None]
        events = await self._hub.reads.events_by_seq(hook.scope, seqs) if seqs else {}
        begun_s = time.monotonic()
        progress.more |= len(due) == RETRIES_A_STEP
        for row in due:
            if row.seq is not None and row.seq not in events:
                progress.forgotten(row, self._hub.clock())
                continue
            message = Message(row.message_id, row.name, None if row.seq is None else events[row.seq])
            await self._passed(hook, message, row, progress, strict=False)
            if progress.is_over or stop.is_set() or time.monotonic() - begun_s > STEP_S:
                progress.more = True
                return


async def _in_time(work: Awaitable[T], stop: asyncio.Event) -> T:
    """What comes of writing. Once told to stop, raises `Unavailable` after `STOP_WITHIN_S`."""
    task, told = asyncio.ensure_future(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, told}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=STOP_WITHIN_S)
        if not task.done():
            raise Unavailable("The hub stops while the database is away: what was sent is sent again.", "unknown")
        return task.result()
    finally:
        task.cancel()
        told.cancel()
