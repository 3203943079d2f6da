"""Look-ups that arrive together become one, and each is answered for itself."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.support.merchant import Merchant
from waypost.app.actor import Scope
from waypost.app.ports import Store
from waypost.domain.statuses import Status
from waypost.storage import gathering
from waypost.storage.gathering import Gathering


class Doubling:
    """Answers numbers with their doubles, when `gate` is open."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, keys: Sequence[int]) -> Sequence[int]:
        """Look up."""
        self.asked.append(list(keys))
        await self.gate.wait()
        if 13 in keys:
            raise RuntimeError("unlucky")
        return [key * 2 for key in keys]


async def test_what_arrives_while_one_is_under_way_is_the_next_one() -> None:
    doubling = Doubling()
    gathered = Gathering(doubling)
    doubling.gate.clear()
    first = [asyncio.ensure_future(gathered.ask(key)) for key in (1, 2)]
    while not doubling.asked:
        await asyncio.sleep(0)
    rest = [asyncio.ensure_future(gathered.ask(key)) for key in (3, 4, 3)]
    await asyncio.sleep(0)
    doubling.gate.set()
    assert await asyncio.gather(*first, *rest) == [2, 4, 6, 8, 6]
    assert doubling.asked == [[1, 2], [3, 4, 3]]


async def test_an_error_reaches_everyone_who_asked_and_nobody_else() -> None:
    gathered = Gathering(Doubling())
    answers = await asyncio.gather(*(gathered.ask(key) for key in (1, 13)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError, RuntimeError]
    assert await gathered.ask(5) == 10


async def test_who_leaves_takes_nobody_along() -> None:
    gathered = Gathering(Doubling())
    leaves, stays = (asyncio.ensure_future(gathered.ask(key)) for key in (1, 2))
    await asyncio.sleep(0)
    leaves.cancel()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await leaves


async def test_a_query_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "AT_ONCE", 3)
    doubling = Doubling()
    gathered = Gathering(doubling)
    assert await asyncio.gather(*(gathered.ask(key) for key in range(7))) == [key * 2 for key in range(7)]
    assert [len(asked) for asked in doubling.asked] == [3, 3, 1]


async def test_callers_of_different_scopes_are_answered_by_what_each_may_see(store: Store, merchant: Merchant) -> None:
    shown, hidden = await merchant.requests(Status.PROCESSING, Status.UNPROCESSED)
    scopes = [merchant.actor(who, n, n).scope for who in ("account", "source", "channel") for n in (0, 1)]
    scopes.append(Scope(merchant.account + 1))
    asked = [(scope, id_) for scope in scopes for id_ in (shown, hidden, 10**9)]
    together = await asyncio.gather(*(store.reads.version(scope, id_) for scope, id_ in asked))
    one_by_one = [await store.reads.version(scope, id_) for scope, id_ in asked]
    assert list(together) == one_by_one
    images = await asyncio.gather(*(store.reads.request(scope, id_) for scope, id_ in asked))
    assert [image and image.state.version for image in images] == one_by_one
    seen = [version is not None for version in one_by_one]
    assert seen[:6] == [True, True, False] * 2  # the account sees both
    assert seen[6:9] == [True, False, False]  # its source sees what was released
    assert not any(seen[-3:])  # another account sees nothing
    image = images[0]
    assert image is not None
    assert [line.line_number for line in image.lines] == [1, 2]
