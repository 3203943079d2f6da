"""The loop that sends webhooks: finds endpoints that are due and gives each to a session of its own.

Woken by the commits of this process, and by one look a second for those of others. It runs inside `waypost serve`,
or wherever `run` is called; on PostgreSQL several may run, each endpoint being held by one at a time.
"""

import asyncio
import contextlib
import json
import logging
import os
import random
import secrets
import time
from collections.abc import Callable, Iterable, Sequence

from waypost.app.hub import Hub
from waypost.app.ports import Tx
from waypost.app.ports.attention import Attention
from waypost.app.ports.events import FeedQuery
from waypost.app.ports.webhooks import DueWebhook
from waypost.app.writer import Writer
from waypost.domain.refusals import Refusal, Unavailable
from waypost.domain.webhooks import messages_of, patterns_of
from waypost.events.progress import defect
from waypost.events.sending import SecretLost, Sender
from waypost.events.session import Session
from waypost.outgoing.calling import Caller

LOOK_EVERY_S = 1.0
REST_S = 0.05  # between two looks, however much happens
ENDPOINTS_AT_ONCE = 64
GRACE_S = 3.0  # what is under way when it is told to stop may end within this
EVENTS_A_LOOK = 50
DEFECT_REST_S = 15  # an endpoint with which the hub failed is left alone so long
KEEP_UP = 5000  # events that an endpoint does not care for, before its cursor is moved past them

_log = logging.getLogger("waypost.webhooks")


_ITS_OWN_ERROR = (
    "It met an error of its own, which its log shows. If the settings of the webhook are the cause, set"
    " subscribedEvents anew."
)


async def tell(tx: Tx, defects: Sequence[Attention]) -> list[None]:
    """Tell somebody of what the hub itself could not do."""
    await tx.raise_attention(defects)
    return [None] * len(defects)


class Webhooks:
    """Sends what is due until it is told to stop."""

    def __init__(
        self, hub: Hub, writer: Writer, caller: Caller, chance: Callable[[], float] = random.random,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:  # fmt: skip
        self._hub = hub
        self._writer = writer
        self._caller = caller
        self._look_every_s = look_every_s
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        sender = Sender(hub.reads, caller, hub.clock)
        self._session = Session(hub, writer, sender, owner, chance, lambda: self._others_wait)
        self._others_wait = False
        self._since: dict[int, float] = {}  # when the endpoints that are due began to wait (monotonic seconds)
        self._held: dict[int, asyncio.Task[None]] = {}
        self._resting: dict[int, float] = {}  # until when (monotonic seconds): the hub failed with them
        self._passed: dict[int, int] = {}  # seqs up to which there is nothing for an endpoint
        self._woken = asyncio.Event()

    def _hear(self, account_ids: Iterable[int]) -> None:
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then let what is under way end, and write what was sent."""
        listen_no_more = self._hub.store.listen(self._hear)
        looking, told = asyncio.create_task(self._keep_looking(stop)), asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({looking, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listen_no_more()  # else each new start would leave a listener behind
            for task in (looking, told):
                task.cancel()  # also a look that waits for a database that does not answer
            await asyncio.gather(looking, told, return_exceptions=True)
            await self._end()

    async def _keep_looking(self, stop: asyncio.Event) -> None:
        while True:
            self._woken.clear()
            try:
                await self._look(stop)
            except Refusal as refusal:
                _log.warning("webhooks cannot be looked for now: %s", refusal)
            except Exception:
                _log.exception("webhooks could not be looked for")
            await asyncio.sleep(REST_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_every_s):
                    await self._woken.wait()

    async def _look(self, stop: asyncio.Event) -> None:
        found = await self._hub.reads.due_webhooks(self._hub.clock())
        now = time.monotonic()
        self._since = {due.id: self._since.get(due.id, now) for due in found}
        for due in sorted(found, key=lambda due: self._since[due.id]):  # who has waited longest comes first
            if not await self._is_wanted(due):
                continue
            if len(self._held) >= ENDPOINTS_AT_ONCE:
                self._others_wait = True
                return
            task = self._held[due.id] = asyncio.create_task(self._hold(due, stop))
            task.add_done_callback(lambda _, id_=due.id: self._let_go(id_))  # type: ignore[misc]
        self._others_wait = False

    def _let_go(self, webhook_id: int) -> None:
        del self._held[webhook_id]
        self._since[webhook_id] = time.monotonic()
        self._woken.set()

    async def _is_wanted(self, due: DueWebhook) -> bool:
        """Whether it is to be held now; an endpoint with which the hub fails does not stop the others."""
        if due.id in self._held or self._resting.get(due.id, 0.0) > time.monotonic():
            return False
        try:
            return due.retries or await self._has_news(due)
        except Unavailable:
            raise
        except Exception:
            await self._met_a_defect(due, _ITS_OWN_ERROR)
            return False

    async def _met_a_defect(self, due: DueWebhook, why: str) -> None:
        """Log what is being handled, leave the endpoint alone for a while, and tell somebody."""
        _log.exception("webhook %d met a defect of the hub and is tried again in %d s", due.id, DEFECT_REST_S)
        self._resting[due.id] = time.monotonic() + DEFECT_REST_S
        words = f"Webhook {due.id} is sent nothing; the hub tries again every {DEFECT_REST_S} s. {why}"
        told = defect(due.scope.account_id, due.scope.source_id, due.id, words, self._hub.clock())
        try:
            await self._writer.submit(tell, told)
        except Refusal as refusal:
            _log.warning("nobody is told of the defect of webhook %d yet: %s", due.id, refusal)

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

    async def _hold(self, due: DueWebhook, stop: asyncio.Event) -> None:
        self._passed.pop(due.id, None)
        try:
            await self._session.run(due.id, stop)
            self._resting.pop(due.id, None)
        except Unavailable as refusal:
            _log.warning("webhook %d is tried again soon: %s", due.id, refusal)
        except Exception as error:
            await self._met_a_defect(due, str(error) if isinstance(error, SecretLost) else _ITS_OWN_ERROR)

    async def _end(self) -> None:
        """Let what is under way end; what takes too long is left to the next start, and sent again then."""
        held = list(self._held.values())
        if held:
            _, slow = await asyncio.wait(held, timeout=GRACE_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        await self._caller.close()
