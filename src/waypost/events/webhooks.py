"""The loop that sends webhooks: finds endpoints that are due and gives each to a session of its own.

Woken by the commits of this process, and by one look a second for those of others. It runs inside `waypost serve`,
or wherever `run` is called; on PostgreSQL several may run, each endpoint being held by one at a time.
"""

import asyncio
import json
import logging
import os
import random
import secrets
from collections.abc import Callable, Iterable

from waypost.app.hub import Hub
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.webhooks import DueWebhook
from waypost.app.writer import Writer
from waypost.domain.refusals import Refusal
from waypost.domain.webhooks import messages_of, patterns_of
from waypost.events.sending import Sender
from waypost.events.session import Session
from waypost.outgoing.calling import Caller

LOOK_EVERY_S = 1.0
REST_S = 0.05  # between two looks, however much happens
ENDPOINTS_AT_ONCE = 64
GRACE_S = 3.0  # what is under way when it is told to stop may end within this
EVENTS_A_LOOK = 50
KEEP_UP = 5000  # events that an endpoint does not care for, before its cursor is moved past them

_log = logging.getLogger("waypost.webhooks")


class Webhooks:
    """Sends what is due until it is told to stop."""

    def __init__(
        self, hub: Hub, writer: Writer, caller: Caller, chance: Callable[[], float] = random.random,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._caller = caller
        self._look_every_s = look_every_s
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._session = Session(hub, writer, Sender(hub.reads, caller, hub.clock), owner, chance)
        self._held: dict[int, asyncio.Task[None]] = {}
        self._passed: dict[int, int] = {}  # seqs up to which there is nothing for an endpoint
        self._woken = asyncio.Event()

    def _hear(self, account_ids: Iterable[int]) -> None:
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then let what is under way end, and write what was sent."""
        listen_no_more = self._hub.store.listen(self._hear)
        ending = asyncio.create_task(stop.wait())
        ending.add_done_callback(lambda _: self._woken.set())
        try:
            while not stop.is_set():
                self._woken.clear()
                try:
                    await self._look(stop)
                except Refusal as refusal:
                    _log.warning("webhooks cannot be looked for now: %s", refusal)
                except Exception:
                    _log.exception("webhooks could not be looked for")
                await self._rest(stop)
        finally:
            listen_no_more()  # else each new start would leave a listener behind
            ending.cancel()
            await self._end()

    async def _rest(self, stop: asyncio.Event) -> None:
        """Until something happened or it is time to look anyway, but a little while in any case."""
        for event, seconds in ((stop, REST_S), (self._woken, self._look_every_s)):
            if stop.is_set():
                return
            try:
                async with asyncio.timeout(seconds):
                    await event.wait()
            except TimeoutError:
                pass

    async def _look(self, stop: asyncio.Event) -> None:
        for due in await self._hub.reads.due_webhooks(self._hub.clock()):
            if len(self._held) >= ENDPOINTS_AT_ONCE:
                return
            if due.id not in self._held and (due.retries or await self._has_news(due)):
                task = self._held[due.id] = asyncio.create_task(self._hold(due.id, stop))
                task.add_done_callback(lambda _, id_=due.id: self._let_go(id_))  # type: ignore[misc]

    def _let_go(self, webhook_id: int) -> None:
        del self._held[webhook_id]
        self._woken.set()

    async def _has_news(self, due: DueWebhook) -> bool:
        """Whether something in the log is for this endpoint; what is not is passed over without writing."""
        after = max(due.cursor, self._passed.get(due.id, 0))
        if after >= due.head:
            return False
        subscribed = json.loads(due.subscribed)
        page = await self._hub.reads.feed(FeedQuery(due.scope, after, patterns_of(subscribed), EVENTS_A_LOOK))
        if any(messages_of(event, subscribed) for event in page.events):
            return True
        self._passed[due.id] = page.reached
        if page.reached < page.head:
            self._woken.set()
        return page.reached - due.cursor >= KEEP_UP

    async def _hold(self, webhook_id: int, stop: asyncio.Event) -> None:
        self._passed.pop(webhook_id, None)
        try:
            await self._session.run(webhook_id, stop)
        except Refusal as refusal:
            _log.warning("webhook %d waits for its lease to end: %s", webhook_id, refusal)
        except Exception:
            _log.exception("webhook %d met a defect and waits for its lease to end", webhook_id)

    async def _end(self) -> None:
        """Let what is under way end; what takes too long is left to the next start, and sent again then."""
        held = list(self._held.values())
        if held:
            _, slow = await asyncio.wait(held, timeout=GRACE_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        await self._caller.close()
