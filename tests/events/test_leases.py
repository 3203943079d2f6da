"""Who holds an endpoint: one worker at a time, and who has lost it changes nothing any more."""

from typing import Any

from tests.events.conftest import Sending
from tests.support.database import rows
from waypost.app.ports.webhooks import Settlement, Webhook
from waypost.events.session import LEASE_S, Claim, Step, claim, renew, settle

SECOND = 1_000_000  # microseconds
URL = "http://127.0.0.1:65001/"


class Endpoint:
    """A webhook, and the workers that want it."""

    def __init__(self, sending: Sending, id_: int) -> None:
        self._sending = sending
        self.id = id_

    def _claim(self, owner: str) -> Claim:
        now = self._sending.clock()
        return Claim(self.id, owner, now, now + LEASE_S * SECOND)

    async def claimed(self, owner: str) -> bool:
        """Whether this worker gets it."""
        return await self._sending.writer.submit(claim, self._claim(owner)) is not None

    async def renewed(self, owner: str) -> bool:
        """Whether this worker still holds it, and longer."""
        held: bool = await self._sending.writer.submit(renew, self._claim(owner))
        return held

    async def settled(self, owner: str, cursor: int, failures: int = 0) -> Webhook | None:
        """What this worker has done is written, and the endpoint is let go."""
        done = Settlement(self.id, owner, cursor, failures, None, 0, 0, ())
        return await self._sending.writer.submit(settle, Step(done, None))

    async def row(self) -> dict[str, Any]:
        """As it is stored."""
        names = "cursor, failures, lease_owner, lease_until, paused_until"
        (row,) = await rows(self._sending.database_url, f"SELECT {names} FROM webhook WHERE id = $1", self.id)
        return row


async def endpoint(sending: Sending) -> Endpoint:
    """A new one."""
    return Endpoint(sending, (await sending.configure(URL))["id"])


async def test_an_endpoint_is_held_by_one_worker(sending: Sending) -> None:
    hook = await endpoint(sending)
    assert await hook.claimed("one")
    assert not await hook.claimed("two")
    sending.clock.shift_s = LEASE_S / 2
    assert not await hook.claimed("two")
    assert await hook.renewed("one")
    sending.clock.shift_s = LEASE_S * 1.25
    assert not await hook.claimed("two")
    sending.clock.shift_s = LEASE_S * 1.75
    assert await hook.claimed("two")
    assert (await hook.row())["lease_owner"] == "two"


async def test_who_lost_an_endpoint_neither_renews_nor_settles_it(sending: Sending) -> None:
    hook = await endpoint(sending)
    assert await hook.claimed("one")
    sending.clock.shift_s = LEASE_S + 1
    assert await hook.claimed("two")
    before = await hook.row()
    assert not await hook.renewed("one")
    assert await hook.settled("one", cursor=before["cursor"] + 100, failures=7) is None
    assert await hook.row() == before
    settled = await hook.settled("two", cursor=before["cursor"] + 1)
    assert settled is not None
    assert (await hook.row())["cursor"] == before["cursor"] + 1


async def test_a_cursor_never_goes_back(sending: Sending) -> None:
    """It may have been set to the head of the log while a worker was sending what came before."""
    hook = await endpoint(sending)
    assert await hook.claimed("one")
    await rows(sending.database_url, "UPDATE webhook SET cursor = 1000 WHERE id = $1", hook.id)
    await hook.settled("one", cursor=5)
    assert (await hook.row())["cursor"] == 1000
    assert await hook.claimed("one")
    await hook.settled("one", cursor=1001)
    assert (await hook.row())["cursor"] == 1001
